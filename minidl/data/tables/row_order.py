"""Which rows of a file become which rows of a table: sorted, one for each time, missing times added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from minidl.data.steps import Times, calendar_month, step_of
from minidl.data.timestamps import spacing_problem, step_words

Rows = npt.NDArray[np.int64]
_MOST_ADDED = 20  # so many rows for each row of the file; more come from a slip in one time


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Rows of a file as rows of a table.

    Parameters
    ----------
    place : the table's row of each row of the file; (n,).
    times : of the table's rows; (m,); None: rows have none, and each of the file's is one of the table's.
    order : rows of the file, in the order of the table.
    firsts : the table's first row of each series.
    """

    place: Rows
    times: Times | None
    order: Rows
    firsts: tuple[int, ...] = (0,)

    def stretches(self) -> list[slice]:
        """The table's rows of each series."""
        end = len(self.place) if self.times is None else len(self.times)
        return [slice(*ends) for ends in pairwise((*self.firsts, end))]

    def values(
        self, values: npt.NDArray[np.float64], average: npt.NDArray[np.bool_], added: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """(m, F): the values of the table's rows.

        Parameters
        ----------
        values : (n, F), of the file's rows.
        average : bool (F,): columns in which rows of one time are averaged, gaps left out; others take the first.
        added : (F,): what the columns have where the file has no row.
        """
        n = self.stretches()[-1].stop
        if len(values) == n and (self.place == np.arange(n)).all():  # as in the file
            return values
        made = np.tile(added, (n, 1))
        places = self.place[self.order]
        first = np.concatenate([[True], np.diff(places) != 0])
        made[places[first]] = values[self.order[first]]
        if average.any() and not first.all():
            ordered, starts = values[self.order][:, average], np.flatnonzero(first)
            known = np.add.reduceat(~np.isnan(ordered), starts).astype(np.float64)
            sums = np.add.reduceat(np.nan_to_num(ordered), starts)
            made[np.ix_(places[first], average)] = np.divide(
                sums, known, out=np.full(known.shape, np.nan), where=known > 0
            )
        return made


@dataclass(eq=False, kw_only=True)
class RowOrder:
    """What becomes of rows whose times are not those of a table: refused, unless a key says otherwise.

    Parameters
    ----------
    sort : whether rows are sorted by their times.
    duplicates : of several rows of one time: ``drop`` keeps the first, ``average`` takes the mean of numbers and
        the first category.
    missing_times : ``gaps`` adds a row of gaps for each time that the file leaves out.
    steps : ``even``: rows are evenly spaced; ``rows``: each row is a step, whatever its time, as with trading days.
    """

    sort: bool = False
    duplicates: Literal["refuse", "drop", "average"] = "refuse"
    missing_times: Literal["refuse", "gaps"] = "refuse"
    steps: Literal["even", "rows"] = "even"

    def arranged(self, times: Times, *, all_there: bool = True) -> tuple[Arrangement, dict[int, str]]:
        """The table's rows, and what is wrong with them, by row of the file.

        Parameters
        ----------
        all_there : whether the file's rows were all read; if not, nobody can say whether they are evenly spaced.
        """
        steps = self.steps if all_there else "rows"
        if steps == "even" and step_of(times) is not None:  # nothing to sort, to drop or to add
            rows = np.arange(len(times))
            return Arrangement(rows, times, rows), {}
        order = np.argsort(times, kind="stable") if self.sort else np.arange(len(times))
        ordered = times[order]
        first = np.ones(len(order), np.bool_)
        if self.duplicates != "refuse":
            first[1:] = np.diff(ordered) != np.timedelta64(0, "s")
        found, places = ordered[first], np.cumsum(first) - 1
        problems: dict[int, str] = {}
        local = not getattr(self, "time_zone", "")
        if self.missing_times == "gaps" and steps == "even" and len(found) > 1:
            among = _places(found)
            if among is not None:
                found, places = _all_times(found, among), among[places]
        place = np.empty_like(order)
        place[order] = places
        if steps == "even" or (np.diff(found) <= np.timedelta64(0, "s")).any():
            file_rows = order[np.searchsorted(places, np.arange(len(found)))] if len(found) else order
            problems = {int(file_rows[row]): text for row, text in spacing_problems(found, steps, local).items()}
        return Arrangement(place, found, order), problems

    def arranged_by(
        self, numbers: Rows, times: Times | None, names: Sequence[str], *, all_there: bool = True
    ) -> tuple[Arrangement, dict[int, str]]:
        """The same of several series: `numbers` says which one each row of the file belongs to."""
        place, orders, firsts = np.empty_like(numbers), list[Rows](), [0]
        found, problems = list[Times](), dict[int, str]()
        of_each = np.split(np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers))[:-1])
        for name, rows in zip(names, of_each, strict=True):
            one = Arrangement(np.arange(len(rows)), None, np.arange(len(rows)))
            if times is not None:
                one, wrong = self.arranged(times[rows], all_there=all_there)
                problems |= {int(rows[row]): f"{name}: {text}" for row, text in wrong.items()}
                found += [] if one.times is None else [one.times]
            place[rows] = firsts[-1] + one.place
            orders.append(rows[one.order])
            firsts.append(firsts[-1] + one.stretches()[-1].stop)
        together = np.concatenate(found) if found else None
        return Arrangement(place, together, np.concatenate(orders), tuple(firsts[:-1])), problems


