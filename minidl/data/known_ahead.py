"""Columns of a table whose later values are known when a forecast is made, as prices or holidays are.

A window ends with the row before the one that is forecast. So that it holds what is known of that one too, such a
column stands one row early in the rows that windows are cut from. After a table's end its values come from further
rows, which hold nothing else that is looked at: see `Table.later`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.core.text import counted, listed
from minidl.data.series import Table
from minidl.data.steps import apart, later, time_text

Array = npt.NDArray[Any]


def one_row_early(table: Table, borders: Sequence[int] = ()) -> Table:
    """A series with its columns that are known ahead one row early, so that in each row stands the next one's value.

    The last row of a part keeps its own value; no window with a label reads it.

    Parameters
    ----------
    borders : the first rows of all parts but the first.
    """
    if not table.known_ahead:
        return table
    columns = [table.feature_names.index(name) for name in table.known_ahead]
    values, gaps = moved_early(table.values, columns, borders), table.gaps
    if gaps is not None:
        gaps = replace(gaps, where=moved_early(gaps.where, columns, borders))
    return replace(table, values=values, gaps=gaps, early=table.known_ahead)


def moved_early(values: Array, columns: Sequence[int], borders: Sequence[int]) -> Array:
    """(n, F): a series' values, those of these columns one row early within each part."""
    moved = values.copy()
    for first, stop in pairwise((0, *borders, len(values))):
        moved[first : stop - 1, columns] = values[first + 1 : stop, columns]
    return moved


def later_values(table: Table, count: int) -> Array:
    """(count, F): so many rows after a series' end: what is known of them, else the last row's values."""
    values: Array = np.repeat(table.values[-1:], count, axis=0)
    known = _known_rows(table)[:count]
    columns = [table.feature_names.index(name) for name in table.known_ahead]
    known = known[:, columns]
    values[: len(known), columns] = np.where(np.isnan(known), values[: len(known), columns], known)
    return values


def check_known(table: Table, count: int, name: str) -> None:
    """Refuse a forecast from a series' end that is given less than so many rows of the columns known ahead.

    Raises
    ------
    DataError
        They are too few, or a value among them is a gap.
    """
    if not table.known_ahead:
        return
    rows, where = _known_rows(table), f"{name}: " if name else ""
    are = f"{listed(table.known_ahead)} {'are' if len(table.known_ahead) > 1 else 'is'} known ahead"
    if len(rows) < count:
        end = "its end" if table.times is None else f"its last row, {time_text(table.times[-1], table.utc)}"
        raise DataError(
            f"{where}{are}, and this forecast needs the {counted(count, 'row')} after {end}; there "
            f"{'are' if len(rows) != 1 else 'is'} {len(rows) or 'none'}. Give them with --later FILE, or as rows of "
            "the table whose target is empty."
        )
    columns = [table.feature_names.index(column) for column in table.known_ahead]
    gaps = np.argwhere(np.isnan(rows[:count, columns]))
    if len(gaps):
        row, column = gaps[0]
        raise DataError(
            f"{where}column {table.known_ahead[column]}, which is known ahead: a gap in {when_later(table, int(row))}, "
            f"{row + 1} after the last row; this forecast needs {counted(count, 'row')} without one."
        )


def _known_rows(table: Table) -> Array:
    return table.later[0] if table.later else np.empty((0, len(table.feature_names)))


def when_later(table: Table, row: int) -> str:
    """A row after a series' end (counted from 0) for messages."""
    if table.times is None or table.step is None:
        return f"row {len(table) + row} (counted from 0)"
    return time_text(later(table.times[-1], table.step, row + 1), table.utc)


def with_later(table: Table, known: Table, name: str) -> Table:
    """A table with the rows after its end that another one has, of the columns that are known ahead.

    Rows before the end are not looked at.

    Parameters
    ----------
    name : of the other one, for messages.

    Raises
    ------
    DataError
        The rows of one are another time apart than those of the other, do not follow the table's end, or belong to
        none of its series.
    """
    if (known.times is not None and len(known) > 1) and known.step_name() != table.step_name():
        raise DataError(
            f"{name}: rows are {apart(known.step_name())} apart, those of the table {apart(table.step_name())}."
        )
    others = dict(zip(known.series or ("",), known.each(), strict=True))
    rows = []
    for series, one in zip(table.series or ("",), table.each(), strict=True):
        if series not in others:
            raise DataError(f"{name}: no rows of {series}, which the table forecasts.")
        rows.append(_following(one, others[series], f"{name}: {series}" if series else name))
    return replace(table, later=tuple(rows))


def _following(table: Table, known: Table, name: str) -> Array:
    """(m, F): the rows of a series of columns known ahead that follow the end of a table."""
    values = known.values if known.gaps is None else np.where(known.gaps.where, np.nan, known.values)
    if table.times is not None and known.times is not None:
        after = known.times > table.times[-1]
        values, times = values[after], known.times[after]
        if table.step is not None and len(times) and times[0] != later(table.times[-1], table.step, 1):
            raise DataError(
                f"{name}: its first row after the table's end is of {time_text(times[0], known.utc)}; expected "
                f"{when_later(table, 0)}."
            )
    rows = np.full((len(values), len(table.feature_names)), np.nan)
    rows[:, [table.feature_names.index(column) for column in known.feature_names]] = values
    return rows
