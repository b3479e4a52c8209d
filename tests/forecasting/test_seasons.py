"""Yesterday's rows: how many a season has, and what is scored and said where there is none."""

from __future__ import annotations

import re

import numpy as np
import pytest
from small import hourly_rows, hourly_table, window_data
from weighted import Weighted

from minidl import DataError
from minidl.data import Splits, Table
from minidl.forecasting import (
    Recursive,
    Rows,
    baselines,
    block_scores,
    check_covariates,
    left_out,
    model_forecaster,
    possible_covariates,
)


def spaced(step: int | None, n: int = 240) -> Splits:
    """The small table, its rows so many seconds apart."""
    times = None if step is None else np.datetime64("2013-01-01", "s") + np.arange(n) * np.timedelta64(step, "s")
    return window_data(Table(hourly_rows(n), times, ("pm", "temp", "wind"), 0)).load("float64")


@pytest.mark.parametrize(("step", "rows"), [(3600, 24), (1800, 48), (900, 96), (7200, 12), (43200, 2)])
def test_a_season_is_as_many_rows_as_a_day_has(step: int, rows: int) -> None:
    parts = spaced(step)
    forecast = baselines(parts)["seasonal_24h"](parts.test.starts[:5], 3)
    origin = parts.test.origin_rows[:5, None] + np.arange(3)
    back = rows * (np.arange(3) // rows + 1)
    np.testing.assert_array_equal(forecast, parts.values[origin - back, 0])
    assert left_out(parts) == {}


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (None, "the rows have no times, so that nothing says how many make a day."),
        (11 * 3600, "the rows are 11 h apart, and a day is no whole number of 2 or more of them."),
        (600, "a day is 144 rows; the table has 86 before the first forecast."),
    ],
)
def test_where_there_is_no_yesterday_nothing_is_made_of_it(step: int | None, why: str) -> None:
    parts = spaced(step) if step != 600 else spaced(step, 140)
    assert list(baselines(parts)) == ["persistence", "linear"]
    assert left_out(parts) == {"seasonal_24h": why}
    message = f"evaluation.future_covariates: same_hour_yesterday cannot be used: {why} Use hold_last."
    for refuse in (check_covariates, lambda splits, way: model_forecaster(splits, Weighted(), way)):
        with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
            refuse(parts, "same_hour_yesterday")
    with pytest.raises(DataError, match="nothing says how many rows make a day"):
        Recursive(Rows(parts.values, 6, 0), lambda x: x[:, -1, :1], "same_hour_yesterday")(parts.test.starts, 2)


def test_rows_a_day_apart_have_a_week_and_no_yesterday() -> None:
    parts = spaced(86400)
    forecast = baselines(parts)["seasonal_7d"](parts.test.starts[:5], 9)
    origin = parts.test.origin_rows[:5, None] + np.arange(9)
    np.testing.assert_array_equal(forecast, parts.values[origin - 7 * (np.arange(9) // 7 + 1), 0])
    assert left_out(parts) == {}
    assert possible_covariates(parts) == ("actual", "hold_last")
    with pytest.raises(DataError, match="the rows are one day apart, so that there is no time of day"):
        check_covariates(parts, "same_hour_yesterday")
    assert left_out(spaced(86400 * 7, 71)) == {
        "seasonal_year": "a year is 52 rows; the table has 17 before the first forecast."
    }


def test_half_hourly_rows_of_yesterday_forecast_what_repeats_every_day() -> None:
    # y[t] = 10 + 5 z[t-1], and z has a period of 48 rows: with z of 48 rows before, a linear model makes no error.
    n = 480
    z = np.round(np.sin(2 * np.pi * np.arange(n) / 48), 5)
    y = 10 + 5 * np.r_[z[-1], z[:-1]]
    times = np.datetime64("2024-01-01T00:00:00", "s") + np.arange(n) * np.timedelta64(1800, "s")
    parts = window_data(Table(np.stack([y, z], axis=1), times, ("y", "z"), 0), test_size=120).load("float64")
    scores = block_scores(parts, baselines(parts, "same_hour_yesterday")["linear"], 8)
    assert scores["rmse"] < 0.01  # 4 with rows of 12 hours before
    assert block_scores(parts, baselines(parts, "hold_last")["linear"], 8)["rmse"] > 1


def test_there_is_no_seasonal_baseline_where_no_season_comes_before_the_test_part() -> None:
    # 70 rows, 60 for testing: the first forecast is for row 16, and row -8 is not "a day before" it.
    parts = window_data(hourly_table(70)).load("float64")
    assert list(baselines(parts)) == ["persistence", "linear"]
    parts = window_data(hourly_table(78)).load("float64")  # row 24: its day before is row 0
    assert list(baselines(parts)) == ["persistence", "seasonal_24h", "linear"]
