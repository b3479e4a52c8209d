"""A forecast beyond a table's end: no row of the future is known."""

from __future__ import annotations

import re

import numpy as np
import pytest
from small import hourly_rows, hourly_table

from minidl.data import MinMaxScaler, ScaleFit, Table
from minidl.errors import DataError
from minidl.forecasting import forecast_ahead
from minidl.layer import Array

T = 5
WEIGHTS = np.random.default_rng(3).standard_normal((T, 3))


def one_step(x: Array) -> Array:
    return np.tanh(np.tensordot(x, WEIGHTS, 2))


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
