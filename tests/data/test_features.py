"""Columns made from a table's own: their values against plain loops and pandas, their names, and what is refused."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small import hourly_table, window_data

from minidl.core.errors import ConfigError, DataError
from minidl.data import (
    BeijingPM25,
    Calendar,
    Change,
    ColumnFeature,
    CSVSeries,
    Direction,
    Feature,
    GapMask,
    Gaps,
    OneHot,
    Rolling,
    Table,
)
from minidl.data.features import derive, derived_names
from minidl.data.steps import step_of

WIND = {"wind": {"calm": 0.0, "NE": 1.0, "S": 2.0}}


def table(**more: Any) -> Table:
    return replace(hourly_table(), categories=WIND, **more)


def made(feature: Feature, of: Table | None = None) -> Table:
    return derive([feature], table() if of is None else of)


def test_the_calendar_is_the_place_in_day_week_and_year_as_plain_dates_have_it() -> None:
    times = np.arange("2012-02-27T00:30", "2012-03-02T00:30", 30, dtype="datetime64[m]").astype("datetime64[s]")
    rows = made(Calendar(), Table(np.zeros((len(times), 1)), times, ("y",), 0))
    for i, time in enumerate(times.tolist()):
        day = (time.hour + time.minute / 60) / 24
        year = (time.timetuple().tm_yday - 1 + day) / 366  # a leap year
        expected = [
            way(2 * math.pi * p) for p in (day, (time.weekday() + day) / 7, year) for way in (math.sin, math.cos)
        ]
        np.testing.assert_allclose(rows.values[i, 1:], expected, atol=1e-12)
    assert rows.feature_names[1:5] == ("time of day sin", "time of day cos", "day of week sin", "day of week cos")
    assert rows.known_ahead == rows.feature_names[1:]
    assert rows.of_target == ()


def test_one_hot_has_a_column_for_each_category_in_the_place_of_its_source() -> None:
    rows = made(OneHot("wind"))
    assert rows.feature_names == ("pm", "temp", "wind calm", "wind NE", "wind S")
    for number, row in zip(table().values[:, 2], rows.values, strict=True):
        assert row[2:].tolist() == [float(number == k) for k in (0, 1, 2)]
    kept = made(OneHot("wind", categories={"NE": 1}, replace=False))
    assert kept.feature_names == ("pm", "temp", "wind", "wind NE")
    values = table().values.copy()
    values[5, 2] = 0.5  # on a line through a gap
    assert made(OneHot("wind"), table(values=values)).values[5, 2:].tolist() == [0, 0, 0]


def test_directions_go_round() -> None:
    degrees = Table(np.array([[1.0, 0.0], [2.0, 90.0], [3.0, 359.0]]), None, ("y", "angle"), 0)
    rows = made(Direction("angle"), degrees)
    assert rows.feature_names == ("y", "angle sin", "angle cos")
    expected = [[0, 1], [1, 0], [math.sin(math.radians(-1)), math.cos(math.radians(-1))]]
    np.testing.assert_allclose(rows.values[:, 1:], expected, atol=1e-12)


def test_directions_of_categories_are_those_of_the_compass_or_as_given_and_calm_has_none() -> None:
    half = math.sqrt(0.5)
    compass = {0: (0, 0), 1: (half, half), 2: (0, -1)}
    given = {0: (1, 0), 1: (0, 0), 2: (0, 0)}
    for feature, expected in ((Direction("wind"), compass), (Direction("wind", degrees={"calm": 90}), given)):
        rows = made(feature)
        for number, row in zip(table().values[:, 2], rows.values, strict=True):
            np.testing.assert_allclose(row[2:], expected[int(number)], atol=1e-12)


@pytest.mark.parametrize("rows", [1, 24, 300])
def test_differences_look_back_and_are_0_where_nothing_is_before(rows: int) -> None:
    expected = pd.Series(table().values[:, 1]).diff(rows).fillna(0)
    found = made(Change("temp", rows))
    np.testing.assert_array_equal(found.values[:, -1], expected)
    assert found.feature_names[-1] == f"temp change over {rows} row{'s' * (rows > 1)}"


@pytest.mark.parametrize("statistic", ["mean", "min", "max", "std"])
@pytest.mark.parametrize("rows", [2, 24, 240, 500])
def test_rolling_statistics_are_those_of_pandas(statistic: Any, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidl.data.features.rolling.CHUNK", 100)  # many chunks
    rolling = pd.Series(table().values[:, 0]).rolling(rows, min_periods=1)
    expected = rolling.std(ddof=0) if statistic == "std" else getattr(rolling, statistic)()
    found = made(Rolling("pm", rows, statistic))
    np.testing.assert_allclose(found.values[:, -1], expected, rtol=1e-9, atol=1e-5)
    assert found.feature_names[-1] == f"pm {statistic} of {rows} rows"


def gappy() -> Table:
    where = np.zeros((240, 3), bool)
    where[3:5, 0] = where[9, 2] = True
    return table(gaps=Gaps(where))


def test_a_mask_is_1_where_a_value_was_a_gap() -> None:
    assert np.flatnonzero(made(GapMask("pm"), gappy()).values[:, -1]).tolist() == [3, 4]
    assert not made(GapMask("temp"), gappy()).values[:, -1].any()
    assert not made(GapMask("pm")).values[:, -1].any()


def test_what_takes_the_place_of_a_filled_value_counts_as_filled_and_nothing_else_does() -> None:
    found = derive([OneHot("wind"), Rolling("pm", 3), GapMask("pm")], gappy())
    assert found.gaps is not None
    assert np.argwhere(found.gaps.where).tolist() == [[3, 0], [4, 0], [9, 2], [9, 3], [9, 4]]


def test_features_are_made_one_after_the_other_and_know_what_they_are_made_from() -> None:
    features = [Calendar(["day"]), Change("pm"), Rolling("pm change over 1 row", 2), Rolling("time of day sin", 2)]
    found = derive([*features, Rolling("temp", 2)], table())
    assert found.of_target == ("pm change over 1 row", "pm change over 1 row mean of 2 rows")
    assert found.known_ahead == ("time of day sin", "time of day cos", "time of day sin mean of 2 rows")
    assert found.feature_names == derived_names([*features, Rolling("temp", 2)], table().feature_names, WIND)


def test_the_target_may_move_and_stays_the_target() -> None:
    found = made(
        OneHot("wind"), Table(hourly_table().values[:, ::-1], None, ("wind", "temp", "pm"), 2, categories=WIND)
    )
    assert (found.target_name, found.target_index) == ("pm", 1)


def test_names_are_known_before_anything_is_read() -> None:
    series = CSVSeries("none.csv", target="pm", features=["pm", "wind"], categories={"wind": {"N": 0, "E": 1}})
    data = replace(window_data(hourly_table()), series=series, derived=[OneHot("wind"), Rolling("pm", 24)])
    assert data.feature_names == ("pm", "wind N", "wind E", "pm mean of 24 rows")
    assert data.input_shape == (6, 4)
    shipped = replace(data, series=BeijingPM25(), derived=[Direction("cbwd")])
    assert shipped.feature_names == ("pm2.5", "DEWP", "TEMP", "PRES", "Iws", "cbwd sin", "cbwd cos")


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([Rolling("pn", 2)], "derived.0: Rolling: no column 'pn'; known: pm, temp, wind"),
        ([OneHot("wind"), GapMask("wind")], "derived.1: GapMask: no column 'wind'; did you mean wind S?"),
        ([GapMask("pm"), GapMask("pm")], "derived.1: GapMask: there is a column 'pm filled' already."),
        ([OneHot("temp")], "OneHot: the series does not say which categories the column 'temp' has; give them as"),
        ([Direction("wind", degrees={"NW": 3})], "Direction: degrees: 'NW' is no category of column 'wind'; known: "),
        (
            [Direction("temp", degrees={"NW": 3})],
            "Direction: degrees: 'NW' is no category of column 'temp'; the series",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_read(features: list[Feature], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        window_data(table(), derived=features)


def test_categories_that_are_no_points_of_the_compass_need_their_degrees() -> None:
    with pytest.raises(ConfigError, match=re.escape("is a point of the compass (up, down); say the degrees of each")):
        Direction("wind").names({"wind": {"up": 0, "down": 1}})


@dataclass(eq=False)
class Broken(ColumnFeature):
    shape: str = "nan"

    def names(self, categories: Any) -> tuple[str, ...]:
        return ("broken",)

    def columns(self, table: Table) -> Any:
        return np.full((len(table), 1), np.nan) if self.shape == "nan" else np.zeros(len(table))


DAYS = np.arange("2012-02-27", "2012-04-02", dtype="datetime64[D]").astype("datetime64[s]")


@pytest.mark.parametrize(
    ("feature", "of", "message"),
    [
        (Calendar(), replace(table(), times=None), "data.derived: Calendar: the rows have no times; leave it out."),
        (
            Calendar(),
            Table(np.zeros((len(DAYS), 1)), DAYS, ("y",), 0),
            "data.derived: Calendar: cycles: a row's place in the day says nothing, since rows are 1 d apart; leave",
        ),
        (OneHot("temp", categories={"N": 1e6}), None, "OneHot: column temp holds none of the numbers 1e+06; correct"),
        (Broken("pm"), None, "Table: row 0 (counted from 0), column broken: nan is not a finite number"),
        (
            Broken("pm", "flat"),
            None,
            "data.derived: Broken: columns gave shape (240,), expected (240, 1), a column",
        ),
    ],
)
def test_what_a_table_cannot_give_is_refused(feature: Feature, of: Table | None, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        made(feature, of)


def test_nothing_takes_the_targets_place() -> None:
    with pytest.raises(ConfigError, match="Rolling: pm is the target, whose place nothing can take; say replace"):
        made(Rolling("pm", 2, replace=True))


def test_a_calendar_of_days_weeks_and_months_is_taken_where_it_says_something() -> None:
    assert step_of(DAYS) is not None
    assert made(Calendar(["week", "year"]), Table(np.zeros((len(DAYS), 1)), DAYS, ("y",), 0)).values.shape == (35, 5)


@pytest.mark.parametrize(
    ("cycle", "step", "right"),
    [
        ("day", "12h", True),
        ("day", "13h", False),
        ("week", "84h", True),
        ("week", "85h", False),
        ("year", "4380h", True),
        ("year", "4381h", False),
    ],
)
def test_a_cycle_needs_two_rows(cycle: Any, step: str, right: bool) -> None:
    times = np.datetime64("2012-02-27", "s") + np.arange(5) * np.timedelta64(int(step[:-1]), "h")
    of = Table(np.zeros((5, 1)), times.astype("datetime64[s]"), ("y",), 0)
    if right:
        assert made(Calendar([cycle]), of).values.shape == (5, 3)
    else:
        with pytest.raises(DataError, match=f"a row's place in the {cycle} says nothing, since rows are"):
            made(Calendar([cycle]), of)


def test_a_calendar_without_an_even_step_is_refused() -> None:
    times = np.array(["2012-01-01", "2012-01-02", "2012-01-05"], "datetime64[s]")
    with pytest.raises(DataError, match="Calendar: the rows have no even step; leave it out"):
        made(Calendar(["week"]), Table(np.zeros((3, 1)), times, ("y",), 0))
    assert Calendar().cycles == ["day", "week", "year"]


def test_points_of_the_compass_go_round_by_22_and_a_half_degrees() -> None:
    winds = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"]
    categories = {"wind": {text: float(i) for i, text in enumerate(winds)}}
    values = np.stack([np.arange(16.0), np.arange(16.0)], axis=1)
    of = Table(values, None, ("y", "wind"), 0, categories=categories)
    rows = made(Direction("wind"), of)
    angles = [math.radians(360 * i / 16) for i in range(16)]
    np.testing.assert_allclose(rows.values[:, 1], [math.sin(a) for a in angles], atol=1e-12)
    np.testing.assert_allclose(rows.values[:, 2], [math.cos(a) for a in angles], atol=1e-12)
    kept = made(Direction("wind", replace=False), of)
    assert kept.feature_names == ("y", "wind", "wind sin", "wind cos")


@pytest.mark.parametrize("replace_it", [False, True])
def test_by_default_only_what_is_said_takes_a_place(replace_it: bool) -> None:
    for feature in (Change("temp", replace=replace_it), Rolling("temp", 3, replace=replace_it)):
        names = made(feature).feature_names
        assert ("temp" in names) == (not replace_it)
        assert names[-1].startswith("temp ")
    for feature in (Change("temp"), Rolling("temp", 3), GapMask("temp")):
        assert "temp" in made(feature).feature_names
    for feature in (OneHot("wind"), Direction("wind")):
        assert "wind" not in made(feature).feature_names
    assert Change("temp").names({}) == ("temp change over 1 row",)