def spacing_problems(times: Times, steps: str = "even", local: bool = True) -> dict[int, str]:
    """The first row of each kind of problem (order, times that stand there twice, times that are missing)."""
    first = spacing_problem(times, local) if steps == "even" and len(times) > 1 else None
    found = {} if first is None else dict([first])  # a wrong time comes too early, and the next row too late
    rows, none = np.arange(len(times)), np.timedelta64(0, "s")
    back = np.flatnonzero(np.diff(times) < none)
    if len(back):
        found.setdefault(int(back[0]) + 1, step_words(times, int(back[0]) + 1, local))
        rows = np.argsort(times, kind="stable")
    again = np.flatnonzero(np.diff(times[rows]) == none)
    if len(again):
        found.setdefault(int(rows[again[0] + 1]), step_words(times[rows], int(again[0]) + 1, local))
        rows = np.delete(rows, again + 1)
    problem = spacing_problem(times[rows], local) if steps == "even" and len(rows) > 1 else None
    if problem is not None:
        found.setdefault(int(rows[problem[0]]), problem[1])
    return found


def _places(times: Times) -> Rows | None:
    """Where ascending times stand among evenly spaced ones; None where they do not, or too many were missing."""
    months = calendar_month(times)
    counted = times.astype("datetime64[s]").astype(np.int64) if months is None else months
    steps = np.diff(counted)
    if not (steps > 0).all():
        return None
    different, counts = np.unique(steps, return_counts=True)
    usual = int(different[counts.argmax()])
    from_first = counted - counted[0]
    places: Rows = from_first // usual
    fits = not (from_first % usual).any() and places[-1] <= _MOST_ADDED * len(times)
    return places if fits else None


def _all_times(times: Times, places: Rows) -> Times:
    """The evenly spaced times among which these stand."""
    n = int(places[-1]) + 1
    months = calendar_month(times)
    if months is None:
        step = (times[-1] - times[0]) // (n - 1)
        made: Times = times[0] + np.arange(n) * step
        return made
    step = (months[-1] - months[0]) // (n - 1)
    there = (months[0] + step * np.arange(n)).astype("datetime64[M]")
    within = times - times.astype("datetime64[M]").astype(times.dtype)
    if (within == within[0]).all():
        return np.asarray(there.astype(times.dtype) + within[0])
    before_end = (times[0].astype("datetime64[M]") + 1).astype(times.dtype) - times[0]
    return np.asarray((there + 1).astype(times.dtype) - before_end)
