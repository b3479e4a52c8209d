"""Gaps that are too long to be filled for a window that is learned from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from minidl.data.gaps import runs_of
from minidl.data.known_ahead import moved_early
from minidl.data.series import Table


def rows_too_long(
    table: Table, longest: int | None, borders: Sequence[tuple[int, ...]]
) -> npt.NDArray[np.bool_] | None:
    """bool (n,): the rows of a table in gaps longer than `longest`; None: there are none.

    What is known ahead counts where windows hold it, one row early.

    Parameters
    ----------
    borders : of each series the first rows of all its parts but the first, counted within the series.
    """
    if longest is None or table.gaps is None:
        return None
    where = [table.gaps.where[rows] for rows in table.stretches()]
    early = [table.feature_names.index(name) for name in table.known_ahead]
    found = np.concatenate([long_gaps(one, longest, ends, early) for one, ends in zip(where, borders, strict=True)])
    return found if found.any() else None


def long_gaps(
    where: npt.NDArray[np.bool_], longest: int, borders: Sequence[int] = (), early: Sequence[int] = ()
) -> npt.NDArray[np.bool_]:
    """bool (n,): the rows of gaps longer than `longest` in some column of `where` (n, F), each within one part.

    Parameters
    ----------
    borders : the first rows of all parts but the first, ascending.
    early : columns that windows hold one row early.
    """
    found = np.zeros_like(where)
    for start, end in zip((0, *borders), (*borders, len(where)), strict=True):
        for column in range(where.shape[1]):
            for first, stop in zip(*runs_of(where[start:end, column]), strict=True):
                if stop - first > longest:
                    found[start + first : start + stop, column] = True
    moved = moved_early(found, early, borders)
    rows: npt.NDArray[np.bool_] = np.asarray(moved.any(axis=1))
    return rows


def free_of(too_long: npt.NDArray[np.bool_], starts: npt.NDArray[np.int64], time_steps: int) -> npt.NDArray[np.bool_]:
    """bool (N,): whether windows of `time_steps` rows at these starts hold no row of `too_long`, bool (n,)."""
    before = np.r_[0, np.cumsum(too_long)]
    free: npt.NDArray[np.bool_] = before[starts + time_steps] == before[starts]
    return free
