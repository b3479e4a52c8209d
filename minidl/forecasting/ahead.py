"""A forecast beyond the end of a table, where nothing of the future is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.core.layer import Array
from minidl.data import ScaleFit, Table
from minidl.data.known_ahead import check_known
from minidl.data.later import day_of
from minidl.data.scalers import scaled_rows
from minidl.data.steps import later, time_text
from minidl.forecasting.assumptions import KEPT, at_once_words, direct, kept_words
from minidl.forecasting.distributions import in_units
from minidl.forecasting.forecasters import Covariates, Recursive, Rows, Starts, nothing_made
from minidl.forecasting.table_end import continued, known_gaps
from minidl.losses.distributions import Distribution


@dataclass(frozen=True, eq=False)
class Ahead:
    """The next values of the target, in its own units.

    Parameters
    ----------
    target, units : name and units of the column.
    values : (horizon,), one row apart.
    last : time of the table's last row; None if the table has no times.
    step : time between rows; None if the table has no times.
    time_steps : rows of the window that the forecast was made from.
    n_filled : how many of the window's values were gaps that were filled, and of how many.
    utc : whether the times are known to be in UTC.
    assumption : what it takes for granted, in words.
    interval : (lower, upper) ends of each value's interval, (horizon,) each; None: there are none.
    interval_words : what the intervals are; "" where there are none.
    rearranged : what became of the file's rows; see `Table`.
    told : the distribution of the values (1, horizon) that intervals are of, before they were calibrated.
    """

    target: str
    units: str
    values: Array
    last: np.datetime64 | None
    step: np.timedelta64 | None
    time_steps: int
    n_filled: tuple[int, int] = (0, 0)
    utc: bool = False
    assumption: str = KEPT
    interval: tuple[Array, Array] | None = None
    interval_words: str = ""
    rearranged: tuple[str, ...] = ()
    told: Distribution | None = None

    def times(self) -> list[str]:
        """ISO time of each value; ``+1``, ``+2``, ... rows where the table has no times."""
        if self.last is None or self.step is None:
            return [f"+{j + 1}" for j in range(len(self.values))]
        return [time_text(later(self.last, self.step, j + 1), self.utc) for j in range(len(self.values))]

    def table(self) -> list[list[Any]]:
        """A head, and a row of time and value for each forecast, and of the ends of its interval if it has one."""
        head = ["time", f"{self.target} [{self.units}]" if self.units else self.target]
        ends = self.interval or ()
        columns = [self.times(), *(map(float, numbers) for numbers in (self.values, *ends))]
        return [head + ["lower", "upper"][: len(ends)], *map(list, zip(*columns, strict=True))]

    def found(self) -> dict[str, Any]:
        """All of it by name, for JSON."""
        filled, of = self.n_filled
        values, about = self.values.tolist(), {"assumptions": self._assumed(), "window_values": of, "filled": filled}
        found = {"target": self.target, "units": self.units, "from": self._end(), "times": self.times()}
        ends = dict(zip(("lower", "upper"), (end.tolist() for end in self.interval or ()), strict=False))
        return {**found, "values": values, **ends, **about, **rearranged_by_name(self.rearranged)}

    def where(self) -> str:
        """What is forecast."""
        return f"{len(self.values)} rows ahead of {self._end()}"

    def said(self) -> str:
        """What it rests on."""
        gaps = f", of whose {filled_words(*self.n_filled)}" if self.n_filled[0] else ""
        lines = *self._assumed(), *self.rearranged
        return f"from the {self.time_steps} rows up to {self._end()}{gaps}; {'; '.join(lines)}"

    def _assumed(self) -> list[str]:
        return [self.assumption, *([self.interval_words] if self.interval_words else [])]

    def _end(self) -> str:
        return "the table's end" if self.last is None else time_text(self.last, self.utc)


@dataclass(frozen=True, eq=False)
class AheadOfEach:
    """The next values of several series; `series` has those of each by name, `rearranged` is as of `Ahead`."""

    series: Mapping[str, Ahead | AheadOfTargets]
    rearranged: tuple[str, ...] = ()

    def table(self) -> list[list[Any]]:
        """As of `Ahead`, with the name of the series in front of each row."""
        tables = {name: one.table() for name, one in self.series.items()}
        head = ["series", *next(iter(tables.values()))[0]]
        return [head, *([name, *row] for name, (_, *rows) in tables.items() for row in rows)]

    def found(self) -> dict[str, Any]:
        """That of each by name, for JSON."""
        found = {name: one.found() for name, one in self.series.items()}
        return {"series": found, **rearranged_by_name(self.rearranged)}

    def where(self) -> str:
        """What is forecast."""
        ahead = len(next(iter(self.series.values())).values)
        return f"{ahead} rows ahead of the end of each of {len(self.series):,} series"

    def said(self) -> str:
        """What it rests on; what differs from series to series is said of the first."""
        name, first = next(iter(self.series.items()))
        lines = [f"{name}: {first.said()}"]
        if len(self.series) > 1:
            filled, of = (sum(numbers) for numbers in zip(*(one.n_filled for one in self.series.values()), strict=True))
            gaps = f": of all {filled_words(filled, of)}" if filled else ""
            lines.append(f"the other series in the same way{gaps}")
        return "; ".join([*lines, *self.rearranged])


@dataclass(frozen=True, eq=False)
class AheadOfTargets:
    """The next values of several targets; `targets` has those of each, of the same rows."""

    targets: Sequence[Ahead]

    @property
    def n_filled(self) -> tuple[int, int]:
        """As of `Ahead`: the window is the same for all."""
        return self.targets[0].n_filled

    @property
    def values(self) -> Array:
        """(horizon, K), each in its own units."""
        return np.stack([one.values for one in self.targets], axis=1)

    def table(self) -> list[list[Any]]:
        """As of `Ahead`, with a column for each target, and the ends of its interval if it has one."""
        first, *others = tables = [one.table() for one in self.targets]
        for table, one in zip(tables, self.targets, strict=True):
            table[0][2:] = [f"{one.target} {end}" for end in table[0][2:]]
        return [[*row, *(cell for table in others for cell in table[i][1:])] for i, row in enumerate(first)]

    def found(self) -> dict[str, Any]:
        """That of each by name, for JSON."""
        return {"targets": {one.target: one.found() for one in self.targets}}

    def where(self) -> str:
        """What is forecast."""
        return self.targets[0].where()

    def said(self) -> str:
        """What it rests on."""
        return self.targets[0].said()


def filled_words(filled: int, of: int) -> str:
    """``72 values 2 were gaps and filled``."""
    return f"{of:,} values {filled:,} {'were gaps' if filled != 1 else 'was a gap'} and filled"


def rearranged_by_name(lines: tuple[str, ...]) -> dict[str, list[str]]:
    """What became of rows, for JSON; nothing where there is nothing to say."""
    return {"rows": [*lines]} if lines else {}


Interval = Callable[[Array], tuple[Distribution, tuple[Array, Array]]]


def forecast_ahead(
    table: Table, scale: ScaleFit, next_rows: Callable[[Array], Array], *, name: str = "", **asked: Any
) -> Ahead | AheadOfTargets | AheadOfEach:
    """Predict from the end of a table, or of each of its series; see `forecast_series`, which has the parameters.

    Raises
    ------
    DataError
        As there; the name of the series stands in front. Or a series was not in the training.
    """
    if not table.series:
        return _of_targets(table, scale, next_rows, name=name, **asked)
    made = {}
    for series, one in zip(table.series, table.each(), strict=True):
        where = f"{name}: {series}" if name else series
        try:
            own = scale.of_series(series)
        except DataError as err:
            raise DataError(f"{name}: {err}" if name else str(err)) from err
        made[series] = _of_targets(replace(one, rearranged=()), own, next_rows, name=where, **asked)
    return AheadOfEach(made, table.rearranged)


def _of_targets(
    table: Table, *arguments: Any, intervals: Sequence[Interval] | None = None, **asked: Any
) -> Ahead | AheadOfTargets:
    """As `forecast_series`, of each target; `intervals` are what makes that of each, None: there are none."""
    of_targets = table.of_targets()
    of_each: Sequence[Interval | None] = intervals or [None] * len(of_targets)
    pairs = zip(of_targets, of_each, strict=True)
    made = [forecast_series(one, *arguments, interval=interval, **asked) for one, interval in pairs]
    made = [replace(one, rearranged=table.rearranged) for one in made]
    return AheadOfTargets(made) if table.targets else made[0]


def forecast_series(
    table: Table,
    scale: ScaleFit,
    next_rows: Callable[[Array], Array],
    *,
    time_steps: int,
    horizon: int,
    dtype: npt.DTypeLike,
    name: str = "",
    derive: Callable[[Table], Table] = lambda table: table,
    covariates: Covariates = "hold_last",
    later_rows: int = 0,
    interval: Interval | None = None,
    interval_words: str = "",
) -> Ahead:
    """Predict from the table's last `time_steps` rows, as in scores; with ``actual`` the last values are kept.

    Parameters
    ----------
    next_rows, interval : of windows (1, T, F): (1, L·K) predictions of K targets; a distribution and its ends, scaled.
    name, derive : of the table, for messages; adds the columns that the model gets beside the table's own.
    covariates, later_rows : what stands in later rows, and how many of them the model reads; see `Rows`.

    Raises
    ------
    DataError
        Too few rows for a window or after it, a gap at the end, or values that cannot be scaled.
    """
    gaps = known_gaps(table, time_steps, f"{name}: " if name else "")[-time_steps:]
    way: Covariates = "hold_last" if covariates == "actual" else covariates
    whole = derive(continued(table.as_test_part(), horizon + later_rows + 1))
    before, start = _rows_before(table, time_steps, way, name)
    rows = Rows.of(whole, scaled_rows(whole, scale, dtype, first=before), time_steps, later_rows)
    forecaster = Recursive(rows, next_rows, way, together=True)
    x = forecaster.windows(start, nothing_made(start))
    leads = next_rows(x).shape[1] // len(table.target_columns)
    check_known(table, leads * ((horizon - 1) // leads) + later_rows + 1, name)  # up to the row of the last lead
    told, ends = (None, None) if interval is None else _in_units(*interval(x), scale, whole.target_index)
    return Ahead(
        *(table.target_name, table.units, scale.unscale(forecaster(start, horizon)[0], whole.target_index)),
        None if table.times is None else table.times[-1],
        table.step,
        time_steps,
        n_filled=(int(gaps.sum()), gaps.size),
        utc=table.utc,
        assumption=at_once_words(whole) if not later_rows and direct(leads, horizon) else kept_words(whole, way),
        interval=ends,
        interval_words=interval_words,
        told=told,
    )


def _in_units(
    told: Distribution, ends: tuple[Array, Array], scale: ScaleFit, column: int
) -> tuple[Distribution, tuple[Array, Array]]:
    lower, upper = (scale.unscale(end, column) for end in ends)
    return in_units(told, scale, column), (lower, upper)


def _rows_before(table: Table, time_steps: int, way: Covariates, name: str) -> tuple[int, Starts]:
    """How many rows at its beginning a forecast does not look at; the first row of the window, counted from there."""
    needed = max(time_steps, day_of(way, table.rows_of_a_day) or 0)
    if len(table) < needed:
        raise DataError(f"{name}: the table has {len(table)} rows; {way} needs those of a day, {needed}.")
    return len(table) - needed, np.array([needed - time_steps])
