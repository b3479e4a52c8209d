"""Baselines in words, and which of them a model loses to: for the command line, pictures and reports alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minidl.core.text import listed
from minidl.data.steps import ahead, units
from minidl.forecasting.rounding import is_above

_SHORT = {
    "persistence": "same as now",
    "seasonal_24h": "same time yesterday",
    "seasonal_7d": "same time a week ago",
    "seasonal_year": "same time a year ago",
    "linear": "linear model",
    "direct_linear": "direct linear model",
    "most_frequent": "most frequent class",
}
_LONG = {
    "persistence": "persistence (same as now)",
    "seasonal_24h": "the value of the same time yesterday",
    "seasonal_7d": "the value of the same time a week ago",
    "seasonal_year": "the value of the same time a year ago",
    "linear": "the linear model",
    "direct_linear": "the direct linear model",
    "most_frequent": "the most frequent class",
    "mean": "the mean of the training part",
}


def baseline_short(name: str) -> str:
    """A baseline's name in a table's head or a legend."""
    return _named(name, _SHORT)


def baseline_words(name: str) -> str:
    """A baseline's name in a sentence."""
    return _named(name, _LONG)


def _named(name: str, words: Mapping[str, str]) -> str:
    head, _, rest = name.partition(" of ")
    known = words.get(head, head.replace("_", " "))
    return f"{known} of {rest}" if rest else known


def horizons_words(horizons: Sequence[str], step: str) -> str:
    """``8, 4 and 1 hours``."""
    return ahead(horizons[0], step) if len(horizons) == 1 else f"{listed(horizons)} {units(step)}"


def losses_to(
    rmse: Mapping[str, float | None], baselines: Mapping[str, Any], horizons: Sequence[str], rounding: float
) -> dict[str, list[str]]:
    """The baselines whose block score is better than a model's, and at which horizons.

    Parameters
    ----------
    rmse : the model's, by horizon; None or absent where it has none.
    baselines : scores by name, as in ``evaluation.json``.
    rounding : relative size of differences that count as none; see `minidl.forecasting.rounding`.
    """
    lost: dict[str, list[str]] = {}
    for name, baseline in baselines.items():
        for k in horizons:
            mine, theirs = rmse.get(k), baseline["block"][k]["rmse"]
            if mine is not None and theirs is not None and is_above(mine, theirs, rounding):
                lost.setdefault(name, []).append(k)
    return lost


def losing_words(lost: Mapping[str, Sequence[str]], step: str) -> str:
    """``loses to the linear model at 8 hours, and to ...``; nothing if it loses to none."""
    if not lost:
        return ""
    parts = (f"{baseline_words(name)} at {horizons_words(ks, step)}" for name, ks in lost.items())
    return f"loses to {', and to '.join(parts)}"
