"""Derived columns in forecasts: the calendar is known ahead, and predict is given exactly what was scored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small import hourly_table, window_data

from minidl.core.layer import Array
from minidl.data import Calendar, Change, Feature, OneHot, Rolling, Table
from minidl.forecasting import Recursive, Rows, assumptions, forecast_ahead

T = 6
FEATURES: list[Feature] = [Calendar(["day"]), OneHot("wind"), Rolling("pm", 9), Change("temp", 3)]


def table() -> Table:
    return replace(hourly_table(), categories={"wind": {"calm": 0, "north": 1, "south": 2}})


def one_step(x: Array) -> Any:
    return np.tanh(np.tensordot(x, np.random.default_rng(3).standard_normal(x.shape[1:]), 2))[:, None]


def test_predict_gives_what_scores_are_of() -> None:
    data = window_data(table(), derived=FEATURES)
    splits = data.load("float64")
    n, horizon = len(table()) - 20, 8
    scored = Recursive(Rows.of(splits.table, splits.values, T), one_step, "hold_last")(np.array([n - T]), horizon)
    past = replace(table(), values=table().values[:n], times=table().times[:n])  # type: ignore[index]
    ahead = forecast_ahead(
        past, splits.scale, one_step, time_steps=T, horizon=horizon, dtype="float64", derive=data.derive
    )
    np.testing.assert_array_equal(ahead.values, splits.scale.unscale(scored[0], splits.table.target_index))
    assert ahead.said().endswith("; other columns keep their last values; 2 columns known from the calendar")


@pytest.mark.parametrize("covariates", ["hold_last", "same_hour_yesterday", "actual"])
def test_later_rows_hold_what_is_known_of_them(covariates: Any) -> None:
    splits = window_data(table(), derived=FEATURES).load("float64")
    names, values = splits.table.feature_names, splits.values
    rows, start, j = Rows.of(splits.table, values, T), 100, 3
    window = rows.windows_ahead(np.array([start]), j, covariates)[0]
    last = start + T - 1
    np.testing.assert_array_equal(window[: T - j], values[start + j : last + 1])
    for t in range(j):
        row = last + 1 + t
        for k, name in enumerate(names):
            made = name == "pm" or "pm mean" in name
            known = name.startswith("time of day") or (covariates == "actual" and not made)
            held = row - 24 if covariates == "same_hour_yesterday" and name != "pm" else last
            assert window[T - j + t, k] == values[row if known else held, k], name


def test_assumptions_say_which_columns_are_known_and_which_are_not() -> None:
    splits = window_data(table(), derived=FEATURES).load()
    assert "2 columns known from the calendar" in assumptions(splits, "hold_last", 8)
    assert "1 column made from the target: the last values are kept" in assumptions(splits, "actual", 8)
    at_once, of_linear = assumptions(window_data(table(), derived=FEATURES).load(leads=8), "hold_last", 8)
    assert at_once.endswith("nothing of later rows is assumed")
    assert of_linear.endswith("as in predict; 2 columns known from the calendar")
    plain = window_data(table()).load()
    assert not any("column" in line for line in assumptions(plain, "hold_last", 8)[1:])
