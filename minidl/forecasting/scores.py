"""Scores of forecasts on the test part: by block, as the textbook does, and by lead.

A window is a forecast origin. ``loss`` (½ · MSE) and ``r2`` are of scaled values (``r2``
of unscaled ones where the scale is bent, as by a logarithm), ``mae`` and ``rmse`` in
the target's own units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl import metrics
from minidl.core.errors import DataError
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
    starts = block_starts(splits, horizon)
    return scores_at(splits, forecaster(starts, horizon), starts)


def block_starts(splits: Splits, horizon: int) -> Starts:
    """First rows of the windows that blocks begin with; a remainder is dropped.

    Of several series come the first blocks of all, then the second ones, and so on: stretches are stretches of time.
    """
    found = [starts[: len(starts) // horizon * horizon : horizon] for starts in test_starts(splits)]
    if len(found) == 1:
        return found[0]
    order = np.argsort(np.concatenate([np.arange(len(starts)) for starts in found]), kind="stable")
    return np.concatenate(found)[order]


def lead_starts(splits: Splits, horizon: int) -> Starts:
    """First rows of all windows after which so many rows of the test part follow, in their series."""
    return np.concatenate([starts[: max(len(starts) - horizon + 1, 0)] for starts in test_starts(splits)])


def test_starts(splits: Splits) -> list[Starts]:
    """First rows of the test windows of each series."""
    starts, ends = splits.test.starts, np.array(splits.table.firsts[1:])
    return np.split(starts, np.searchsorted(starts, ends))


def block_sums(splits: Splits, forecaster: Forecaster, horizon: int) -> dict[str, list[list[float]]]:
    """What the block scores R² and RMSE are made of, by stretch of the test part; no block is cut."""
    starts, column = block_starts(splits, horizon), splits.table.target_index
    forecast, truth, counted = counted_pair(splits, forecaster(starts, horizon), starts)
    scale = splits.scale_at(starts)
    y, target = (np.asarray(scale.unscale(array, column), np.float64) for array in (forecast, truth))
    return {
        "r2": by_stretch(*r2_of_each(splits, forecast, truth, starts, counted)),
        "rmse": by_stretch(counted.sum(axis=1), (np.where(counted, y - target, 0) ** 2).sum(axis=1)),
    }


def counted_pair(splits: Splits, forecast: Array, starts: Starts) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Forecasts (windows, leads), the truth, and which of it is known; where it is not, both are the same."""
    horizon = forecast.shape[1]
    truth, counted = _rows(splits).truth(starts, horizon), known_truth(splits, starts, horizon)
    return np.where(counted, forecast, truth), truth, counted


def r2_of_each(
    splits: Splits, forecast: Array, truth: Array, starts: Starts, counted: npt.NDArray[np.bool_]
) -> list[npt.NDArray[np.float64]]:
    """Of each window what R² is made of; see `minidl.metrics.r2_columns`."""
    scale, column = splits.scale_at(starts), splits.table.target_index
    straight, true = (scale.straight(array, column)[:, :, None] for array in (forecast, truth))
    return r2_columns(straight, true, None if counted.all() else counted)


@np.errstate(all="ignore")
def lead_scores(splits: Splits, forecaster: Forecaster, horizon: int) -> dict[str, Scores]:
    """Scores of every single lead 1 ... horizon, over all origins that have `horizon` following rows."""
    starts = lead_starts(splits, horizon)
    forecast = forecaster(starts, horizon)
    return {str(j + 1): scores_at(splits, forecast[:, [j]], starts + j) for j in range(horizon)}


def scores_at(splits: Splits, forecast: Array, starts: Starts) -> Scores:
    """Of forecasts (windows, leads) of the rows that follow the windows at `starts`, where the truth is known."""
    column, leads = splits.table.target_index, forecast.shape[1]
    truth, known = _rows(splits).truth(starts, leads), known_truth(splits, starts, leads)
    scale, pair = splits.scale_at(starts), (forecast, truth)
    y, target = (scale.unscale(array, column)[known] for array in pair)
    straight = [scale.straight(array, column)[known] for array in pair]
    forecast, truth = forecast[known], truth[known]
    return {
        "loss": metrics.half_mse(forecast, truth),
        "r2": metrics.r2(*straight),
        "mae": metrics.mae(y, target),
        "rmse": metrics.rmse(y, target),
    }


