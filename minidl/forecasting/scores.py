"""Scores of forecasts on the test part: by block, as the textbook does, and by lead.

A window is a forecast origin. ``loss`` (½ · MSE) and ``r2`` are of scaled values (``r2``
of unscaled ones where the scale is bent, as by a logarithm), ``mae`` and ``rmse`` in
the target's own units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import metrics
from minidl.core.layer import Array, Layer
from minidl.data import Splits
from minidl.data.seasons import season_key
from minidl.forecasting.assumptions import check_covariates, first_season, left_out, rows_before
from minidl.forecasting.forecasters import (
    Covariates,
    Forecaster,
    Linear,
    Persistence,
    Recursive,
    Rows,
    Seasonal,
    Starts,
    model_next_rows,
)
from minidl.forecasting.rivals import Rival
from minidl.metrics import by_stretch, r2_columns

Scores = dict[str, float]


# A forecast that grows beyond all numbers is a score of Inf, which is reported, and no warning.
@np.errstate(all="ignore")
def block_scores(splits: Splits, forecaster: Forecaster, horizon: int) -> Scores:
    """The textbook's score: test windows in blocks of `horizon` without overlap, a remainder dropped.

    The forecast starts at each block's first window, so the score is an average
    over leads 1 ... horizon, not the score of the last lead.
    """
    starts = _block_starts(splits, horizon)
    return _scores(splits, forecaster(starts, horizon), _rows(splits).truth(starts, horizon))


def _block_starts(splits: Splits, horizon: int) -> Starts:
    starts = splits.test.starts
    return starts[: len(starts) // horizon * horizon : horizon]


def block_sums(splits: Splits, forecaster: Forecaster, horizon: int) -> dict[str, list[list[float]]]:
    """What the block scores R² and RMSE are made of, by stretch of the test part; no block is cut."""
    starts, column = _block_starts(splits, horizon), splits.table.target_index
    forecast, truth = forecaster(starts, horizon), _rows(splits).truth(starts, horizon)
    n = np.full(len(starts), horizon)
    y, target = (np.asarray(splits.scale.unscale(array, column), np.float64) for array in (forecast, truth))
    straight = (splits.scale.straight(array, column)[:, :, None] for array in (forecast, truth))
    return {
        "r2": by_stretch(*r2_columns(*straight)),
        "rmse": by_stretch(n, ((y - target) ** 2).sum(axis=1)),
    }


@np.errstate(all="ignore")
def lead_scores(splits: Splits, forecaster: Forecaster, horizon: int) -> dict[str, Scores]:
    """Scores of every single lead 1 ... horizon, over all origins that have `horizon` following rows."""
    starts = splits.test.starts
    starts = starts[: len(starts) - horizon + 1]
    forecast, truth = forecaster(starts, horizon), _rows(splits).truth(starts, horizon)
    return {str(j + 1): _scores(splits, forecast[:, j], truth[:, j]) for j in range(horizon)}


def _scores(splits: Splits, forecast: Array, truth: Array) -> Scores:
    column = splits.table.target_index
    y, target = splits.scale.unscale(forecast, column), splits.scale.unscale(truth, column)
    return {
        "loss": metrics.half_mse(forecast, truth),
        "r2": metrics.r2(*(splits.scale.straight(array, column) for array in (forecast, truth))),
        "mae": metrics.mae(y, target),
        "rmse": metrics.rmse(y, target),
    }


def _rows(splits: Splits) -> Rows:
    return Rows.of(splits.table, splits.values, splits.test.time_steps)


def baselines(splits: Splits, covariates: Covariates = "actual") -> dict[str, Forecaster]:
    """The forecasts that every model has to beat, by name; `covariates` as in `Forecast.future_covariates`.

    There is no seasonal one where `left_out` says why not.
    """
    rows, season, train = _rows(splits), first_season(splits.table), splits.train.one_ahead()
    seasonal = {} if left_out(splits) else {season_key(season): Seasonal(rows, rows_before(splits, season))}
    return {"persistence": Persistence(rows), **seasonal, "linear": Linear(rows, train, covariates=covariates)}


def rival_forecaster(splits: Splits, rival: Rival, covariates: Covariates, horizon: int) -> Forecaster:
    """A rival's forecasts of leads 1 ... horizon on the test part."""
    return rival.fit(splits, _rows(splits), covariates, horizon)


def model_forecaster(splits: Splits, model: Layer, covariates: Covariates = "actual") -> Forecaster:
    """A model's forecasts on the test part, direct or recursive; `covariates` as in `Forecast.future_covariates`.

    Raises
    ------
    DataError
        Yesterday is asked for, and the table does not say what that is, or begins too late.
    """
    check_covariates(splits, covariates)
    return Recursive(_rows(splits), model_next_rows(model), covariates)


@np.errstate(all="ignore")
def score_shifted(splits: Splits, forecaster: Forecaster, horizon: int) -> Scores:
    """The block score of a plot drawn one row early: each forecast against the truth of the row *before* its own.

    No score of a forecast. It shows how good such a plot looks.
    """
    starts = _block_starts(splits, horizon)
    return _scores(splits, forecaster(starts, horizon), _rows(splits).truth(starts - 1, horizon))


def score(splits: Splits, forecaster: Forecaster, horizons: Sequence[int]) -> dict[str, Any]:
    """Block scores of every horizon and lead scores up to the largest."""
    return {
        "block": all_blocks(splits, forecaster, horizons),
        "lead": lead_scores(splits, forecaster, max(horizons)),
    }


def all_blocks(splits: Splits, forecaster: Forecaster, horizons: Sequence[int]) -> dict[str, Scores]:
    """Block scores of every horizon."""
    return {str(k): block_scores(splits, forecaster, k) for k in horizons}
