"""Times of rows: from ISO texts, and what is wrong with them where they are not evenly spaced."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from minidl.data.steps import Times, calendar_month, step_of
from minidl.data.tables.time_formats import TimeFormat

_CLOCK_CHANGE = (
    "; probably local time at a change of clocks: `time_zone: Europe/Berlin` says where, or give each its offset "
    "(2023-10-29 02:00+02:00)"
)


ISO = TimeFormat()
has_offset, parse_time = ISO.has_offset, ISO.parse


def spacing_problem(times: Times, local: bool = True) -> tuple[int, str] | None:
    """The first row that is not one step after the row above it, and what is wrong there; None if there is none.

    The usual step is the most frequent one; where all times are at one day of a
    month it counts in months.

    Parameters
    ----------
    local : whether they may be local times, of which some are twice, or not there, when clocks change.
    """
    if step_of(times) is not None:
        return None
    steps, usual, _ = _steps(times)
    row = int(np.argmax(steps != usual)) + 1
    return row, step_words(times, row, local)


def step_words(times: Times, row: int, local: bool = True) -> str:
    """What is wrong with the step from the row above to this one."""
    steps, usual, words = _steps(times)
    return _words(str(times[row]).replace("T", " "), int(steps[row - 1]), usual, words, local)


def _steps(times: Times) -> tuple[npt.NDArray[np.int64], int, Callable[[int], str]]:
    """Steps from row to row, the usual one, and what they are called."""
    months = calendar_month(times)
    words: Callable[[int], str] = _duration if months is None else _months
    steps = np.diff(times.astype("datetime64[s]").astype(np.int64) if months is None else months)
    forward, counts = np.unique(steps[steps > 0], return_counts=True)
    return steps, int(forward[counts.argmax()]) if len(forward) else 0, words


def _words(moment: str, step: int, usual: int, words: Callable[[int], str], local: bool) -> str:
    may_change = local and words is _duration and usual < 86400
    changed = _CLOCK_CHANGE if may_change and _is_clock_change(moment, step, usual) else ""
    if step == 0:
        return f"the time {moment} stands there twice{changed or '; keep one row per time, or say `duplicates: drop`'}."
    if step < 0:
        sort = changed or "; sort the rows by time, or say `sort: true`"
        return f"the time {moment} is before that of the row above{sort}."
    advice = changed or (
        ": `missing_times: gaps` adds the missing rows as gaps, which `gaps: interpolate` fills; or, if none is "
        "missing (trading days), `steps: rows` takes each row as a step"
    )
    return (
        f"the time {moment} is {words(step)} after the row above, usual are {words(usual)}; rows must be evenly "
        f"spaced{advice}."
    )


def _is_clock_change(moment: str, step: int, usual: int) -> bool:
    """An hour more or less than usual, at night on a Sunday in spring or autumn: when clocks are changed."""
    time = np.datetime64(moment.replace(" ", "T"))
    sunday = (time.astype("datetime64[D]").astype(np.int64) + 3) % 7 == 6
    season = int(moment[5:7]) in (3, 4, 9, 10, 11)
    return abs(step - usual) == 3600 and bool(sunday) and season and int(moment[11:13]) < 5


def _months(count: int) -> str:
    return f"{count} month{'s' * (count != 1)}"


def _duration(seconds: int) -> str:
    for name, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds % length == 0:
            return f"{seconds // length} {name}"
    return f"{seconds} s"
