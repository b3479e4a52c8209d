"""The figures of a run, drawn into its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minidl.plotting import loss_figure
from minidl.plotting import style as look
from minidl.runs.run import Run
from minidl.tasks import Parts
from minidl.training.threads import one_blas_thread


def save_figures(run: Run, parts: Parts, scores: dict[str, Any]) -> list[Path]:
    """Draw a run's figures into its folder: loss.png, and those of its task.

    Parameters
    ----------
    run : its model holds the weights that `scores` are of.
    scores : what ``run.evaluate`` returned.

    Returns
    -------
    The files. Without a single complete epoch there is no loss.png.

    Raises
    ------
    ConfigError
        matplotlib is not installed.
    StorageError
        A file cannot be written.
    """
    experiment = run.experiment
    task = experiment.evaluation
    with one_blas_thread():
        figures = task.draw(experiment.scored_model, parts, scores)
    records = run.log() if (run.path / "log.jsonl").exists() else []
    if records:
        name = type(experiment.loss).__name__
        loss_name = name if experiment.loss.labels else f"{name}, scaled values"
        loss = loss_figure(records, loss_name=loss_name, metric=task.metrics[0], about=task.validated(parts))
        figures = {"loss.png": loss, **figures}
    return [look.save(figure, run.path / "figures" / name) for name, figure in figures.items()]
