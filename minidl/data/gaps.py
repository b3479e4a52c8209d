"""Gaps: values that nobody measured, and what stands for them.

A table is cut into parts, in order of time. No value before the end of a part is made
from a row beyond that end: a gap that reaches over a border is filled on each side from
what is known there. In the test part nothing looks ahead at all, unless a series says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Filling:
    """A rule for gaps.

    Before the test part they become straight lines between their neighbours, or the
    nearest value where a neighbour is missing, both looked for up to the end of the
    gap's part. In the test part they take the last known value, which is all that is
    known when a forecast is made.

    Parameters
    ----------
    from_zero : a gap at the start is a line from 0 at row -1, as in the textbook.
    test_lines : lines in the test part too, as in the textbook. They look ahead, up
        to the next known value.
    labels : whether filled values of the target are labels: trained on, and scored as
        truth, as in the textbook.
    """

    from_zero: bool = False
    test_lines: bool = False
    labels: bool = False

    def fill(self, values: Column, where: npt.NDArray[np.bool_], borders: Sequence[int] = ()) -> Column:
        """The values of a column, those at gaps made from the others.

        Parameters
        ----------
        values : (n,); what stands at gaps is not looked at.
        where : bool (n,), the gaps. At least one value before the first border is none.
        borders : the first rows of all parts but the first, ascending; the last one
            is the test part's. Without any, the whole is one part before the test part;
            with (0,) it is the test part, and gaps before the first known value take that.
        """
        filled = values.copy()
        for start, end in zip((0, *borders), (*borders, len(values)), strict=True):
            gaps = start + np.flatnonzero(where[start:end])
            known = np.flatnonzero(~where[:end])
            if not len(gaps):
                continue
            if borders and start == borders[-1] and not self.test_lines:
                filled[gaps] = values[known[np.maximum(np.searchsorted(known, gaps) - 1, 0)]]
            elif self.from_zero:
                filled[gaps] = np.interp(gaps, np.r_[-1, known], np.r_[0.0, values[known]])
            else:
                filled[gaps] = np.interp(gaps, known, values[known])
        return filled


@dataclass(frozen=True, eq=False)
class Gaps:
    """Which values of a table are gaps, and how they are filled.

    Parameters
    ----------
    where : bool (n, F).
    filling : the rule.
    """

    where: npt.NDArray[np.bool_]
    filling: Filling = Filling()

    def fill(self, values: npt.NDArray[np.float64], borders: Sequence[int] = ()) -> npt.NDArray[np.float64]:
        """(n, F): the values, with those at gaps made anew, from the others."""
        columns = zip(values.T, self.where.T, strict=True)
        return np.stack([self.filling.fill(column, where, borders) for column, where in columns], axis=1)


def joined_gaps(parts: Sequence[tuple[Gaps | None, tuple[int, ...]]]) -> Gaps | None:
    """The gaps of tables that stand one below the other, each with the shape of its values; None: there are none."""
    found = [gaps for gaps, _ in parts if gaps is not None]
    if not found:
        return None
    where = [np.zeros(shape, bool) if gaps is None else gaps.where for gaps, shape in parts]
    return Gaps(np.concatenate(where), found[0].filling)


def runs_of(where: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The first rows of all runs of gaps in a column (n,), and the first rows after them."""
    edges = np.diff(np.concatenate([[False], where, [False]]).astype(np.int8))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def longest_run(where: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """The first row of the longest run of gaps in a column (n,), and how many rows it has; (0, 0) without a gap."""
    starts, ends = runs_of(where)
    if not len(starts):
        return 0, 0
    longest = int(np.argmax(ends - starts))
    return int(starts[longest]), int(ends[longest] - starts[longest])
