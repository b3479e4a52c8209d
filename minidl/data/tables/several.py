"""Which column of a table that nothing is known of tells several series apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

_LEAST = 3  # rows that a series has on average
_MOST = 12  # columns of which pairs are tried


def columns_of_series(
    texts: Mapping[str, Sequence[str]], times: Sequence[str], target: str, kept: float
) -> tuple[str, ...]:
    """The column, or the pair of them, with the fewest different texts and none twice at one time.

    Empty: the table is one series, or nothing tells its series apart. One column comes before two, and columns of texts
    before those of whole numbers; others are not looked at.

    Parameters
    ----------
    texts : of each column, by name.
    times : the columns of times.
    kept : a table of which so large a part of the rows have different times is one series.
    """
    moments = list(zip(*(texts[name] for name in times), strict=True))
    if not times or len(set(moments)) >= kept * len(moments):
        return ()
    columns = [name for name, cells in texts.items() if name not in ("", target, *times) and _names(cells)]
    for size in (1, 2):
        found = []
        for some in combinations(columns[: len(columns) if size == 1 else _MOST], size):
            cells = list(zip(*(texts[name] for name in some), strict=True))
            n = len(set(cells))
            if 1 < n <= len(cells) / _LEAST and len(set(zip(moments, cells, strict=True))) == len(cells):
                found.append((any(all(map(_number, set(texts[name]))) for name in some), n, some))
        if found:
            return min(found)[2]
    return ()


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
