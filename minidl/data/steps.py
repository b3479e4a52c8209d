"""The time from one row to the next: found from the rows' times, and put into words.

A step is a fixed time (an hour, 30 minutes) or one of the calendar (months, quarters,
years, which differ in length). Nothing is called an hour or a day unless the step says so.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.datetime64]
DAY = 86400
_SECONDS = {"week": 7 * DAY, "d": DAY, "h": 3600, "min": 60, "s": 1}
_MONTHS = {1: "month", 3: "quarter", 12: "year"}
_WORDS = {"h": "hour", "d": "day", "min": "minute", "s": "second"}


def step_of(times: Times) -> np.timedelta64 | None:
    """The step of evenly spaced times: ``timedelta64[s]``, or ``timedelta64[M]`` for steps of the calendar.

    None if there are fewer than two times, or they are not evenly spaced.
    """
    if len(times) < 2:
        return None
    months = _calendar_step(times)
    if months:
        return np.timedelta64(months, "M")
    steps = np.diff(times).astype("timedelta64[s]")
    return steps[0] if steps[0] > np.timedelta64(0, "s") and (steps == steps[0]).all() else None


def _calendar_step(times: Times) -> int | None:
    """Months from row to row, where all times are at one day of the month, or all at its last one."""
    months = calendar_month(times)
    if months is None:
        return None
    steps = np.diff(months)
    return int(steps[0]) if steps[0] > 0 and (steps == steps[0]).all() else None


def calendar_month(times: Times) -> npt.NDArray[np.int64] | None:
    """The month of each time, counted on, where all are at one moment of their months, or at one of the last days.

    None where they are not, or where two follow each other within a month.
    """
    if len(times) > 3 and calendar_month(times[:3]) is None:  # known without looking at all
        return None
    months = times.astype("datetime64[M]")
    within = times - months  # from the month's first moment
    from_end = (months + 1).astype(times.dtype) - times
    same_day = (within == within[0]).all()
    same_day_before_the_end = (from_end == from_end[0]).all() and from_end[0] <= np.timedelta64(DAY, "s")
    counted = months.astype(np.int64)
    return counted if (same_day or same_day_before_the_end) and len(times) > 1 else None


def later(time: np.datetime64, step: np.timedelta64, count: int) -> np.datetime64:
    """The time `count` steps after `time`; by the calendar, the last day of a month leads to last days."""
    if np.datetime_data(step.dtype)[0] != "M":
        return np.datetime64(time + count * step)
    month = time.astype("datetime64[M]")
    within = time - month.astype(time.dtype)
    there = month + count * step
    if (time + np.timedelta64(DAY, "s")).astype("datetime64[M]") != month:  # the last day
        return np.datetime64((there + 1).astype(time.dtype) - ((month + 1).astype(time.dtype) - time))
    return np.datetime64(there.astype(time.dtype) + within)


def time_text(time: np.datetime64, utc: bool = False) -> str:
    """``2014-12-31 23:00:00``; with a Z where it is known to be UTC."""
    return str(time).replace("T", " ") + "Z" * utc


def step_name(step: np.timedelta64 | None) -> str:
    """A step in short: ``h``, ``d``, ``30 min``, ``month``; ``step`` where rows have no times."""
    if step is None:
        return "step"
    if np.datetime_data(step.dtype)[0] == "M":
        months = int(step.astype(np.int64))
        return _MONTHS.get(months, f"{months} months")
    seconds = int(step.astype("timedelta64[s]").astype(np.int64))
    for name, length in _SECONDS.items():
        if seconds % length == 0 and (name != "week" or seconds == length):
            return name if seconds == length else f"{seconds // length} {name}"
    raise AssertionError("every number of seconds is a multiple of one")  # pragma: no cover


def step_seconds(step: np.timedelta64) -> float:
    """A step in seconds; of months, quarters and years on average."""
    if np.datetime_data(step.dtype)[0] == "M":
        return float(step.astype(np.int64)) * 365.2425 * DAY / 12
    return float(step.astype("timedelta64[s]").astype(np.int64))


def rows_of_a_day(step: np.timedelta64 | None) -> int | None:
    """How many rows a day has, 2 or more; None where there is no such whole number."""
    if step is None or np.datetime_data(step.dtype)[0] == "M":
        return None
    seconds = int(step.astype("timedelta64[s]").astype(np.int64))
    return DAY // seconds if 2 * seconds <= DAY and DAY % seconds == 0 else None


def ahead(count: int | str, step: str) -> str:
    """So many steps in words: ``8 hours``, ``1 day``, ``8 steps of 30 min``, ``8 steps``."""
    some = str(count) != "1"
    if step[:1].isdigit():
        return f"{count} step{'s' * some} of {step}"
    return f"{count} {unit(step)}{'s' * some}"


def ahead_short(count: int | str, step: str) -> str:
    """So many steps, for the head of a table: ``8 h``, ``8 x 30 min``, ``8 months``."""
    if step[:1].isdigit():
        return f"{count} x {step}"
    return f"{count} {step}" if step in _SECONDS and step != "week" else ahead(count, step)


def units(step: str) -> str:
    """Steps in words: ``hours``, ``steps of 30 min``."""
    return ahead(2, step).partition(" ")[2]


def unit(step: str) -> str:
    """One step in words: ``hour``, ``month``, ``step``; also for steps like ``30 min``."""
    return "step" if step[:1].isdigit() else _WORDS.get(step, step)


def apart(step: str) -> str:
    """How far rows are apart: ``1 h``, ``30 min``, ``1 month``."""
    return step if step[:1].isdigit() else f"1 {step}"
