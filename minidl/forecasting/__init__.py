"""Forecasts, their scores, and the baselines that every score stands beside."""

from minidl.forecasting.ahead import Forecast, forecast_ahead
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
    Evaluation,
    Published,
    baselines,
    block_scores,
    broken_score,
    check_finite,
    evaluate,
    lead_scores,
    model_forecaster,
    score,
    score_shifted,
)

__all__ = [
    "COVARIATES",
    "Covariates",
    "Evaluation",
    "Forecast",
    "Forecaster",
    "Linear",
    "Persistence",
    "Published",
    "Recursive",
    "Rows",
    "Seasonal",
    "assumptions",
    "baselines",
    "block_scores",
    "broken_score",
    "check_covariates",
    "check_finite",
    "evaluate",
    "forecast_ahead",
    "lead_scores",
    "left_out",
    "model_forecaster",
    "model_one_step",
    "score",
    "score_shifted",
]
