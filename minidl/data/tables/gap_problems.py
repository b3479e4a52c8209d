"""What is wrong with the gaps of a series' rows, and where a series ends whose last rows have no target."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.core.text import counted
from minidl.data.gaps import longest_run
from minidl.data.steps import Times, time_text
from minidl.data.tables.row_order import Arrangement
from minidl.data.tables.rows import TableRows

Mask = npt.NDArray[np.bool_]


def gap_problems(
    where: Mapping[str, Mask],
    times: Times | None,
    series: str,
    categories: Collection[str],
    max_gap: int | None,
    gaps: str,
) -> list[str]:
    """A line for each reason why the gaps of a series cannot be filled.

    Parameters
    ----------
    where : by column, (n,), the gaps.
    series : its name; "" where the table is one series.
    categories : the columns that cannot be interpolated.
    max_gap : in rows; None: a gap may be of any length.
    gaps : ``refuse`` or ``interpolate``.
    """
    problems: list[str] = []
    for name, column in where.items():
        if series and column.all():
            problems.append(f"column {name}: every row is a gap; leave the rows of {series} out of the file.")
        if name in categories and column.any():
            problems.append(
                f"column {name}: {counted(int(column.sum()), 'row')} of times that the file leaves out; a category "
                "cannot be interpolated: give the empty text a number in `categories`."
            )
        first, length = longest_run(column)
        if max_gap is not None and length > max_gap:
            place = f"row {first} (counted from 0)" if times is None else time_text(times[first])
            problems.append(
                f"column {name}: a gap of {counted(length, 'row')} from {place} on; `max_gap` is {max_gap}."
            )
    if gaps == "refuse" and any(column.any() for column in where.values()):
        problems.append("rows were added as gaps (`missing_times: gaps`); `gaps: interpolate` fills gaps.")
    return problems


def refuse_gaps(file: TableRows, features: Sequence[str], gaps: str, where: Mask) -> None:
    """DataError for gaps of a file's rows, (n, F), where they are not to be filled, and for columns of nothing else.

    Parameters
    ----------
    gaps : ``refuse`` or ``interpolate``.
    """
    for name, column in zip(features, where.T, strict=True):
        if column.all():
            raise DataError(f"{file.name}: column {name}: every row is a gap; leave it out of `features`.")
    if gaps == "refuse" and where.any():
        row, column = np.argwhere(where)[0]
        rest = f"{where.sum()} gaps in all" if where.sum() > 1 else "the only gap"
        raise file.error(int(row), f"column {features[column]}: a gap ({rest}); `gaps: interpolate` fills gaps.")


def end_of_series(target: npt.NDArray[np.float64]) -> int:
    """How many rows there are up to the last one with a target; all where none has one."""
    known = np.flatnonzero(~np.isnan(target))
    return int(known[-1]) + 1 if len(known) else len(target)


def rows_after_the_end(
    target: npt.NDArray[np.float64], arrangement: Arrangement | None, *, last_too: bool = False
) -> Mask:
    """(n,): which rows of a file stand after the last one of their series that has a target; `last_too`: and that one.

    Parameters
    ----------
    target : (n,), of the file's rows.
    arrangement : of them; None: they are one series as they stand.
    """
    if arrangement is None:
        return np.arange(len(target)) >= end_of_series(target) - last_too
    values = arrangement.values(target[:, None], np.array([True]), np.array([np.nan]))[:, 0]
    ends = [(rows, end_of_series(values[rows]) - last_too) for rows in arrangement.stretches()]
    after = np.concatenate([np.arange(rows.stop - rows.start) >= end for rows, end in ends])
    found: Mask = after[arrangement.place]
    return found
