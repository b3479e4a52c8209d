"""Forecasts, their scores, and the baselines that every score stands beside."""

from minidl.forecasting.ahead import Ahead, forecast_ahead
from minidl.forecasting.assumptions import assumptions, check_covariates, left_out
from minidl.forecasting.forecasters import (
    COVARIATES,
    Covariates,
    Forecaster,
    Linear,
    Persistence,
    Recursive,
    Rows,
    Seasonal,
    model_one_step,
)
from minidl.forecasting.scores import (
    all_blocks,
    baselines,
    block_scores,
    block_sums,
    lead_scores,
    model_forecaster,
    score,
    score_shifted,
)

__all__ = [
    "COVARIATES",
    "Ahead",
    "Covariates",
    "Forecaster",
    "Linear",
    "Persistence",
    "Recursive",
    "Rows",
    "Seasonal",
    "all_blocks",
    "assumptions",
    "baselines",
    "block_scores",
    "block_sums",
    "check_covariates",
    "forecast_ahead",
    "lead_scores",
    "left_out",
    "model_forecaster",
    "model_one_step",
    "score",
    "score_shifted",
]
