"""Columns that tell several series of a table apart: what they say, and which they are where nothing is known of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from minidl.data.tables.rows import TableRows

_OF_A_CALENDAR = set(re.findall("...", "montuewedthufrisatsunjanfebmaraprmayjunjulaugsepoctnovdecsprsumautwin"))
_MOST = 12  # columns of which pairs are tried


def columns_of_series(
    texts: Mapping[str, Sequence[str]], times: Sequence[str], kept: float, least: int = 3
) -> tuple[str, ...]:
    """The column, or the pair of them, with the fewest different texts and none twice at one time.

    Empty: the table is one series, or nothing tells its series apart. One column comes before two, and columns of texts
    before those of whole numbers; others are not looked at.

    Parameters
    ----------
    texts : of each column that is no target, by name.
    times : the columns of times.
    kept : a table of which so large a part of the rows have different times is one series.
    least : rows that a series has on average.
    """
    moments = list(zip(*(texts[name] for name in times), strict=True))
    if not times or len(set(moments)) >= kept * len(moments):
        return ()
    columns = [name for name, cells in texts.items() if name not in ("", *times) and _names(cells)]
    for size in (1, 2):
        found = []
        for some in combinations(columns[: len(columns) if size == 1 else _MOST], size):
            cells = list(zip(*(texts[name] for name in some), strict=True))
            n = len(set(cells))
            if 1 < n <= len(cells) / least and len(set(zip(moments, cells, strict=True))) == len(cells):
                found.append((any(all(map(_number, set(texts[name]))) for name in some), n, some))
        if found:
            return min(found)[2]
    return ()


def column_without_times(texts: Mapping[str, Sequence[str]]) -> tuple[str, bool] | None:
    """A column of texts that may tell several series apart in a table without times; None: there is none.

    Its texts stand in blocks, one below the other (True), or come again and again in one order (False). Days of the
    week and months do so in one series, too.
    """
    for name, cells in texts.items():
        different = list(dict.fromkeys(cells))
        n, rows = len(different), len(cells)
        if not name or not 1 < n <= rows / 3 or any(cell == "" or _number(cell) for cell in different):
            continue
        if {cell.lower()[:3] for cell in different} <= _OF_A_CALENDAR:
            continue
        in_blocks = 1 + sum(one != other for one, other in pairwise(cells)) == n
        if in_blocks or list(cells) == (different * (rows // n + 1))[:rows]:
            return name, in_blocks
    return None


def _names(cells: Sequence[str]) -> bool:
    """Whether they may be names of series: texts or whole numbers, none empty."""
    different = set(cells)
    return "" not in different and not any(_number(cell) and not cell.strip().isdecimal() for cell in different)


def some_of(cells: Collection[str]) -> str:
    """``a, b, c and 5 others``, of the different texts in order."""
    different = list(dict.fromkeys(cells))
    rest = len(different) - 3
    shown = ", ".join(different[:3] if rest > 1 else different)
    return f"{shown} and {rest} others" if rest > 1 else shown


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def series_of_rows(file: TableRows, columns: Sequence[str]) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """The number of each row's series, counted from 0 in their order, and the names of all of them.

    Raises
    ------
    DataError
        A cell is empty.
    """
    cells = [file.texts(name) for name in columns]
    for name, column in zip(columns, cells, strict=True):
        if "" in column:
            raise file.error(column.index(""), f"column {name}: empty; expected the name of a series.")
    texts = list(map(" / ".join, zip(*cells, strict=True)))
    names = tuple(dict.fromkeys(texts))
    numbers = {name: i for i, name in enumerate(names)}
    return np.array([numbers[text] for text in texts], np.int64), names
