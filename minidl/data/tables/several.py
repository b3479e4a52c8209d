"""Which column of a table that nothing is known of tells several series apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

_LEAST = 3  # rows that a series has on average


def column_of_series(texts: Mapping[str, Sequence[str]], times: Sequence[str], target: str, kept: float) -> str | None:
    """The column with the fewest different texts that has no text twice at one time; None: the table is one series.

    Columns of texts come before those of whole numbers; others are none.

    Parameters
    ----------
    texts : of each column, by name.
    times : the columns of times.
    kept : a table of which so large a part of the rows have different times is one series.
    """
    moments = list(zip(*(texts[name] for name in times), strict=True))
    if not times or len(set(moments)) >= kept * len(moments):
        return None
    found = []
    for name, cells in texts.items():
        different = set(cells)
        if name in ("", target, *times) or "" in different or not 1 < len(different) <= len(cells) / _LEAST:
            continue
        numbers = all(map(_number, different))
        if numbers and not all(cell.strip().isdecimal() for cell in different):
            continue
        if len(set(zip(moments, cells, strict=True))) == len(cells):
            found.append((numbers, len(different), name))
    return min(found)[2] if found else None


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
