"""Steps from row to row: found, counted and put into words."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.data.steps import (
    ahead,
    ahead_short,
    apart,
    calendar_month,
    later,
    rows_of_a_day,
    step_name,
    step_of,
    time_text,
    unit,
    units,
)


def times(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[s]")


@pytest.mark.parametrize(
    ("rows", "name", "day"),
    [
        (("2024-01-01T00:00", "2024-01-01T01:00", "2024-01-01T02:00"), "h", 24),
        (("2024-01-01T00:00", "2024-01-01T00:30"), "30 min", 48),
        (("2024-01-01T00:00:00", "2024-01-01T00:00:01"), "s", 86400),
        (("2024-01-01T00:00", "2024-01-01T07:00"), "7 h", None),
        (("2024-01-01", "2024-01-02"), "d", None),
        (("2024-01-01", "2024-01-08"), "week", None),
        (("2024-01-01", "2024-01-11"), "10 d", None),
        (("2023-12-01", "2024-01-01", "2024-02-01", "2024-03-01"), "month", None),
        (("2024-01-31", "2024-02-29", "2024-03-31"), "month", None),  # last days
        (("2023-11-30", "2023-12-31", "2024-01-31"), "month", None),
        (("2024-01-15T06:00", "2024-02-15T06:00"), "month", None),
        (("2024-01-01", "2024-04-01", "2024-07-01"), "quarter", None),
        (("2023-01-01", "2024-01-01", "2025-01-01"), "year", None),
        (("2024-01-01", "2024-03-01", "2024-05-01"), "2 months", None),
        (("2024-07-01", "2024-08-01", "2024-09-01", "2024-10-02"), "31 d", None),
        (("2024-01-01T00:00", "2024-01-01T01:00", "2024-01-01T03:00"), "step", None),
        (("2024-01-01T00:00",), "step", None),
        (("2024-01-01T01:00", "2024-01-01T00:00"), "step", None),
        (("2024-01-01T01:00", "2024-01-01T01:00"), "step", None),
        (("2024-02-01", "2024-01-01"), "step", None),
        ((), "step", None),
        (("2024-01-01T00:00", "2024-01-01T12:00"), "12 h", 2),
        (("2024-01-01T00:00", "2024-01-01T18:00"), "18 h", None),
        (("2024-01-01T00:00", "2024-01-01T00:01"), "min", 1440),
        (("2024-01-01", "2024-01-15"), "14 d", None),
        (("2023-11-29", "2023-12-30", "2024-01-30"), "31 d", None),  # one day before the last is no day of the calendar
        (("2023-11-30T01:00", "2023-12-31T01:00", "2024-01-31T01:00"), "month", None),  # 23 h before the month's end
        (("2024-01-01", "2024-02-01", "2024-04-01"), "step", None),
        (("2024-01-31", "2024-02-28", "2024-03-31"), "step", None),  # the second is no last day
    ],
)
def test_a_step_is_named_and_says_how_many_rows_make_a_day(rows: tuple[str, ...], name: str, day: int | None) -> None:
    step = step_of(times(*rows))
    assert (step_name(step), rows_of_a_day(step)) == (name, day)


@pytest.mark.parametrize(
    ("rows", "expected"),  # where no time of day is named, it is midnight
    [
        (("2023-11-01", "2023-12-01"), ("2024-01-01", "2024-02-01", "2024-03-01")),
        (("2023-11-30", "2023-12-31"), ("2024-01-31", "2024-02-29", "2024-03-31")),
        (("2022-02-28", "2023-02-28"), ("2024-02-29", "2025-02-28", "2026-02-28")),
        (("2023-11-15T06:00", "2023-12-15T06:00"), ("2024-01-15T06:00", "2024-02-15T06:00", "2024-03-15T06:00")),
        (("2024-01-01T00:00", "2024-01-01T00:30"), ("2024-01-01T01:00", "2024-01-01T01:30", "2024-01-01T02:00")),
        (("2023-11-30T06:00", "2023-12-31T06:00"), ("2024-01-31T06:00", "2024-02-29T06:00", "2024-03-31T06:00")),
        (("2023-01-30", "2024-01-30"), ("2025-01-30", "2026-01-30", "2027-01-30")),  # not the last day
    ],
)
def test_later_times_go_by_the_calendar(rows: tuple[str, ...], expected: tuple[str, ...]) -> None:
    known = times(*rows)
    step = step_of(known)
    assert step is not None
    assert [later(known[-1], step, j) for j in (1, 2, 3)] == times(*expected).tolist()


@pytest.mark.parametrize(
    ("step", "words", "short", "one"),
    [
        ("h", ("1 hour", "8 hours"), "8 h", "hour"),
        ("s", ("1 second", "8 seconds"), "8 s", "second"),
        ("quarter", ("1 quarter", "8 quarters"), "8 quarters", "quarter"),
        ("d", ("1 day", "8 days"), "8 d", "day"),
        ("min", ("1 minute", "8 minutes"), "8 min", "minute"),
        ("month", ("1 month", "8 months"), "8 months", "month"),
        ("week", ("1 week", "8 weeks"), "8 weeks", "week"),
        ("30 min", ("1 step of 30 min", "8 steps of 30 min"), "8 x 30 min", "step"),
        ("7 h", ("1 step of 7 h", "8 steps of 7 h"), "8 x 7 h", "step"),
        ("step", ("1 step", "8 steps"), "8 steps", "step"),
    ],
)
def test_steps_in_words(step: str, words: tuple[str, str], short: str, one: str) -> None:
    assert (ahead(1, step), ahead("8", step)) == words
    assert (ahead_short(8, step), unit(step), f"8 {units(step)}") == (short, one, words[1])


def test_rows_are_a_step_apart() -> None:
    assert [apart(step) for step in ("h", "30 min", "7 h", "month")] == ["1 h", "30 min", "7 h", "1 month"]


def test_a_time_is_shown_with_a_z_where_it_is_utc() -> None:
    time = np.datetime64("2014-12-31T23:00:00")
    assert (time_text(time), time_text(time, True)) == ("2014-12-31 23:00:00", "2014-12-31 23:00:00Z")


def test_one_time_alone_has_no_step_of_the_calendar() -> None:
    assert calendar_month(times("2024-01-31T00:00")) is None
    two = calendar_month(times("2024-01-31T00:00", "2024-02-29T00:00"))
    assert two is not None
    assert np.diff(two).tolist() == [1]
