"""Scores of several targets together: by block and by lead, as those of one are.

``r2`` is the mean over the targets. ``loss``, ``rmse`` and ``mae``, and the scores of intervals, are of scaled
values, those of all targets together, since their own units differ. Each target has its own scores beside these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from minidl import metrics
from minidl.core.layer import Array, Layer
from minidl.data import Splits
from minidl.forecasting.forecasters import Covariates, Forecaster, Remembered, Starts
from minidl.forecasting.intervals import IntervalForecaster, interval_numbers
from minidl.forecasting.scores import (
    Scores,
    block_starts,
    counted_pair,
    lead_starts,
    model_forecaster,
    r2_of_each,
    scores_at,
)
from minidl.metrics import by_stretch


def model_forecasters(each: Sequence[Splits], model: Layer, covariates: Covariates) -> list[Forecaster]:
    """A model's forecasts of each target, for which it runs once.

    Parameters
    ----------
    each : the data, for each target; see `Splits.of_targets`.
    """
    whole = model_forecaster(each[0], model, covariates)
    of_all = Remembered(whole.of_all)
    return [partial(_of_target, of_all, whole.columns.index(one.table.target_index)) for one in each]


def _of_target(of_all: Callable[[Starts, int], Array], k: int, starts: Starts, horizon: int) -> Array:
    return of_all(starts, horizon)[:, :, k]


@np.errstate(all="ignore")
def joint_scores(
    each: Sequence[Splits], forecasters: Sequence[Forecaster], horizons: Sequence[int]
) -> dict[str, dict[str, Scores]]:
    """``block`` of every horizon and ``lead`` up to the largest.

    Parameters
    ----------
    each : the data, for each target; see `Splits.of_targets`.
    forecasters : of each target.
    """
    blocks = {str(k): joint_block(each, forecasters, k) for k in horizons}
    return {"block": blocks, "lead": joint_leads(each, forecasters, max(horizons))}


def joint_leads(each: Sequence[Splits], forecasters: Sequence[Forecaster], horizon: int) -> dict[str, Scores]:
    """Of every lead up to the horizon; see `joint_scores`."""
    starts = lead_starts(each[0], horizon)
    forecasts = [one(starts, horizon) for one in forecasters]
    return {
        str(j + 1): _together(each, [forecast[:, [j]] for forecast in forecasts], starts + j) for j in range(horizon)
    }


@np.errstate(all="ignore")
def joint_block(
    each: Sequence[Splits], forecasters: Sequence[Forecaster], horizon: int, shifted: bool = False
) -> Scores:
    """The block score; `shifted`: of a plot that is drawn one row early, see `score_shifted`."""
    starts = block_starts(each[0], horizon)
    return _together(each, [one(starts, horizon) for one in forecasters], starts - shifted)


def _together(each: Sequence[Splits], forecasts: Sequence[Array], starts: Starts) -> Scores:
    of_each = [scores_at(splits, forecast, starts)["r2"] for splits, forecast in zip(each, forecasts, strict=True)]
    pairs = []
    for splits, forecast in zip(each, forecasts, strict=True):
        made, truth, known = counted_pair(splits, forecast, starts)
        pairs.append((made[known], truth[known]))
    y, target = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
    return {
        "loss": metrics.half_mse(y, target),
        "r2": float(np.mean(of_each)),
        "mae": metrics.mae(y, target),
        "rmse": metrics.rmse(y, target),
    }


def joint_sums(each: Sequence[Splits], forecasters: Sequence[Forecaster], horizon: int) -> dict[str, list[list[float]]]:
    """What the block scores R² and RMSE are made of, by stretch of the test part; see `block_sums`."""
    starts, parts, counts, squares = block_starts(each[0], horizon), [], [], []
    for splits, forecaster in zip(each, forecasters, strict=True):
        forecast, truth, known = counted_pair(splits, forecaster(starts, horizon), starts)
        parts += r2_of_each(splits, forecast, truth, starts, known)
        e = np.asarray(forecast, np.float64) - truth
        counts.append(known.sum(axis=1))
        squares.append((e * e).sum(axis=1))
    return {"r2": by_stretch(*parts), "rmse": by_stretch(np.sum(counts, axis=0), np.sum(squares, axis=0))}


def joint_intervals(
    each: Sequence[Splits],
    forecasters: Sequence[Forecaster],
    spreads: Sequence[IntervalForecaster | None],
    horizons: Sequence[int],
) -> dict[str, dict[str, Scores]]:
    """As `joint_scores`, what `interval_scores` gives, of scaled values."""
    furthest, blocks = max(horizons), {}
    for k in horizons:
        found = _interval_numbers(each, forecasters, spreads, block_starts(each[0], k), k)
        blocks[str(k)] = {name: _mean([one[known] for one, known in found[name]]) for name in found}
    found = _interval_numbers(each, forecasters, spreads, lead_starts(each[0], furthest), furthest)
    leads = {
        str(j + 1): {name: _mean([one[known[:, j], j] for one, known in found[name]]) for name in found}
        for j in range(furthest)
    }
    return {"block": blocks, "lead": leads}


def _mean(parts: Sequence[Array]) -> float:
    return float(np.mean(np.concatenate(parts)))


def joint_interval_sums(
    each: Sequence[Splits],
    forecasters: Sequence[Forecaster],
    spreads: Sequence[IntervalForecaster | None],
    horizon: int,
) -> dict[str, list[list[float]]]:
    """What the block's CRPS and coverage are made of; see `interval_sums`."""
    found, sums = _interval_numbers(each, forecasters, spreads, block_starts(each[0], horizon), horizon), {}
    for name in ("crps", "coverage"):
        if not any(np.isnan(one[known]).any() for one, known in found[name]):
            parts = [(known.sum(axis=1), np.where(known, one, 0).sum(axis=1)) for one, known in found[name]]
            sums[name] = by_stretch(*np.sum(parts, axis=0))
    return sums


def _interval_numbers(
    each: Sequence[Splits],
    forecasters: Sequence[Forecaster],
    spreads: Sequence[IntervalForecaster | None],
    starts: Starts,
    horizon: int,
) -> dict[str, list[tuple[Array, Array]]]:
    """By name the scores of the forecasts of each target, and which of them are known."""
    made = [
        interval_numbers(splits, forecaster, spread, starts, horizon, scaled=True)
        for splits, forecaster, spread in zip(each, forecasters, spreads, strict=True)
    ]
    return {name: [(numbers[name], known) for numbers, known in made] for name in made[0][0]}
