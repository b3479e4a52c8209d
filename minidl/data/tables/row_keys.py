"""Which keys the rows of a table need that is looked at: to be sorted, to be one for each time, to be evenly spaced."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError, MissingPackageError
from minidl.core.text import counted
from minidl.data.csv_series import CSVSeries
from minidl.data.series import Table
from minidl.data.steps import Times, step_of
from minidl.data.tables.several import columns_of_series
from minidl.data.tables.time_zones import in_utc
from minidl.data.tables.written import Written

KEPT = 0.9  # of the rows, at least, where some have a time that stands there before
_FEWEST = 8  # rows of a series; fewer times are none
_NO_TIME = np.timedelta64(0, "s")
# Of each rule by which clocks change, a place where they do.
_ZONES = ("Europe/Berlin", "Europe/London", "Europe/Helsinki", "America/New_York", "Australia/Sydney")
_SATURDAY, _WEEK = 5, 7  # days from Monday on


def readable(keys: dict[str, Any], words: list[str], written: Written) -> Table:
    """The table; keys for rows out of order are added where it cannot be read without, and words that say so.

    Raises
    ------
    DataError
        It cannot be read with any of them, or more than a tenth of its rows would be dropped.
    """
    _add_zone(keys, words, written)
    for key, value in (("sort", True), ("duplicates", "drop"), ("missing_times", "gaps"), ("steps", "rows")):
        try:
            table = CSVSeries(**keys).read()
            break
        except DataError as err:
            sign = {"sort": "sort: true", "duplicates": "duplicates: drop"}.get(key, "evenly spaced")
            if "time" not in keys or sign not in str(err):
                continue
            keys[key] = value
            if key == "missing_times":
                keys["gaps"] = "interpolate"
            if key == "steps":
                del keys["missing_times"]
    else:
        table = CSVSeries(**keys).read()
    table, weekdays = _of_trading_days(keys, table)
    words += _said(keys, table, written, weekdays)
    return table


def _add_zone(keys: dict[str, Any], words: list[str], written: Written) -> None:
    """The zone with which times are evenly spaced that are not without, as where clocks go back in autumn."""
    if "time" not in keys or "time_zone" in keys:
        return
    try:
        times, utc = CSVSeries(**keys).times_of(written.file)
    except DataError:
        return
    if times is None or utc or step_of(times) is not None:
        return
    series = _numbers_of_series(keys, written, len(times))
    least, zone = _n_uneven(times, series), ""
    for name in _ZONES:
        with suppress(MissingPackageError):
            there, problems = in_utc(times, name, series)
            n = _n_uneven(there, series)
            if not problems and n < least:
                least, zone = n, name
    if zone:
        keys["time_zone"] = zone
        words.append(
            f"clocks change as in {zone}: times are taken as local there, and become UTC (`time_zone`); if they are of "
            "another place, say --time-zone"
        )


def _n_uneven(times: Times, series: npt.NDArray[np.int64]) -> int:
    """How many steps from row to row, in order of time, are not the usual one."""
    ordered = np.lexsort((times, series))
    steps = np.diff(times[ordered].astype(np.int64))[np.diff(series[ordered]) == 0]
    return len(steps) - int(np.unique(steps, return_counts=True)[1].max(initial=0))


def _said(keys: Mapping[str, Any], table: Table, written: Written, weekdays: bool) -> list[str]:
    """What the rows were, as far as keys had to be said for them."""
    times, _ = CSVSeries(**keys).times_of(written.file)
    if times is None:
        return []
    series = _numbers_of_series(keys, written, len(times))
    there = np.argsort(series, kind="stable")
    back = (np.diff(series[there]) == 0) & (np.diff(times[there]) < _NO_TIME)
    ordered = np.lexsort((times, series))
    again = (np.diff(series[ordered]) == 0) & (np.diff(times[ordered]) == _NO_TIME)
    n_twice, words = int(again.sum()), list[str]()
    if "sort" in keys:
        words.append(f"rows are not in order, in {counted(int(back.sum()), 'place')}: sorted (`sort`)")
    if "duplicates" in keys:
        if len(table) < KEPT * len(times):
            raise _too_few(keys, written, len(times) - n_twice)
        words.append(f"{counted(n_twice, 'row')} of times that stand there before: the first is kept (`duplicates`)")
    if "missing_times" in keys:
        n_added = len(table) - (len(times) - n_twice)
        words.append(f"{counted(n_added, 'time')} left out: rows of gaps are added (`missing_times`)")
    if "steps" in keys:
        what = "no rows on weekends" if weekdays else "times are not evenly spaced"
        words.append(f"{what}: each row is a step (`steps`)")
    return words


def _numbers_of_series(keys: Mapping[str, Any], written: Written, n: int) -> npt.NDArray[np.int64]:
    """(n,): the number of the series that each row belongs to."""
    names = keys.get("series_by", [])
    cells = [written.texts[name] for name in ([names] if isinstance(names, str) else names)]
    if not cells:
        return np.zeros(n, np.int64)
    numbers: dict[tuple[str, ...], int] = {}
    return np.array([numbers.setdefault(row, len(numbers)) for row in zip(*cells, strict=True)], np.int64)


def _too_few(keys: Mapping[str, Any], written: Written, n_times: int) -> DataError:
    """The error of a table of which more than a tenth of the rows would be dropped, and what may help."""
    n_rows = len(written.file)
    times = [keys["time"]] if isinstance(keys["time"], str) else keys["time"]
    targets = [keys["target"]] if isinstance(keys["target"], str) else keys["target"]
    others = {name: cells for name, cells in written.texts.items() if name not in targets}
    columns = columns_of_series(others, times, KEPT, least=2)
    helps = "if the table holds several series, keep the rows of one"
    if columns:
        n = len(set(zip(*(written.texts[name] for name in columns), strict=True)))
        helps = (
            f"told apart by {' and '.join(map(repr, columns))} (`series_by`) they are {n:,} series of some "
            f"{counted(n_rows // n, 'row')}, too few to forecast"
        )
    if n_times >= _FEWEST:
        helps += "; one series of means is what `duplicates: average` makes in a config of yours"
    return DataError(f"{keys['path']}: {n_rows:,} rows, but only {n_times:,} different times; {helps}.")


def _of_trading_days(keys: dict[str, Any], table: Table) -> tuple[Table, bool]:
    """The table as it is; or read anew, a row a step, where all that was added are weekends and holidays."""
    if "missing_times" not in keys or table.times is None or table.gaps is None or table.step_name() != "d":
        return table, False
    weekend = (table.times.astype("datetime64[D]").astype(np.int64) + 3) % 7 >= _SATURDAY
    if len(table) < _WEEK or not table.gaps.where[weekend, table.target_index].all():
        return table, False
    del keys["missing_times"]
    keys["steps"] = "rows"
    if "missing" not in keys:
        del keys["gaps"]
    return CSVSeries(**keys).read(), True
