"""Forecasts that another program made of the test part, from a CSV file, scored like a model's.

The file has the columns ``time`` (of the row that is forecast; ``row``, counted from 0, where the
table has no times), ``lead`` (rows from the last known one, 1 and more) and ``forecast`` (in the target's
own units); where the table holds several series, also ``series``, the name of one; and of several targets also
``target``, the name of one. What it holds beyond what is scored is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.core.layer import Array
from minidl.core.text import printable
from minidl.data import Splits
from minidl.data.csv_file import CSVFile, read_bytes
from minidl.data.timestamps import has_offset, parse_time
from minidl.forecasting.forecasters import Starts
from minidl.forecasting.scores import block_starts, lead_starts

Values = npt.NDArray[np.float64]


class Outside:
    """A forecaster that looks up what the file says.

    Parameters
    ----------
    values : (rows of the table, leads), scaled; NaN where the file says nothing.
    time_steps : T, rows of a window.
    """

    def __init__(self, values: Values, time_steps: int) -> None:
        self.values, self.time_steps = values, time_steps

    def __call__(self, starts: Starts, horizon: int) -> Array:
        """Scaled forecasts, (len(starts), horizon)."""
        leads = np.arange(horizon)
        found: Array = self.values[starts[:, None] + self.time_steps + leads, leads]
        return found


def read_outside(path: Path, splits: Splits, horizons: Sequence[int]) -> list[Outside]:
    """The forecasts of a file of each target, for all windows of the test part that are scored.

    Raises
    ------
    DataError
        One line: the file has not this form, has a forecast twice, or lacks one that is scored.
    """
    name, table, furthest = printable(path), splits.table, max(horizons)
    targets = [one.target_name for one in table.of_targets()]
    file = CSVFile(read_bytes(path), name=name)
    rows, leads = _rows(file, splits), file.convert("lead", _lead)
    named = file.texts("target") if table.targets else targets * len(file)
    forecasts = file.numbers("forecast")
    values = np.full((len(targets), len(table), furthest), np.nan)
    for i, (row, lead, target) in enumerate(zip(rows, leads, named, strict=True)):
        if row is None or lead > furthest or target not in targets:
            continue
        place = targets.index(target), row, lead - 1
        if not np.isnan(values[place]):
            raise file.error(i, f"a forecast {lead} ahead of this time stands there twice; keep one.")
        values[place] = forecasts[i]
    _check_complete(values, splits, horizons, name)
    every_row, T = np.arange(len(table)), splits.test.time_steps
    pairs = zip(values, table.target_columns, strict=True)
    return [Outside(splits.scale_at(every_row).scale(of_target, column), T) for of_target, column in pairs]


def _check_complete(values: Values, splits: Splits, horizons: Sequence[int], name: str) -> None:
    """Refuse a file that lacks a forecast which is scored; the first in the order of targets, rows and leads."""
    table, needed = splits.table, _needed(splits, horizons, values.shape[1:])
    missing = np.argwhere(needed & np.isnan(values))
    if not len(missing):
        return
    target, row, lead = missing[0]
    when = table.when(int(row)) if table.times is None else f"the time {table.when(int(row))}"
    of = f", of {table.of_targets()[target].target_name}" if table.targets else ""
    raise DataError(
        f"{name}: {len(missing):,} of {int(needed.sum()) * len(values):,} forecasts that are scored are missing; the "
        f"first is of {when}, lead {lead + 1}{of}. Every window of the test part needs the leads 1 to {max(horizons)}."
    )


def _rows(file: CSVFile, splits: Splits) -> list[int | None]:
    """The table's row of each line; None for one that it does not have."""
    table = splits.table
    named = file.texts("series") if table.series else [""] * len(file)
    series = {name: i for i, name in enumerate(table.series or ("",))}
    counted = np.concatenate([np.arange(len(one)) for one in table.each()])
    own = counted if table.times is None else table.times.astype("datetime64[s]").astype(np.int64)
    of_rows = zip(table.series_of(np.arange(len(table))).tolist(), own.tolist(), strict=True)
    known = {place: row for row, place in enumerate(of_rows)}
    places = file.convert("row", _row) if table.times is None else _times(file, table.utc)
    return [known.get((series.get(name, -1), place)) for name, place in zip(named, places, strict=True)]


def _times(file: CSVFile, utc: bool) -> list[int]:
    """The time of each line, in seconds since 1970."""
    times = np.array(file.convert("time", parse_time), "datetime64[s]")
    zoned = [has_offset(text) for text in file.texts("time")]
    if any(one != utc for one in zoned):
        row = [one != utc for one in zoned].index(True)
        needed = "are in UTC; expected an offset" if utc else "have no offset from UTC; expected none"
        raise file.error(row, f"the times of the series {needed} here (Z or +01:00).")
    return [int(time) for time in times.astype(np.int64)]


def _row(text: str) -> int:
    if not (text.isdecimal() and len(text) <= 9):
        raise ValueError(f"{text[:40]!r} is no row; expected a whole number from 0 on.")
    return int(text)


def _lead(text: str) -> int:
    if not (text.isdecimal() and 1 <= len(text) <= 9 and int(text)):
        raise ValueError(f"{text[:40]!r} is no lead; expected a whole number from 1 on.")
    return int(text)


def _needed(splits: Splits, horizons: Sequence[int], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Which forecasts are scored, by row of the table and lead."""
    needed, T = np.zeros(shape, bool), splits.test.time_steps
    asked: list[tuple[Any, int]] = [(block_starts(splits, k), k) for k in horizons]
    asked.append((lead_starts(splits, max(horizons)), max(horizons)))
    for first, k in asked:
        leads = np.arange(k)
        needed[first[:, None] + T + leads, leads] = True
    return needed
