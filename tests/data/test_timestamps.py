"""Times from texts, and what is said of rows that are not evenly spaced."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from minidl.data.timestamps import has_offset, parse_time, spacing_problem


@pytest.mark.parametrize(
    ("text", "time", "offset"),
    [
        ("2014-12-31", datetime(2014, 12, 31), False),
        ("2014-12-31 23:00", datetime(2014, 12, 31, 23), False),
        ("2014-12-31T23:01:02", datetime(2014, 12, 31, 23, 1, 2), False),
        ("2014-12-31 23:00Z", datetime(2014, 12, 31, 23), True),
        ("2014-12-31 23:00+01:30", datetime(2014, 12, 31, 21, 30), True),
        ("2014-12-31 23:00-0130", datetime(2015, 1, 1, 0, 30), True),
    ],
)
def test_a_time_is_read_and_with_an_offset_it_is_utc(text: str, time: datetime, offset: bool) -> None:
    assert (parse_time(text), has_offset(text)) == (time, offset)


def test_what_is_no_time_has_no_offset() -> None:
    assert [has_offset(text) for text in ("Z", "", "noon Z", "+01:00")] == [False] * 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("noon", "'noon' is no time like '2014-12-31 23:00' (ISO 8601; Z or +01:00 may follow)."),
        ("x" * 40, f"'{'x' * 40}' is no time like '2014-12-31 23:00' (ISO 8601; Z or +01:00 may follow)."),
        ("x" * 41, f"'{'x' * 37}...' is no time like '2014-12-31 23:00' (ISO 8601; Z or +01:00 may follow)."),
        ("2013-02-29", "'2013-02-29' is no time: day is out of range for month."),
        ("9999-12-31 23:00-05:00", "'9999-12-31 23:00-05:00' is no time: date value out of range."),
    ],
)
def test_a_text_that_is_no_time_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_time(text)
    assert str(caught.value) == message


def problem(*texts: str) -> tuple[int, str] | None:
    return spacing_problem(np.array(texts, "datetime64[s]"))


ADVICE = (
    ": `missing_times: gaps` adds the missing rows as gaps, which `gaps: interpolate` fills; or, if none is missing "
    "(trading days), `steps: rows` takes each row as a step"
)
CLOCKS = (
    "; probably local time at a change of clocks: `time_zone: Europe/Berlin` says where, or give each its offset "
    "(2023-10-29 02:00+02:00)"
)


def gap(moment: str, step: str, usual: str, advice: str = ADVICE) -> str:
    return f"the time {moment} is {step} after the row above, usual are {usual}; rows must be evenly spaced{advice}."


@pytest.mark.parametrize(
    ("texts", "row", "words"),
    [
        (
            ("2024-01-01T00", "2024-01-01T01", "2024-01-01T02", "2024-01-01T05"),
            3,
            gap("2024-01-01 05:00:00", "3 h", "1 h"),
        ),
        (
            ("2024-01-01T00", "2024-01-01T02", "2024-01-01T03", "2024-01-01T04"),
            1,
            gap("2024-01-01 02:00:00", "2 h", "1 h"),
        ),
        (("2024-01-01", "2024-01-02", "2024-01-03", "2024-01-05"), 3, gap("2024-01-05 00:00:00", "2 d", "1 d")),
        (
            ("2024-01-01T00:00", "2024-01-01T00:30", "2024-01-01T01:00", "2024-01-01T01:00:45"),
            3,
            gap("2024-01-01 01:00:45", "45 s", "30 min"),
        ),
        # Of steps that are as frequent the shortest is usual.
        (("2024-01-01T00", "2024-01-01T03", "2024-01-01T05"), 1, gap("2024-01-01 03:00:00", "3 h", "2 h")),
        (
            ("2024-01-01", "2024-02-01", "2024-03-01", "2024-05-01"),
            3,
            gap("2024-05-01 00:00:00", "2 months", "1 month"),
        ),
        (
            ("2024-01-01T00", "2024-01-01T00", "2024-01-01T00", "2024-01-01T01"),
            1,  # however often
            "the time 2024-01-01 00:00:00 stands there twice; keep one row per time, or say `duplicates: drop`.",
        ),
        (
            ("2024-01-01T00", "2024-01-01T00"),
            1,
            "the time 2024-01-01 00:00:00 stands there twice; keep one row per time, or say `duplicates: drop`.",
        ),
        (
            ("2024-01-01T00", "2024-01-01T02", "2024-01-01T04", "2024-01-01T03"),
            3,
            "the time 2024-01-01 03:00:00 is before that of the row above; sort the rows by time, or say `sort: true`.",
        ),
        (
            ("2024-01-01T02", "2024-01-01T01", "2024-01-01T00"),
            1,
            "the time 2024-01-01 01:00:00 is before that of the row above; sort the rows by time, or say `sort: true`.",
        ),
    ],
)
def test_the_first_row_that_is_not_one_step_on_is_named(texts: tuple[str, ...], row: int, words: str) -> None:
    assert problem(*texts) == (row, words)


def test_even_rows_have_no_problem() -> None:
    assert problem("2024-01-01T00", "2024-01-01T01", "2024-01-01T02") is None
    assert problem("2024-01-31", "2024-02-29", "2024-03-31") is None


def at(day: str, before: int, hours: tuple[int, ...], after: int = 12) -> tuple[int, str] | None:
    """Hourly rows of a day up to `before`, then these hours, then on to `after`."""
    return problem(*(f"{day}T{hour:02}" for hour in (*range(before + 1), *hours, *range(hours[-1] + 1, after))))


@pytest.mark.parametrize(
    ("day", "clocks"),
    [
        ("2024-03-31", True),
        ("2024-04-07", True),
        ("2024-09-01", True),
        ("2024-10-27", True),
        ("2024-11-03", True),
        ("2024-03-30", False),  # a Saturday
        ("2024-04-01", False),  # a Monday
        ("2024-02-25", False),
        ("2024-05-05", False),
        ("2024-08-25", False),
        ("2024-12-01", False),
    ],
)
def test_an_hour_at_night_on_a_sunday_in_spring_or_autumn_is_a_change_of_clocks(day: str, clocks: bool) -> None:
    assert at(day, 1, (3,)) == (2, gap(f"{day} 03:00:00", "2 h", "1 h", CLOCKS if clocks else ADVICE))
    again = CLOCKS if clocks else "; keep one row per time, or say `duplicates: drop`"
    assert at(day, 2, (2,)) == (3, f"the time {day} 02:00:00 stands there twice{again}.")


@pytest.mark.parametrize(("hour", "clocks"), [(4, True), (5, False)])
def test_clocks_change_at_night(hour: int, clocks: bool) -> None:
    advice = CLOCKS if clocks else ADVICE
    assert at("2024-03-31", hour - 2, (hour,)) == (hour - 1, gap(f"2024-03-31 0{hour}:00:00", "2 h", "1 h", advice))


def test_clocks_change_by_an_hour() -> None:
    assert at("2024-03-31", 1, (4,)) == (2, gap("2024-03-31 04:00:00", "3 h", "1 h"))
    half_hours = ("2024-10-27T01:30", "2024-10-27T02:00", "2024-10-27T02:30")
    before = "is before that of the row above"
    assert problem(*half_hours, "2024-10-27T02:00") == (3, f"the time 2024-10-27 02:00:00 {before}{CLOCKS}.")
    unsorted = "; sort the rows by time, or say `sort: true`"
    assert problem(*half_hours, "2024-10-27T01:30") == (3, f"the time 2024-10-27 01:30:00 {before}{unsorted}.")


def test_days_have_no_change_of_clocks() -> None:
    days = ("2024-03-28T00", "2024-03-29T00", "2024-03-30T00", "2024-03-31T01", "2024-04-01T01")
    assert problem(*days) == (3, gap("2024-03-31 01:00:00", "25 h", "1 d"))
