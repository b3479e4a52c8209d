"""A forecast beyond a table's end: no row of the future is known."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small import hourly_rows, hourly_table

from minidl.core.errors import DataError
from minidl.core.layer import Array
from minidl.data import Gaps, MinMaxScaler, ScaleFit, Table
from minidl.forecasting import forecast_ahead
from minidl.forecasting.ahead import Ahead, AheadOfEach

T = 5
WEIGHTS = np.random.default_rng(3).standard_normal((T, 3))


def one_step(x: Array) -> Array:
    return np.tanh(np.tensordot(x, WEIGHTS, 2))[:, None]


def fitted(table: Table) -> ScaleFit:
    return MinMaxScaler().fit(table.values)


@pytest.mark.parametrize("target_index", [0, 2])
@pytest.mark.parametrize("horizon", [1, 3, 9])
def test_predictions_are_fed_back_and_the_other_columns_keep_their_last_values(target_index: int, horizon: int) -> None:
    table = hourly_table(40, target_index=target_index)
    low, high = table.values.min(axis=0), table.values.max(axis=0)
    rows = ((table.values - low) / (high - low)).tolist()
    expected = []
    for _ in range(horizon):
        total = sum(WEIGHTS[t][f] * rows[len(rows) - T + t][f] for t in range(T) for f in range(3))
        later = list(rows[-1])
        later[target_index] = float(np.tanh(total))
        rows.append(later)
        expected.append(later[target_index] * (high - low)[target_index] + low[target_index])
    forecast = forecast_ahead(table, fitted(table), one_step, time_steps=T, horizon=horizon, dtype="float64")
    np.testing.assert_allclose(forecast.values, expected, rtol=1e-12)
    assert (forecast.target, forecast.units) == (("pm", "temp", "wind")[target_index], "µg/m³")


def test_times_go_on_where_the_table_ends() -> None:
    table = hourly_table(48)  # two days from 2013-01-01 00:00
    forecast = forecast_ahead(table, fitted(table), one_step, time_steps=T, horizon=2, dtype="float64")
    assert forecast.times() == ["2013-01-03 00:00:00", "2013-01-03 01:00:00"]


def test_without_times_rows_are_counted() -> None:
    table = Table(hourly_rows(40), None, ("pm", "temp", "wind"), 0)
    forecast = forecast_ahead(table, fitted(table), one_step, time_steps=T, horizon=3, dtype="float32")
    assert forecast.times() == ["+1", "+2", "+3"]
    assert forecast.last is None


def test_a_table_as_long_as_a_window_suffices_and_a_shorter_one_is_refused() -> None:
    table = hourly_table(T)
    forecast_ahead(table, fitted(table), one_step, time_steps=T, horizon=1, dtype="float64")
    message = "the table has 5 rows; a window needs 6."
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        forecast_ahead(table, fitted(table), one_step, time_steps=6, horizon=1, dtype="float64")


def test_the_table_is_not_written_to() -> None:
    table = hourly_table(40)
    table.values.flags.writeable = False
    before = table.values.copy()
    forecast_ahead(table, fitted(table), one_step, time_steps=T, horizon=7, dtype="float64")
    np.testing.assert_array_equal(table.values, before)


def ahead(
    n_filled: tuple[int, int] = (0, 0), *, last: str | None = None, step: int | None = None, **more: Any
) -> Ahead:
    time = None if last is None else np.datetime64(last, "s")
    values = np.array([1.5, 2.0])
    every = None if step is None else np.timedelta64(step, "s")
    return Ahead("pm", more.pop("units", ""), values, time, every, 24, n_filled, **more)


def test_it_says_what_is_forecast_and_from_what() -> None:
    plain = ahead()
    assert plain.where() == "2 rows ahead of the table's end"
    assert plain.said() == "from the 24 rows up to the table's end; other columns keep their last values"
    timed = ahead((1, 72), last="2014-12-31T23:00:00", step=3600, utc=True)
    assert timed.where() == "2 rows ahead of 2014-12-31 23:00:00Z"
    assert timed.said() == (
        "from the 24 rows up to 2014-12-31 23:00:00Z, of whose 72 values 1 was a gap and filled; "
        "other columns keep their last values"
    )
    assert ", of whose 72 values 2 were gaps and filled;" in ahead((2, 72)).said()


def test_it_is_a_table_with_units_and_a_mapping_for_json() -> None:
    timed = ahead((1, 72), last="2014-12-31T23:00:00", step=1800, units="µg/m³")
    times = ["2014-12-31 23:30:00", "2015-01-01 00:00:00"]
    assert timed.table() == [["time", "pm [µg/m³]"], [times[0], 1.5], [times[1], 2.0]]
    assert timed.found() == {
        "target": "pm",
        "units": "µg/m³",
        "from": "2014-12-31 23:00:00",
        "times": times,
        "values": [1.5, 2.0],
        "assumptions": ["other columns keep their last values"],
        "window_values": 72,
        "filled": 1,
    }
    plain = ahead(last="2014-12-31T23:00:00")
    assert plain.table() == [["time", "pm"], ["+1", 1.5], ["+2", 2.0]]  # no step is known
    assert all(type(row[1]) is float for row in plain.table()[1:])


def with_gaps(*places: tuple[int, int], n: int = 40) -> Table:
    where = np.zeros((n, 3), bool)
    for row, column in places:
        where[row, column] = True
    table = hourly_table(n)
    return replace(table, gaps=Gaps(where))


def forecast(table: Table, name: str = "") -> Ahead:
    scale = MinMaxScaler().fit(table.values)
    return forecast_ahead(table, scale, one_step, time_steps=T, horizon=1, dtype="float64", name=name)


def test_gaps_of_the_window_are_counted() -> None:
    # Rows 35 to 39 are the window.
    assert forecast(with_gaps((34, 0), (35, 1), (36, 0), (36, 2))).n_filled == (3, 15)
    assert forecast(hourly_table(40)).n_filled == (0, 15)


@pytest.mark.parametrize(
    ("places", "column", "end"),
    [
        ([(39, 1)], "temp", "end it with 2013-01-02 14:00:00, the last row without one"),
        ([(39, 2), (39, 1), (38, 0)], "temp", "end it with 2013-01-02 13:00:00, the last row without one"),
        ([(row, 0) for row in range(40)], "pm", "no row is without one"),
    ],
)
def test_a_gap_in_the_last_row_is_refused(places: list[tuple[int, int]], column: str, end: str) -> None:
    message = (
        f"air.csv: the last row has a gap (column {column}), and a forecast would start from a value that nobody "
        f"measured; {end}."
    )
    message += " Columns that `known_ahead` names may be known in later rows." * (column == "pm")
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        forecast(with_gaps(*places), "air.csv")


def test_the_time_of_the_last_row_the_step_and_utc_are_passed_on() -> None:
    table = replace(hourly_table(40), utc=True)
    found = forecast(table)
    assert table.times is not None
    assert (found.last, found.step, found.utc, found.time_steps) == (table.times[-1], table.step, True, T)


def test_gaps_in_the_windows_of_all_series_are_counted() -> None:
    one, other = ahead((2, 72)), ahead((1, 72))
    assert AheadOfEach({"a": one, "b": other}).said() == (
        "a: from the 24 rows up to the table's end, of whose 72 values 2 were gaps and filled; other columns keep "
        "their last values; the other series in the same way: of all 144 values 3 were gaps and filled"
    )
    none = AheadOfEach({"a": ahead((0, 72)), "b": ahead((0, 72))}, ("2 rows were left out",))
    assert none.said().endswith("their last values; the other series in the same way; 2 rows were left out")
    assert none.found()["rows"] == ["2 rows were left out"]