def known_truth(splits: Splits, starts: Starts, horizon: int) -> npt.NDArray[np.bool_]:
    """(windows, horizon): whether the truth was measured, or counts though it was not."""
    rows = starts[:, None] + splits.test.time_steps + np.arange(horizon)
    known: npt.NDArray[np.bool_] = splits.table.target_known[rows]
    return known


def scored_counts(splits: Splits, horizons: Sequence[int]) -> dict[str, dict[str, int]]:
    """Of how many truths the block scores of each horizon are, and those of each lead up to the largest.

    Empty where all truths are known.
    """
    leads = known_truth(splits, lead_starts(splits, max(horizons)), max(horizons))
    blocks = {k: known_truth(splits, block_starts(splits, k), k) for k in horizons}
    if leads.all() and all(known.all() for known in blocks.values()):
        return {}
    return {
        "block": {str(k): int(known.sum()) for k, known in blocks.items()},
        "lead": {str(j + 1): int(n) for j, n in enumerate(leads.sum(axis=0))},
    }


def scored_words(splits: Splits, horizon: int) -> str:
    """Of how many forecasts each lead is scored; "" where that is all of them."""
    known = known_truth(splits, lead_starts(splits, horizon), horizon)
    least, most = int(known.sum(axis=0).min()), int(known.sum(axis=0).max())
    numbers = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    each = "the lead" if horizon == 1 else f"each of {horizon} leads"
    return "" if known.all() else f"{each} is scored on {numbers} of {len(known):,} forecasts, whose truth was measured"


def check_truth(splits: Splits, horizon: int) -> None:
    """Refuse a test part in which nothing is known of a lead.

    Raises
    ------
    DataError
        Each truth of a lead, or of the blocks, was a gap.
    """
    starts = lead_starts(splits, horizon)
    blocks = known_truth(splits, block_starts(splits, horizon), horizon)
    if not (known_truth(splits, starts, horizon).any(axis=0).all() and blocks.any()):
        raise DataError(
            f"evaluation.horizons: of a lead up to {horizon} nothing is known in the test part, where all values of "
            "the target were gaps; give a larger test_size, or smaller horizons."
        )


def _rows(splits: Splits) -> Rows:
    return Rows.of(splits.table, splits.values, splits.test.time_steps)


def baselines(splits: Splits, covariates: Covariates = "actual") -> dict[str, Forecaster]:
    """The forecasts that every model has to beat, by name; `covariates` as in `Forecast.future_covariates`.

    There is no seasonal one where `left_out` says why not.
    """
    rows, season, train = _rows(splits), first_season(splits.table), splits.taught.one_ahead()
    seasonal = {} if left_out(splits) else {season_key(season): Seasonal(rows, rows_before(splits, season))}
    return {"persistence": Persistence(rows), **seasonal, "linear": Linear(rows, train, covariates=covariates)}


def rival_forecaster(splits: Splits, rival: Rival, covariates: Covariates, horizon: int) -> Forecaster:
    """A rival's forecasts of leads 1 ... horizon on the test part."""
    return rival.fit(splits, _rows(splits), covariates, horizon)


def model_forecaster(splits: Splits, model: Layer, covariates: Covariates = "actual") -> Recursive:
    """A model's forecasts on the test part, direct or recursive; `covariates` as in `Forecast.future_covariates`.

    Raises
    ------
    DataError
        Yesterday is asked for, and the table does not say what that is, or begins too late.
    """
    check_covariates(splits, covariates)
    rows = Rows.of(splits.table, splits.values, splits.test.time_steps, splits.later_rows)
    return Recursive(rows, model_next_rows(model), covariates, together=True)


@np.errstate(all="ignore")
def score_shifted(splits: Splits, forecaster: Forecaster, horizon: int) -> Scores:
    """The block score of a plot drawn one row early: each forecast against the truth of the row *before* its own.

    No score of a forecast. It shows how good such a plot looks.
    """
    starts = block_starts(splits, horizon)
    return scores_at(splits, forecaster(starts, horizon), starts - 1)


def score(splits: Splits, forecaster: Forecaster, horizons: Sequence[int]) -> dict[str, Any]:
    """Block scores of every horizon and lead scores up to the largest."""
    return {
        "block": all_blocks(splits, forecaster, horizons),
        "lead": lead_scores(splits, forecaster, max(horizons)),
    }


def all_blocks(splits: Splits, forecaster: Forecaster, horizons: Sequence[int]) -> dict[str, Scores]:
    """Block scores of every horizon."""
    return {str(k): block_scores(splits, forecaster, k) for k in horizons}
