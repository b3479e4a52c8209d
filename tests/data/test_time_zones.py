"""Time zones by name, in cells and as a key: as pandas has them, and refused where they are not plain."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import numpy as np
import pytest
from looking import keys

from minidl.cli import main
from minidl.core.errors import ConfigError, DataError
from minidl.data import CSVSeries, Table
from minidl.data.tables import time_zones
from minidl.data.tables.looking import look_at
from minidl.data.tables.time_formats import TimeFormat
from minidl.data.tables.time_zones import in_utc, offsets, zone_of

pd = pytest.importorskip("pandas")
ZONED = "%Y-%m-%d %H:%M %Z"


def read(folder: Path, times: list[str], **keys: Any) -> Table:
    path = folder / "a.csv"
    path.write_text("t,y\n" + "".join(f"{time},{i}\n" for i, time in enumerate(times)), encoding="utf-8")
    return CSVSeries(str(path), "y", ["y"], "t", **keys).read()


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
def test_half_hours_of_a_year_are_those_of_pandas(tmp_path: Path, name: str) -> None:
    there = pd.date_range("2013-12-31", "2015-01-02", freq="30min", tz="UTC").tz_convert(name)
    local = there.tz_localize(None).to_numpy().astype("datetime64[s]")
    utc, problems = in_utc(local, name)
    assert problems == {}
    expected = there.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[s]")
    np.testing.assert_array_equal(utc, expected)
    table = read(tmp_path, [str(time).replace("T", " ") for time in local], time_zone=name)
    assert table.utc
    assert table.step_name() == "30 min"
    np.testing.assert_array_equal(table.times, expected)


def test_a_time_that_is_not_there_is_refused_with_its_row_and_two_rows_of_one_are_told_apart(tmp_path: Path) -> None:
    times = [f"2014-03-30 0{hour}:00" for hour in range(5)]
    message = (
        r"a\.csv:4: the time 2014-03-30 02:00:00 in Europe/Berlin: clocks go 1 h forward then, so that there is no "
        r"such time; give the times in UTC, or each with its offset\.$"
    )
    with pytest.raises(DataError, match=message):
        read(tmp_path, times, time_zone="Europe/Berlin")
    times = [f"2014-10-26 0{hour}:00" for hour in range(5)]
    twice = [*times[:3], *times[2:]]
    table = read(tmp_path, twice, time_zone="Europe/Berlin")
    assert table.times is not None
    assert table.times.astype(str).tolist() == [f"2014-10-{day}T{hour:02}:00:00" for day, hour in
                                                [(25, 22), (25, 23), (26, 0), (26, 1), (26, 2), (26, 3)]]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2014-03-30 01:30 Europe/Berlin", "2014-03-30T00:30"),
        ("2014-03-30 03:30 Europe/Berlin", "2014-03-30T01:30"),
        ("2014-07-01 02:00 CET", "2014-07-01T01:00"),  # what it says, in summer too
        ("2014-07-01 02:00 CEST", "2014-07-01T00:00"),
        ("2014-07-01 02:00 UTC", "2014-07-01T02:00"),
        ("2014-07-01 24:00 GMT", "2014-07-02T00:00"),
        ("2014-07-01 02:00 America/Argentina/Buenos_Aires", "2014-07-01T05:00"),
        ("2014-07-01 02:00 Etc/GMT+5", "2014-07-01T07:00"),
    ],
)
def test_a_zone_in_the_cell_is_taken_one_by_one_and_in_bulk(tmp_path: Path, text: str, utc: str) -> None:
    form = TimeFormat(ZONED)
    assert np.datetime64(form.parse(text), "s") == np.datetime64(utc, "s")
    assert form.has_offset(text)
    hour = pd.Timestamp(utc, tz="UTC") + pd.Timedelta("1h")
    table = read(tmp_path, [text, f"{hour:%Y-%m-%d %H:%M} UTC"], time_format=ZONED)
    assert table.utc
    assert table.times is not None
    assert table.times[0] == np.datetime64(utc, "s")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "2014-03-30 02:30 Europe/Berlin",
            "clocks go 1 h forward then, so that there is no such time; give its offset, or",
        ),
        ("2014-10-26 02:30 Europe/Berlin", "clocks go 1 h back then, so that it is there twice; give its offset, or"),
        ("2014-10-05 01:45 Australia/Lord_Howe", ""),
        ("2014-04-06 01:45 Australia/Lord_Howe", "clocks go 30 min back then"),
        ("2014-03-30 02:30 EST", "'EST' is no time zone that is known, or more than one; `time_zone` says where"),
        ("2014-03-30 02:30 Europe/Nowhere", "'Europe/Nowhere' is no time zone that is known"),
        ("2014-03-30 02:30 ../etc/passwd", "is no time like"),
        ("2014-03-30 02:30 a/../../etc/passwd", "is no time like"),
        ("2014-03-30 02:30 Europe/", "'Europe/' is no time zone"),
        ("2014-03-30 02:30 Europe", "'Europe' is no time zone"),
    ],
)
def test_a_zone_that_is_not_plain_is_refused_where_it_stands(tmp_path: Path, text: str, message: str) -> None:
    times = [text, "2014-10-26 04:30 UTC"]
    if not message:
        assert TimeFormat(ZONED).matches(text)
        return
    with pytest.raises(DataError, match=rf"a\.csv:2: column t: .*{re.escape(message)}"):
        read(tmp_path, times, time_format=ZONED)


def test_the_key_says_where_times_are_local_whatever_name_they_have(tmp_path: Path) -> None:
    times = [f"2014-11-02 {hour:02}:00 {name}" for hour, name in [(0, "EDT"), (1, "EDT"), (1, "EST"), (2, "EST")]]
    table = read(tmp_path, times, time_format=ZONED, time_zone="America/New_York")
    assert table.times is not None
    assert table.times.astype("datetime64[h]").astype(str).tolist() == [f"2014-11-02T0{hour}" for hour in (4, 5, 6, 7)]
    with pytest.raises(
        ConfigError, match=r"^CSVSeries: time_zone: 'EST' is no time zone that is known, or more than one\.$"
    ):
        CSVSeries("a.csv", "y", ["y"], "t", time_zone="EST")
    with pytest.raises(ConfigError, match=r"^CSVSeries: time_zone: also needs time, the column of times\.$"):
        CSVSeries("a.csv", "y", ["y"], time_zone="Europe/Berlin")


def test_years_months_days_and_hours_in_columns_are_local_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("year,month,day,hour,y\n2014,7,1,0,1\n2014,7,1,1,2\n2014,7,1,2,3\n")
    series = CSVSeries(str(path), "y", ["y"], ["year", "month", "day", "hour"], time_zone="Europe/Berlin")
    times = series.read().times
    assert times is not None
    assert times[0] == np.datetime64("2014-06-30T22:00:00")


def test_times_with_an_offset_are_what_they_say(tmp_path: Path) -> None:
    times = [f"2014-07-01 0{hour}:00+05:00" for hour in range(5, 8)]
    table = read(tmp_path, times, time_zone="Europe/Berlin")
    assert table.times is not None
    assert table.times[0] == np.datetime64("2014-07-01T00:00:00")


def test_a_table_with_zones_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    hours = pd.date_range("2014-10-25 20:00", periods=12, freq="h", tz="Europe/Berlin")
    path.write_text("t,y\n" + "".join(f"{time:%d.%m.%Y %H:%M %Z},{i}{i % 3}\n" for i, time in enumerate(hours)))
    found = look_at(path, "y")
    assert keys(found) == {"target": "y", "time": "t", "time_format": "%d.%m.%Y %H:%M %Z", "features": ["y"]}
    assert found.table.times is not None
    assert found.table.times[0] == np.datetime64("2014-10-25T18:00:00")
    hours = hours.tz_convert("America/New_York")
    path.write_text("t,y\n" + "".join(f"{time:%d.%m.%Y %H:%M %Z},{i}{i % 3}\n" for i, time in enumerate(hours)))
    message = (
        "--time-zone: column t: '25.10.2014 14:00 EDT' is no time: 'EDT' is no time zone that is known, or more than "
        "one; `time_zone` says where the times are local (America/New_York)."
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        look_at(path, "y")
    found = look_at(path, "y", time_zone="America/New_York")
    assert found.keys["time_zone"] == "America/New_York"
    assert found.table.times is not None
    assert found.table.times[0] == np.datetime64("2014-10-25T18:00:00")
    assert "times in 't', of the form %d.%m.%Y %H:%M %Z, local in America/New_York" in found.words


def test_fixed_zones_and_regions_have_their_offsets() -> None:
    noon = np.array([np.datetime64("2014-07-01T12:00", "s").astype(np.int64)])
    assert [int(part[0]) for part in offsets(noon, zone_of("CET"))] == [3600, 3600]
    assert [int(part[0]) for part in offsets(noon, zone_of("Europe/Berlin"))] == [7200, 7200]
    assert [int(part[0]) for part in offsets(noon, zone_of("Asia/Kolkata"))] == [19800, 19800]


AUTUMN = [f"2014-10-26 0{hour}:00" for hour in (0, 1, 2, 3, 4)]
SUMMER_TIME = np.array([f"2014-10-{day}" for day in ("25T22", "25T23", "26T00")], "datetime64[s]")


def test_a_time_of_which_one_row_is_left_is_the_earlier_one(tmp_path: Path) -> None:
    message = r"a\.csv:5: the time 2014-10-26 02:00:00 is 2 h after the row above.*: `missing_times: gaps` adds"
    with pytest.raises(DataError, match=message):
        read(tmp_path, AUTUMN, time_zone="Europe/Berlin")
    table = read(tmp_path, AUTUMN, time_zone="Europe/Berlin", missing_times="gaps", gaps="interpolate")
    assert table.gaps is not None
    assert np.flatnonzero(table.gaps.where[:, 0]).tolist() == [3]
    np.testing.assert_array_equal(table.times[:3], SUMMER_TIME)


def test_rows_that_run_backwards_have_the_later_one_first(tmp_path: Path) -> None:
    # Caught here: the values of the two hours exchanged, which no message would tell.
    both = [*AUTUMN[:3], *AUTUMN[2:]]
    table = read(tmp_path, both[::-1], time_zone="Europe/Berlin", sort=True)
    assert table.values[:, 0].tolist() == [5, 4, 3, 2, 1, 0]
    assert np.diff(table.times).max() == np.timedelta64(1, "h")


def test_the_rows_of_another_series_are_not_those_of_this_one(tmp_path: Path) -> None:
    # Caught here: the only row of one series as the second of the other, an hour late.
    path = tmp_path / "a.csv"
    path.write_text("t,s,y\n" + "".join(f"{time},{name},1\n" for name in "ab" for time in AUTUMN[:3]))
    table = CSVSeries(str(path), "y", ["y"], "t", series_by="s", time_zone="Europe/Berlin").read()
    np.testing.assert_array_equal(table.times, [*SUMMER_TIME, *SUMMER_TIME])


@pytest.mark.parametrize("name", ["Europe/Berlin", "Europe/London", "America/New_York", "Australia/Sydney"])
@pytest.mark.parametrize("first", ["2014-03-01", "2014-10-01"])
def test_a_look_finds_where_clocks_change_as_in_the_table(tmp_path: Path, name: str, first: str) -> None:
    hours = pd.date_range(first, periods=24 * 40, freq="h", tz="UTC").tz_convert(name)
    path = tmp_path / "table.csv"
    path.write_text("t,y\n" + "".join(f"{time:%Y-%m-%d %H:%M},{i}{i % 3}\n" for i, time in enumerate(hours)))
    found = look_at(path, "y")
    assert keys(found) == {"target": "y", "time": "t", "features": ["y"], "time_zone": name}
    assert f"clocks change as in {name}: times are taken as local there" in found.words[-1]
    expected = hours.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[s]")
    np.testing.assert_array_equal(found.table.times, expected)


def test_a_look_takes_no_zone_that_does_not_help(tmp_path: Path) -> None:
    hours = pd.date_range("2014-10-20", periods=24 * 10, freq="h").delete(100)
    path = tmp_path / "table.csv"
    path.write_text("t,y\n" + "".join(f"{time:%Y-%m-%d %H:%M},{i}{i % 3}\n" for i, time in enumerate(hours)))
    assert "time_zone" not in look_at(path, "y").keys


def test_without_a_database_of_zones_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(name: str) -> None:
        raise ZoneInfoNotFoundError(name)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time_zones, "ZoneInfo", none)
    zone_of.cache_clear()
    Path("table.csv").write_text("t,y\n" + "".join(f"{time},{i}\n" for i, time in enumerate(AUTUMN * 2)))
    command = ["new", "experiment", "mine", "--from", "table.csv", "--target", "y", "--time-zone", "Europe/Berlin"]
    assert main(command) == 4
    said = "time_zone: 'Europe/Berlin' needs a database of time zones, and Python finds none here; pip install tzdata."
    assert capsys.readouterr().err == f"minidl new: {said}\n"
    Path("mine.yaml").write_text(
        "extends: pm25_single\ndata: {series: {type: CSVSeries, path: table.csv, target: y, features: [y], time: t, "
        "time_zone: Europe/Berlin}}\n"
    )
    assert main(["train", "mine.yaml"]) == 4
    assert said in capsys.readouterr().err
    assert zone_of("CET") == 3600
