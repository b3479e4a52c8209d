"""Forecasts, their scores, and the baselines that every score stands beside."""

from minidl.forecasting.forecasters import Forecaster, Linear, Persistence, Recursive, Rows, Seasonal, model_one_step
from minidl.forecasting.scores import (
    Evaluation,
    baselines,
    block_scores,
    evaluate,
    lead_scores,
    model_forecaster,
    score,
)

__all__ = [
    "Evaluation",
    "Forecaster",
    "Linear",
    "Persistence",
    "Recursive",
    "Rows",
    "Seasonal",
    "baselines",
    "block_scores",
    "evaluate",
    "lead_scores",
    "model_forecaster",
    "model_one_step",
    "score",
]
