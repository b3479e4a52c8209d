"""Forecasts, their scores, and the baselines that every score stands beside."""

from minidl.forecasting.ahead import Ahead, AheadOfEach, forecast_ahead
from minidl.forecasting.assumptions import assumptions, check_covariates, left_out, possible_covariates
from minidl.forecasting.forecasters import (
    COVARIATES,
    Covariates,
    Forecaster,
    Linear,
    Persistence,
    Recursive,
    Rows,
    Seasonal,
    model_next_rows,
)
from minidl.forecasting.rivals import DirectRidge, Drift, LightGBM, Rival, SameSeason
from minidl.forecasting.scores import (
    all_blocks,
    baselines,
    block_scores,
    block_sums,
    check_truth,
    lead_scores,
    model_forecaster,
    rival_forecaster,
    score,
    score_shifted,
)

__all__ = [
    "COVARIATES",
    "Ahead",
    "AheadOfEach",
    "Covariates",
    "DirectRidge",
    "Drift",
    "Forecaster",
    "LightGBM",
    "Linear",
    "Persistence",
    "Recursive",
    "Rival",
    "Rows",
    "SameSeason",
    "Seasonal",
    "all_blocks",
    "assumptions",
    "baselines",
    "block_scores",
    "block_sums",
    "check_covariates",
    "check_truth",
    "forecast_ahead",
    "lead_scores",
    "left_out",
    "model_forecaster",
    "model_next_rows",
    "possible_covariates",
    "rival_forecaster",
    "score",
    "score_shifted",
]
