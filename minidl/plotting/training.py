"""Loss and metric by epoch, and the figures of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.core.errors import ConfigError
from minidl.plotting import style as look
from minidl.runs.run import Run
from minidl.tasks import Forecast, Parts, Task
from minidl.training import EpochRecord
from minidl.training.threads import one_blas_thread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
        figures = task.draw(experiment, parts, scores)
    records = run.log() if (run.path / "log.jsonl").exists() else []
    if records:
        name = type(experiment.loss).__name__
        loss_name = name if experiment.loss.labels else f"{name}, scaled values"
        loss = loss_figure(records, loss_name=loss_name, task=task)
        figures = {"loss.png": loss, **figures}
    return [look.save(figure, run.path / "figures" / name) for name, figure in figures.items()]


def loss_figure(
    records: Sequence[EpochRecord], *, loss_name: str = "loss", task: Task | type[Task] = Forecast
) -> Figure:
    """Training and validation loss by epoch, and the task's leading metric of the validation examples below.

    The loss axis is logarithmic where the losses differ by more than a factor of
    5, else linear and from 0. Without validation there is one panel.

    Parameters
    ----------
    records : at least one.
    loss_name : for the axis.
    task : whose metric is drawn.

    Raises
    ------
    ConfigError
        matplotlib is not installed, or there is no record.
    """
    if not records:
        raise ConfigError("loss_figure: no complete epoch, so there is nothing to draw.")
    epochs = [record.epoch for record in records]
    train = [record.train_loss for record in records]
    validation = np.array([record.validation_loss for record in records], dtype=float)  # None becomes NaN
    validated = bool(np.isfinite(validation).any())
    marker = "o" if len(records) < 30 else ""
    with look.style():
        figure = look.new_figure(9, 7 if validated else 4.5)
        axes = figure.subplots(2 if validated else 1, 1, sharex=True, squeeze=False)[:, 0]
        top = axes[0]
        top.plot(epochs, train, color=look.BLUE, marker=marker, label="training (mean over the epoch)")
        top.set_title("Loss by epoch")
        if validated:
            top.plot(epochs, validation, color=look.VERMILLION, marker=marker, label="validation (at the epoch's end)")
            best = int(np.nanargmin(validation))
            label = f"lowest validation loss: epoch {epochs[best]}"
            top.plot(epochs[best], validation[best], "D", color=look.VERMILLION, mec=look.BLACK, ms=8, label=label)
            _metric_panel(axes[1], records, marker, task)
        look.loss_axis(top, [*train, *validation])
        top.set_ylabel(loss_name)
        top.legend()
        axes[-1].set_xlabel("epoch")
        axes[-1].set_xlim(0, epochs[-1] + max(0.5, 0.02 * epochs[-1]))
        look.whole_numbers(axes[-1])
    return figure


def _metric_panel(ax: Axes, records: Sequence[EpochRecord], marker: str, task: Task | type[Task]) -> None:
    metric = task.metrics[0]
    score = np.array([(record.validation_metrics or {}).get(metric.name) for record in records], dtype=float)
    ax.plot([record.epoch for record in records], score, color=look.VERMILLION, marker=marker)
    about = f", {task.validated}" if task.validated else ""
    ax.set_title(f"Validation {metric.words}{about} (1 is perfect; last epoch: {score[-1]:.3f})")
    ax.set_ylabel(f"validation {metric.words}")
    finite = score[np.isfinite(score)]
    if finite.size and finite.max() > 0:  # a few bad first epochs must not squeeze the rest flat
        ax.set_ylim(max(min(finite.min() - 0.05, 0), -0.3), 1)
