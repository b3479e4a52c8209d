"""Which score is compared at which horizon, and in which words.

R² leads. It is undefined where the target does not change in the test part, for a
variance of 0 is divided by; there RMSE is compared. Undefined is not broken: a run is
broken if its training or its scores met NaN or Inf.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LEADING, OTHERWISE = "r2", "rmse"
METRICS = ("r2", "rmse", "mae", "loss")
WORDS = {"r2": "R²", "rmse": "RMSE", "mae": "MAE", "loss": "loss", "skill": "skill"}
_LARGER_IS_BETTER = ("r2", "skill")


def larger_is_better(metric: str) -> bool:
    """Whether of two values of a metric the larger is the better one."""
    return metric in _LARGER_IS_BETTER


def is_defined(scores: Sequence[Mapping[str, Any]], baselines: Mapping[str, Any], kind: str, key: str) -> bool:
    """Whether R² exists at a horizon or lead: anything at all, run or baseline, has one."""
    everything = [*scores, *baselines.values()]
    return not everything or any(one[kind][key][LEADING] is not None for one in everything)


def tested_metrics(
    scores: Sequence[Mapping[str, Any]], baselines: Mapping[str, Any], horizons: Sequence[str]
) -> dict[str, str]:
    """The metric that is compared, by horizon."""
    return {k: LEADING if is_defined(scores, baselines, "block", k) else OTHERWISE for k in horizons}


def metric_at(result: Mapping[str, Any], horizon: str) -> str:
    """The metric that a comparison's result compares at a horizon."""
    metric: str = result["asked"]["tested"][horizon]
    return metric


def undefined_at(result: Mapping[str, Any]) -> list[str]:
    """The horizons without R²."""
    return [k for k, metric in result["asked"]["tested"].items() if metric != LEADING]
