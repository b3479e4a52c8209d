"""What became of a file's rows where they are not the table's, in words."""

from __future__ import annotations

import numpy as np

from minidl.core.text import counted
from minidl.data.tables.row_order import Arrangement


def rearranged_words(arrangement: Arrangement | None, *, averaged: bool) -> tuple[str, ...]:
    """How many rows were sorted, left out or added, a line each; none where all are as in the file.

    Parameters
    ----------
    averaged : whether rows of one time are averaged; else the first of them is taken.
    """
    if arrangement is None:
        return ()
    place, order = arrangement.place, arrangement.order
    n_rows = arrangement.stretches()[-1].stop
    if n_rows == len(place) and (np.diff(place) == 1).all():  # as in the file; known without sorting
        return ()
    there = np.zeros(n_rows, np.bool_)
    there[place] = True
    taken = int(there.sum())
    of = np.searchsorted(arrangement.firsts, place[order], side="right")
    early = int(((np.diff(order) < 0) & (np.diff(of) == 0)).sum())
    again, added = len(place) - taken, n_rows - taken
    lines = ["the rows were not in order of time: they were sorted"] * bool(early)
    if again:
        what = "averaged with them" if averaged else "left out"
        were = "was" if again == 1 else "were"
        lines.append(f"{counted(again, 'row')} whose time stands there before {were} {what}")
    if added:
        lines.append(f"{counted(added, 'row')} of gaps {'was' if added == 1 else 'were'} added for times left out")
    return tuple(lines)
