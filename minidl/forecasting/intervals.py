"""Scores of intervals and distributions on the test part, by block and by lead, in the target's own units.

``coverage`` is the share of truths within the interval, ends included, ``width`` the mean distance of its
ends, ``pinball`` the mean pinball loss of both ends as quantiles, ``crps`` the continuous ranked
probability score of the whole distribution, which a calibration leaves as it is. A point forecast has no
interval, and the absolute error for its CRPS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.layer import Array
from minidl.data import Splits
from minidl.data.steps import ahead_short
from minidl.forecasting.distributions import Distributions, in_units
from minidl.forecasting.forecasters import (
    CHUNK,
    Covariates,
    Forecaster,
    Recursive,
    Remembered,
    Rows,
    Starts,
    nothing_made,
)
from minidl.forecasting.scores import block_starts, block_sums, known_truth, lead_starts, score
from minidl.forecasting.words import baseline_short
from minidl.losses.distributions import Distribution, pinball
from minidl.metrics import Metric, by_stretch, mean_of_sums

Values = npt.NDArray[np.float64]
_NONE = "a point forecast has no interval"
INTERVAL_METRICS = (
    Metric("crps", "CRPS", False, digits=2, in_units=True, of_sums=mean_of_sums),
    Metric("coverage", "coverage", True, undefined=_NONE, of_sums=mean_of_sums),
    Metric("width", "width", False, digits=2, in_units=True, undefined=_NONE),
    Metric("pinball", "pinball loss", False, digits=2, in_units=True, undefined=_NONE),
)


@dataclass(frozen=True, eq=False)
class IntervalForecaster:
    """Distributions of forecasts, and the interval that is taken of each.

    Parameters
    ----------
    distributions : of windows' first rows and a horizon.
    coverage : of the interval, above 0 and below 1.
    margins : by lead, see `Distribution.interval`; None: the intervals are what the distributions say.
    """

    distributions: Distributions
    coverage: float
    margins: Values | None = None

    def interval(self, of: Distribution, leads: int) -> tuple[Values, Values]:
        """(lower, upper) of forecasts (windows, leads), scaled."""
        return of.interval(self.coverage, 0.0 if self.margins is None else self.margins[:leads])


def model_distributions(
    each: Sequence[Splits], next_rows: Callable[[Array], Array], made: Callable[[Array], Any], covariates: Covariates
) -> list[Distributions]:
    """A direct model's distributions of each target, for which it runs once.

    Parameters
    ----------
    each : the data, for each target; see `Splits.of_targets`.
    next_rows : (B, T, F) windows to (B, leads · outputs of a lead); see `model_next_rows`.
    made : its outputs to a distribution; see `minidl.losses.Loss.distribution`.
    covariates : what it is given of later rows, if it reads any.
    """
    first, columns = each[0], each[0].table.target_columns
    rows = Rows.of(first.table, first.values, first.test.time_steps, first.later_rows)
    model = Recursive(rows, next_rows, covariates, together=True)

    def outputs(starts: Starts, _: int) -> Array:
        chunks = [starts[begin : begin + CHUNK] for begin in range(0, len(starts), CHUNK)]
        # Copies, since the next call overwrites them.
        return np.concatenate([next_rows(model.windows(chunk, nothing_made(chunk))).copy() for chunk in chunks])

    asked = Remembered(outputs) if len(each) > 1 else outputs

    def of_target(k: int) -> Distributions:
        return lambda starts, horizon: made(asked(starts, 0)).of_target(k, len(columns)).first(horizon)

    return [of_target(columns.index(one.table.target_index)) for one in each]


def all_scores(
    splits: Splits, forecaster: Forecaster, spread: IntervalForecaster | None, horizons: Sequence[int], intervals: bool
) -> dict[str, Any]:
    """Block and lead scores of points, and with `intervals` those of intervals in the same rows."""
    scores = score(splits, forecaster, horizons)
    if not intervals:
        return scores
    more = interval_scores(splits, forecaster, spread, horizons)
    return {
        table: {row: {**values, **more[table][row]} for row, values in rows.items()} for table, rows in scores.items()
    }


def all_sums(
    splits: Splits, forecaster: Forecaster, spread: IntervalForecaster | None, horizons: Sequence[int], intervals: bool
) -> dict[str, dict[str, list[list[float]]]]:
    """By horizon and metric what block scores are made of; see `block_sums`."""
    found = {str(k): block_sums(splits, forecaster, k) for k in horizons}
    for k in horizons if intervals else ():
        found[str(k)] |= interval_sums(splits, forecaster, spread, k)
    return found


def interval_scores(
    splits: Splits, forecaster: Forecaster, spread: IntervalForecaster | None, horizons: Sequence[int]
) -> dict[str, Any]:
    """``block`` of every horizon and ``lead`` up to the largest, with the four scores each; NaN where there is none.

    Parameters
    ----------
    forecaster : of points, where there is no `spread`.
    """
    furthest = max(horizons)
    starts = lead_starts(splits, furthest)
    blocks = {}
    for k in horizons:
        of_block = block_starts(splits, k)
        numbers, known = interval_numbers(splits, forecaster, spread, of_block, k)
        blocks[str(k)] = {name: _mean(values, known) for name, values in numbers.items()}
    numbers, known = interval_numbers(splits, forecaster, spread, starts, furthest)
    leads = {
        str(j + 1): {name: _mean(values[:, j], known[:, j]) for name, values in numbers.items()}
        for j in range(furthest)
    }
    return {"block": blocks, "lead": leads}


def interval_sums(
    splits: Splits, forecaster: Forecaster, spread: IntervalForecaster | None, horizon: int
) -> dict[str, list[list[float]]]:
    """What the block's CRPS and coverage are made of, by stretch of the test part; no block is cut."""
    starts = block_starts(splits, horizon)
    numbers, known = interval_numbers(splits, forecaster, spread, starts, horizon)
    defined = [name for name in ("crps", "coverage") if not np.isnan(numbers[name][known]).any()]
    return {name: by_stretch(known.sum(axis=1), np.where(known, numbers[name], 0).sum(axis=1)) for name in defined}


