"""Loss and metric by epoch, and loss by learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from minidl.core.errors import ConfigError
from minidl.metrics import Metric
from minidl.plotting import style as look
from minidl.training import EpochRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

R2 = Metric("r2", "R²", True)


def loss_figure(
    records: Sequence[EpochRecord], *, loss_name: str = "loss", metric: Metric = R2, about: str = ""
) -> Figure:
    """Training and validation loss by epoch, and a metric of the validation examples below.

    The loss axis is logarithmic where the losses differ by more than a factor of
    5, else linear and from 0. Without validation there is one panel.

    Parameters
    ----------
    records : at least one.
    loss_name : for the axis.
    metric : of the validation examples.
    about : what it is of, if that is not plain: ``one step ahead``.

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
            _metric_panel(axes[1], records, marker, metric, about)
        look.loss_axis(top, [*train, *validation])
        top.set_ylabel(loss_name)
        top.legend()
        axes[-1].set_xlabel("epoch")
        axes[-1].set_xlim(0, epochs[-1] + max(0.5, 0.02 * epochs[-1]))
        look.whole_numbers(axes[-1])
    return figure


def _metric_panel(ax: Axes, records: Sequence[EpochRecord], marker: str, metric: Metric, about: str) -> None:
    score = np.array([(record.validation_metrics or {}).get(metric.name) for record in records], dtype=float)
    ax.plot([record.epoch for record in records], score, color=look.VERMILLION, marker=marker)
    about = f", {about}" if about else ""
    ax.set_title(f"Validation {metric.words}{about} (1 is perfect; last epoch: {score[-1]:.3f})")
    ax.set_ylabel(f"validation {metric.words}")
    finite = score[np.isfinite(score)]
    if finite.size and finite.max() > 0:  # a few bad first epochs must not squeeze the rest flat
        ax.set_ylim(max(min(finite.min() - 0.05, 0), -0.3), 1)


def rate_figure(
    rates: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    suggestion: float | None = None,
    *,
    climbs: float | None = None,
    title: str = "Loss by learning rate",
    loss_name: str = "loss",
) -> Figure:
    """The losses of a learning-rate range test; those far above where it started are cut off.

    Parameters
    ----------
    rates, losses, smoothed : of each step, the losses as they are and smoothed.
    suggestion : a rate to be marked; None: none.
    climbs : the rate from which the loss climbs, where a line stands; None: there is none.

    Raises
    ------
    ConfigError
        matplotlib is not installed.
    """
    with look.style():
        figure = look.new_figure(9, 4.8)
        ax = figure.subplots()
        ax.plot(rates, losses, ".", color=look.BLUE, ms=4, alpha=0.5, mec="none", label="a batch, before its step")
        ax.plot(rates, smoothed, color=look.VERMILLION, label="mean of neighbouring steps")
        if climbs is not None:
            ax.axvline(climbs, color=look.BLACK, ls=":", lw=1.2, label=f"the loss climbs from {climbs:.2g} on")
        if suggestion is not None:
            at = float(np.interp(np.log(suggestion), np.log(rates), smoothed))
            label = f"suggestion: {suggestion:.2g}"
            ax.plot(suggestion, at, "D", color=look.VERMILLION, mec=look.BLACK, ms=8, label=label)
        low, high = min(*losses, 0), max(smoothed[0], *losses[: len(losses) // 4])
        ax.set_ylim(low, low + 1.2 * (high - low))
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.set_xlabel("learning rate, which grows by the same factor at every step")
        ax.set_ylabel(loss_name)
        ax.legend(loc="lower left")
        look.head(figure, title)
    return figure
