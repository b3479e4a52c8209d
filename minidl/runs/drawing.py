"""The figures of a run, drawn into its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minidl.plotting import loss_figure
from minidl.plotting import style as look
from minidl.runs.run import Run
from minidl.tasks import Parts
from minidl.training.threads import one_blas_thread

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_losses(run: Run, parts: Parts) -> dict[str, bytes]:
    """The picture of the losses by file name; none without a single complete epoch."""
    records = run.log() if (run.path / "log.jsonl").exists() else []
    if not records:
        return {}
    task, name = run.experiment.evaluation, type(run.experiment.loss).__name__
    loss_name = name if run.experiment.loss.labels else f"{name}, scaled values"
    figure = loss_figure(records, loss_name=loss_name, metric=task.metrics[0], about=task.validated(parts))
    return {"loss.png": look.png(figure)}


def pngs(figures: Mapping[str, Figure]) -> dict[str, bytes]:
    """The figures' PNGs, one after the other."""
    return {name: look.png(figure) for name, figure in figures.items()}


def save_figures(
    run: Run,
    parts: Parts,
    scores: dict[str, Any],
    losses: dict[str, bytes] | None = None,
    drawn: Callable[[Mapping[str, Figure]], dict[str, bytes]] = pngs,
) -> list[Path]:
    """Draw a run's figures into its folder: loss.png, and those of its task.

    Parameters
    ----------
    run : its model holds the weights that `scores` are of.
    scores : what ``run.evaluate`` returned.
    losses : what `draw_losses` returned, if that is drawn already.
    drawn : what makes PNGs of the task's figures.

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
    pictures = draw_losses(run, parts) if losses is None else losses
    with one_blas_thread():
        figures = run.experiment.evaluation.draw(run.experiment.scored_model, parts, scores)
    pictures |= drawn(figures)
    return [look.write_png(run.path / "figures" / name, png) for name, png in pictures.items()]
