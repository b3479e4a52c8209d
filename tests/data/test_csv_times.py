"""Times of CSV files: ISO texts, offsets and parts, evenly spaced or refused with their line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from csv_texts import open_text, refused

from minidl.core.errors import DataError
from minidl.data import CSVSeries
from minidl.data.csv_file import CSVFile
from minidl.data.steps import Times, step_name, step_of
from minidl.data.tables.row_order import spacing_problems


def timestamps(file: CSVFile) -> Times:
    """Those of the column t, evenly spaced."""
    times, _ = file.moments(["t"])
    file.refuse(spacing_problems(times))
    return times


@pytest.mark.parametrize(
    "cells", [["2012-02-28", "2012-02-29"], ["2012-01-01 00:00", "2012-01-01T01:00"], ["2012-01-01 00:00:01Z"] * 1]
)
def test_iso_times_are_read(cells: list[str]) -> None:
    cells = cells if len(cells) > 1 else [cells[0], "2012-01-01T00:00:02Z"]
    times = timestamps(open_text("t\n" + "\n".join(cells) + "\n"))
    assert times.dtype == np.dtype("datetime64[s]")
    expected = [cell.replace("T", " ").rstrip("Z") for cell in cells]
    assert [str(time).replace("T", " ")[: len(text)] for time, text in zip(times, expected, strict=True)] == expected


@pytest.mark.parametrize("text", ["", "now", "NaT", "01.02.2012", "2012", "2012-W01-1", "2012-01-01 00:00 CET"])
def test_text_that_is_no_iso_time_is_refused(text: str) -> None:
    with refused(f"air.csv:2: column t: {text!r} is no time like '2014-12-31 23:00'"):
        timestamps(open_text(f"t,a\n{text},1\n2012-01-01,2\n"))


def test_times_with_an_offset_become_utc() -> None:
    # The night in which Berlin's clocks go from 03:00 back to 02:00.
    file = open_text(
        "t\n2023-10-29 01:00:00+02:00\n2023-10-29 02:00:00+02:00\n2023-10-29 02:00:00+01:00\n2023-10-29T03:00+0100\n"
    )
    assert [str(time)[11:16] for time in timestamps(file)] == ["23:00", "00:00", "01:00", "02:00"]
    assert file.moments(["t"])[1]
    assert not open_text("t\n2023-10-29\n2023-10-30\n").moments(["t"])[1]


def test_an_offset_for_some_times_only_is_refused() -> None:
    with refused("air.csv:3: column t: a time without an offset from UTC (Z or +01:00), unlike those above; give one"):
        timestamps(open_text("t\n2012-01-01 00:00Z\n2012-01-01 01:00\n"))


@pytest.mark.parametrize(
    "times",
    [
        ["2023-10-29 01:00", "2023-10-29 02:00", "2023-10-29 02:00", "2023-10-29 03:00"],
        ["2023-10-29 01:30", "2023-10-29 02:00", "2023-10-29 02:30", "2023-10-29 02:00", "2023-10-29 02:30"],
        ["2023-03-26 00:00", "2023-03-26 01:00", "2023-03-26 03:00", "2023-03-26 04:00"],
    ],
)
def test_a_change_of_clocks_is_named_as_the_likely_reason(times: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        timestamps(open_text("\n".join(["t", *times, ""])))
    assert str(caught.value).endswith(
        "; probably local time at a change of clocks: `time_zone: Europe/Berlin` says where, or give each its offset "
        "(2023-10-29 02:00+02:00)."
    )
    assert "keep one row" not in str(caught.value)
    assert "empty cells" not in str(caught.value)


@pytest.mark.parametrize(
    ("times", "step"),
    [
        (["1990-01-01", "1990-02-01", "1990-03-01"], "month"),
        (["2023-10-31", "2023-11-30", "2023-12-31"], "month"),
        (["2020-01-01", "2020-04-01", "2020-07-01"], "quarter"),
        (["2019-07-01", "2020-07-01", "2021-07-01"], "year"),
    ],
)
def test_steps_of_the_calendar_are_even(times: list[str], step: str) -> None:
    assert step_name(step_of(timestamps(open_text("\n".join(["t", *times, ""]))))) == step


def test_a_missing_month_is_told_in_months() -> None:
    with refused("air.csv:4: the time 1990-04-01 00:00:00 is 2 months after the row above, usual are 1 month; rows"):
        timestamps(open_text("t\n1990-01-01\n1990-02-01\n1990-04-01\n1990-05-01\n"))


def test_a_day_that_does_not_exist_is_refused() -> None:
    with refused("air.csv:3: column t: '2013-02-29' is no time: day is out of range for month."):
        timestamps(open_text("t\n2013-02-28\n2013-02-29\n"))


PARTS = ("year", "month", "day", "hour")


def test_times_come_from_their_parts() -> None:
    file = open_text("year,month,day,hour\n2012,2,29,23\n2012,3,1,0\n")
    assert [str(time) for time in file.timestamps_from_parts(PARTS)] == ["2012-02-29T23:00:00", "2012-03-01T00:00:00"]
    file = open_text("year,month,day\n1999,12,31\n2000,1,1\n")
    assert [str(time)[:10] for time in file.timestamps_from_parts(PARTS[:3])] == ["1999-12-31", "2000-01-01"]


@pytest.mark.parametrize(
    "row",
    ["2013,2,29,0", "2013,0,1,0", "2013,13,1,0", "2013,1,0,0", "2013,4,31,0", "2013,1,40,0", "2013,1,1,24", "0,1,1,0"],
)
def test_parts_that_make_no_time_are_refused(row: str) -> None:
    year, month, day, hour = row.split(",")
    with refused(f"air.csv:2: year {year}, month {month}, day {day}, hour {hour}: no such time."):
        open_text(f"year,month,day,hour\n{row}\n2013,3,1,0\n").timestamps_from_parts(PARTS)


@pytest.mark.parametrize("text", ["-1", "1.0", "x", "", "00001", "99999999999999999999", "²"])
def test_a_part_that_is_no_whole_number_is_refused(text: str) -> None:
    with refused(f"air.csv:3: column month: {text!r} is not a whole number of at most 4 digits."):
        open_text(f"year,month,day\n2012,1,1\n2012,{text},1\n").timestamps_from_parts(PARTS[:3])


@pytest.mark.parametrize(
    ("hours", "message"),
    [
        ([0, 1, 1, 2], "air.csv:4: the time 2012-01-01 01:00:00 stands there twice; keep one row per time, or say"),
        ([0, 1, 2, 1, 3], "air.csv:5: the time 2012-01-01 01:00:00 is before that of the row above; sort the rows"),
        ([3, 2, 1, 0], "air.csv:3: the time 2012-01-01 02:00:00 is before that of the row above"),
        ([0, 1, 2, 5, 6], "air.csv:5: the time 2012-01-01 05:00:00 is 3 h after the row above, usual are 1 h; rows"),
        ([0, 4, 5, 6, 7], "air.csv:3: the time 2012-01-01 04:00:00 is 4 h after the row above, usual are 1 h"),
        ([5, 5], "air.csv:3: the time 2012-01-01 05:00:00 stands there twice"),
    ],
)
def test_times_that_are_not_evenly_spaced_are_refused_with_the_row(hours: list[int], message: str) -> None:
    rows = "".join(f"2012-01-01 {hour:02d}:00\n" for hour in hours)
    with refused(message):
        timestamps(open_text("t\n" + rows))


def test_times_of_another_form_are_told_the_key_for_it(tmp_path: Path) -> None:
    path = tmp_path / "air.csv"

    def lines(times: list[str], **keys: str) -> tuple[str, ...]:
        path.write_text("t,y\n" + "".join(f"{time},1\n" for time in times))
        with pytest.raises(DataError) as caught:
            CSVSeries(str(path), "y", ["y"], "t", **keys).read()
        return caught.value.lines

    hint = 'air.csv: column t: no cell is such a time; `time_format` says of which form they are, as "%d.%m.%Y %H:%M".'
    german = ["31.12.2013 23:00", "01.01.2014 00:00"]
    *wrong, last = lines(german)
    assert (len(wrong), last.endswith(hint)) == (2, True)
    assert len(lines([*german[:1], "2014-01-01 00:00"])) == 1  # one slip of the pen among ISO times
    assert len(lines(["2014-01-01", "2014-01-02T00:00Z"])) == 1  # an offset, which is another matter
    assert len(lines(["2014-01-01", "2014-01-02"], time_format="%d.%m.%Y")) == 2
