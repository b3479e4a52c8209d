"""The trials of a search: their scores in order, and by each value that was tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.core.errors import ConfigError
from minidl.plotting import style as look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def search_figure(
    scores: Sequence[float | None],
    values: Mapping[str, Sequence[Any]],
    *,
    metric: str = "validation_loss",
    larger_is_better: bool = False,
    log: Sequence[str] = (),
    choices: Mapping[str, Sequence[str]] | None = None,
) -> Figure:
    """The score of each trial with the best one so far, and below it the scores by the values of each key.

    Parameters
    ----------
    scores : in the order of the trials; None for one that has none, which is not drawn.
    values : of each key, one a trial; numbers, or one of its `choices`.
    log : keys whose axis is logarithmic.
    choices : of the keys whose values are texts, all there are, in the order in which they stand side by side.

    Raises
    ------
    ConfigError
        matplotlib is not installed, or no trial has a score.
    """
    there = [i for i, score in enumerate(scores) if score is not None]
    if not there:
        raise ConfigError("search_figure: no trial has a score, so there is nothing to draw.")
    found = np.array([scores[i] for i in there], dtype=float)
    best = int(found.argmax() if larger_is_better else found.argmin())
    with look.style():
        figure, axes = look.panels(1 + len(values), 2.9 * (1 + len(values)))
        so_far = (np.maximum if larger_is_better else np.minimum).accumulate(found)
        numbers = [i + 1 for i in there]
        axes[0].step([*numbers, len(scores)], [*so_far, so_far[-1]], where="post", color=look.GREY, label="best so far")
        axes[0].set_xlabel("trial")
        look.whole_numbers(axes[0])
        _points(axes[0], numbers, found, best, metric)
        axes[0].legend()
        for ax, (key, tried) in zip(axes[1:], values.items(), strict=True):
            _by_value(ax, [tried[i] for i in there], (choices or {}).get(key), found, best, metric)
            if key in log:
                ax.set_xscale("log")
                look.few_ticks(ax.xaxis)
            ax.set_xlabel(key)
        look.head(figure, f"{len(there)} of {len(scores)} trials ran to their end")
    return figure


def _points(ax: Axes, x: Sequence[float], found: Any, best: int, metric: str) -> None:
    ax.plot(x, found, "o", color=look.BLUE, ms=5, mec="none", alpha=0.7, label="a trial that ran to its end")
    ax.plot(x[best], found[best], "D", color=look.VERMILLION, mec=look.BLACK, ms=8, label="the best one")
    look.loss_axis(ax, list(found), from_zero=False)
    ax.set_ylabel(metric)


def _by_value(ax: Axes, tried: list[Any], choices: Sequence[str] | None, found: Any, best: int, metric: str) -> None:
    if choices is None:
        _points(ax, tried, found, best, metric)
        return
    _points(ax, [choices.index(value) for value in tried], found, best, metric)
    ax.set_xticks(range(len(choices)), choices)
    ax.set_xlim(-0.5, len(choices) - 0.5)
