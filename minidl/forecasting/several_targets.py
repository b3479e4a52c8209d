"""Scores of several targets together: by block and by lead, as those of one are.

``r2`` is the mean over the targets. ``rmse`` and ``mae``, and the scores of intervals, are of all targets together,
each in its standard deviations before the test part, since their own units differ, and whatever a model's scaler is.
``loss`` is of scaled values. Each target has its own scores beside these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from minidl import metrics
from minidl.core.layer import Array, Layer
from minidl.data import Splits, Table
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

Values = npt.NDArray[np.float64]


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


def joint_leads(
    each: Sequence[Splits], forecasters: Sequence[Forecaster], horizon: int, units: Values | None = None
) -> dict[str, Scores]:
    """Of every lead up to the horizon; see `joint_scores`.

    Parameters
    ----------
    units : of errors, see `deviations`; None: of the rows before the test part.
    """
    starts, units = lead_starts(each[0], horizon), _before_test(each) if units is None else units
    forecasts = [one(starts, horizon) for one in forecasters]
    return {
        str(j + 1): _together(each, [forecast[:, [j]] for forecast in forecasts], starts + j, units)
        for j in range(horizon)
    }


def deviations(table: Table, rows: npt.NDArray[np.bool_]) -> Values:
    """(K, series): of each target in each series the standard deviation of what was measured in some rows (n,).

    1 where that is 0.
    """
    found = np.ones((len(table.target_columns), len(table.firsts)))
    for k, one in enumerate(table.of_targets()):
        there = rows & one.target_known
        for i, stretch in enumerate(one.stretches()):
            values = one.values[stretch, one.target_index][there[stretch]]
            found[k, i] = values.std() if len(values) else 0.0
    found[found == 0] = 1.0
    return found


def _before_test(each: Sequence[Splits]) -> Values:
    return deviations(each[0].table, ~each[0].in_test)


def _in_units(splits: Splits, units: Values, values: Array, starts: Starts) -> Values:
    """Scaled values (windows, leads) in units (series,)."""
    own = splits.scale_at(starts).unscale(values, splits.table.target_index)
    return np.asarray(own, np.float64) / units[splits.table.series_of(starts)][:, None]


@np.errstate(all="ignore")
def joint_block(
    each: Sequence[Splits], forecasters: Sequence[Forecaster], horizon: int, shifted: bool = False
) -> Scores:
    """The block score; `shifted`: of a plot that is drawn one row early, see `score_shifted`."""
    starts = block_starts(each[0], horizon)
    return _together(each, [one(starts, horizon) for one in forecasters], starts - shifted, _before_test(each))


def _together(each: Sequence[Splits], forecasts: Sequence[Array], starts: Starts, units: Values) -> Scores:
    of_each = [scores_at(splits, forecast, starts)["r2"] for splits, forecast in zip(each, forecasts, strict=True)]
    scaled, pairs = [], []
    for splits, own, forecast in zip(each, units, forecasts, strict=True):
        made, truth, known = counted_pair(splits, forecast, starts)
        scaled.append((made[known], truth[known]))
        pairs.append([_in_units(splits, own, values, starts)[known] for values in (made, truth)])
    y, target = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
    return {
        "loss": metrics.half_mse(*(np.concatenate(arrays) for arrays in zip(*scaled, strict=True))),
        "r2": float(np.mean(of_each)),
        "mae": metrics.mae(y, target),
        "rmse": metrics.rmse(y, target),
    }


def joint_sums(each: Sequence[Splits], forecasters: Sequence[Forecaster], horizon: int) -> dict[str, list[list[float]]]:
    """What the block scores R² and RMSE are made of, by stretch of the test part; see `block_sums`."""
    starts, parts, counts, squares = block_starts(each[0], horizon), [], [], []
    for splits, units, forecaster in zip(each, _before_test(each), forecasters, strict=True):
        forecast, truth, known = counted_pair(splits, forecaster(starts, horizon), starts)
        parts += r2_of_each(splits, forecast, truth, starts, known)
        y, target = (_in_units(splits, units, values, starts) for values in (forecast, truth))
        e = np.where(known, y - target, 0)
        counts.append(known.sum(axis=1))
        squares.append((e * e).sum(axis=1))
    return {"r2": by_stretch(*parts), "rmse": by_stretch(np.sum(counts, axis=0), np.sum(squares, axis=0))}


def joint_intervals(
    each: Sequence[Splits],
    forecasters: Sequence[Forecaster],
    spreads: Sequence[IntervalForecaster | None],
    horizons: Sequence[int],
) -> dict[str, dict[str, Scores]]:
    """As `joint_scores`, what `interval_scores` gives, in the units of errors together."""
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
    found: dict[str, list[tuple[Array, Array]]] = {}
    for splits, own, forecaster, spread in zip(each, _before_test(each), forecasters, spreads, strict=True):
        numbers, known = interval_numbers(splits, forecaster, spread, starts, horizon)
        units = own[splits.table.series_of(starts)][:, None]
        for name, values in numbers.items():
            found.setdefault(name, []).append((values if name == "coverage" else values / units, known))
    return found
