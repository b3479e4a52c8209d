"""Scores of forecasts by what they are of: the lead, the hour, month or season of the row that is forecast, its
level, its series.

All leads of all origins of the test part that have as many rows to come, each forecast once. Levels are the quarters
of what was measured before the test part. In the target's own units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from minidl import metrics
from minidl.core.errors import DataError
from minidl.core.layer import Array
from minidl.data import Splits, Table
from minidl.data.steps import apart
from minidl.forecasting.forecasters import Forecaster, Starts
from minidl.forecasting.scores import lead_starts

By = Literal["lead", "hour", "month", "season", "level", "series"]
BY: tuple[By, ...] = get_args(By)
Values = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_SEASONS = ["December to February", "March to May", "June to August", "September to November"]


@dataclass(frozen=True, eq=False)
class Groups:
    """Which forecast belongs where.

    Parameters
    ----------
    names : of the groups, in their order.
    of : (windows, leads), the number of each forecast's group.
    """

    names: Sequence[str]
    of: npt.NDArray[np.int64]


def group_scores(
    splits: Splits, forecasters: Mapping[str, Forecaster], by: By, horizon: int
) -> dict[str, dict[str, dict[str, float]]]:
    """By group and forecaster ``n``, ``r2``, ``rmse``, ``mae`` and ``bias``, the mean of forecast - truth.

    NaN where a group is empty; R², which is within the group, also where its truth is constant. Of several series R²
    is of values scaled by series, as in `minidl.forecasting.scores`.

    Raises
    ------
    DataError
        The rows have no such thing.
    """
    starts = lead_starts(splits, horizon)
    groups = GROUPINGS[by](splits, starts, horizon)
    table = splits.table
    rows = _rows(splits, starts, horizon)
    column, known, scale = table.target_index, table.target_known[rows], splits.scale_at(starts)
    truth = table.values[rows, column]
    straight_truth = scale.straight(splits.values[rows, column], column)
    made = {}
    for name, forecaster in forecasters.items():
        scaled = forecaster(starts, horizon)
        made[name] = np.asarray(scale.unscale(scaled, column), np.float64), scale.straight(scaled, column)
    found = {}
    for i, group in enumerate(groups.names):
        of = known & (groups.of == i)
        found[group] = {
            name: _scores(y[of], truth[of], (straight[of], straight_truth[of])) for name, (y, straight) in made.items()
        }
    return found


@np.errstate(all="ignore")
def _scores(y: Values, truth: Values, straight: tuple[Array, Array]) -> dict[str, float]:
    if not len(y):
        return {"n": 0, **dict.fromkeys(("r2", "rmse", "mae", "bias"), np.nan)}
    return {
        "n": len(y),
        "r2": metrics.r2(*straight),
        "rmse": metrics.rmse(y, truth),
        "mae": metrics.mae(y, truth),
        "bias": float(np.mean(y - truth)),
    }


def _rows(splits: Splits, starts: Starts, horizon: int) -> Rows:
    """The rows that are forecast, (windows, leads)."""
    rows: Rows = starts[:, None] + splits.test.time_steps + np.arange(horizon)
    return rows


def _by_lead(splits: Splits, starts: Starts, horizon: int) -> Groups:
    names = [str(j + 1) for j in range(horizon)]
    return Groups(names, np.broadcast_to(np.arange(horizon), (len(starts), horizon)))


def _by_hour(splits: Splits, starts: Starts, horizon: int) -> Groups:
    table = splits.table
    if table.times is None or table.rows_of_a_day is None:
        raise DataError(f"--by hour: {_why_not(table)}, so that there is no hour of the day.")
    hours = table.times.astype("datetime64[h]").astype(np.int64) % 24
    return _by_number(hours, [f"{hour:02d}:00" for hour in range(24)], _rows(splits, starts, horizon))


def _by_month(splits: Splits, starts: Starts, horizon: int) -> Groups:
    return _by_number(_months(splits.table, "month"), _MONTHS, _rows(splits, starts, horizon))


def _by_season(splits: Splits, starts: Starts, horizon: int) -> Groups:
    of_month = (_months(splits.table, "season") + 1) % 12 // 3
    return _by_number(of_month, _SEASONS, _rows(splits, starts, horizon))


def _months(table: Table, by: str) -> Rows:
    """(n,): the month of each row, January as 0."""
    if table.times is None or table.step_name() in ("quarter", "year"):
        raise DataError(f"--by {by}: {_why_not(table)}, so that there is no {by}.")
    months: Rows = table.times.astype("datetime64[M]").astype(np.int64) % 12
    return months


def _by_number(numbers: Rows, names: Sequence[str], rows: Rows) -> Groups:
    """Groups of those of the `names` that a row of the table has."""
    there = np.unique(numbers)
    return Groups([names[i] for i in there], np.searchsorted(there, numbers[rows]))


def _by_level(splits: Splits, starts: Starts, horizon: int) -> Groups:
    table = splits.table
    values = table.values[:, table.target_index]
    measured = values[~splits.in_test & table.target_known]
    edges = np.unique(np.quantile(measured, [0.25, 0.5, 0.75]))
    texts = [f"{edge:.4g}" for edge in edges]
    between = [f"{low} to {high}" for low, high in pairwise(texts)]
    names = [f"up to {texts[0]}", *between, f"above {texts[-1]}"]
    return Groups(names, np.searchsorted(edges, values[_rows(splits, starts, horizon)]))


def _by_series(splits: Splits, starts: Starts, horizon: int) -> Groups:
    table = splits.table
    if not table.series:
        raise DataError("--by series: the table is one series; `series_by` names the column that tells several apart.")
    return Groups(table.series, np.repeat(table.series_of(starts)[:, None], horizon, axis=1))


GROUPINGS: dict[By, Callable[[Splits, Starts, int], Groups]] = {
    "lead": _by_lead,
    "hour": _by_hour,
    "month": _by_month,
    "season": _by_season,
    "level": _by_level,
    "series": _by_series,
}


def _why_not(table: Table) -> str:
    if table.times is None:
        return "the rows have no times"
    return "the rows have no even step" if table.step is None else f"the rows are {apart(table.step_name())} apart"