@np.errstate(all="ignore")
def interval_numbers(
    splits: Splits,
    forecaster: Forecaster,
    spread: IntervalForecaster | None,
    starts: Starts,
    horizon: int,
) -> tuple[dict[str, Values], npt.NDArray[np.bool_]]:
    """The scores of each forecast, (windows, horizon), in the target's units, and which of the truths are known."""
    scale, column = splits.scale_at(starts), splits.table.target_index

    def own(values: Values) -> Values:
        return scale.unscale(values, column)

    rows = Rows.of(splits.table, splits.values, splits.test.time_steps)
    truth, known = own(rows.truth(starts, horizon)), known_truth(splits, starts, horizon)
    if spread is None:
        error = np.abs(own(forecaster(starts, horizon)) - truth)
        none = np.full(truth.shape, np.nan)
        return {"crps": error, "coverage": none, "width": none, "pinball": none}, known
    found, coverage = spread.distributions(starts, horizon), spread.coverage
    lower, upper = map(own, spread.interval(found, horizon))
    ends = pinball(lower, truth, (1 - coverage) / 2) + pinball(upper, truth, (1 + coverage) / 2)
    moved = in_units(found, scale, column)
    within = ((lower <= truth) & (truth <= upper)).astype(np.float64)
    return {"crps": moved.crps(truth), "coverage": within, "width": upper - lower, "pinball": ends / 2}, known


def _mean(values: Values, known: npt.NDArray[np.bool_]) -> float:
    return float(np.mean(values[known]))


def interval_table(scores: Mapping[str, Any]) -> list[list[str]]:
    """A row for each lead: the interval's scores, and the CRPS beside that of others that have intervals."""
    about = scores["intervals"]
    crps, *others = INTERVAL_METRICS
    shown, units = (*others, crps), scores["units"]
    rivals = {name: tables["lead"] for name, tables in scores["baselines"].items() if tables["lead"]["1"]["width"] >= 0}
    head = [f"{100 * about['coverage']:.6g} % intervals", *(metric.title(units) for metric in shown)]
    table = [head + [f"CRPS of {baseline_short(name)}" for name in rivals]]
    for lead, row in scores["lead"].items():
        cells = [metric.shown(row[metric.name]) for metric in shown]
        table.append(
            [
                f"  {ahead_short(lead, about['step'])} ahead",
                *cells,
                *(crps.shown(of[lead]["crps"]) for of in rivals.values()),
            ]
        )
    return table
