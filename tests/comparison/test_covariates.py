"""What stands for the weather of hours that have not come yet: against loops over single windows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from small import hourly_table, window_data

from minidl import Dense, LastStep, RecurrentLayer, Sequential
from minidl.core.errors import DataError
from minidl.core.layer import Array
from minidl.data import Splits
from minidl.forecasting import (
    COVARIATES,
    Recursive,
    Rows,
    baselines,
    model_forecaster,
    score_shifted,
)
from minidl.tasks import Forecast

T, F, TARGET = 5, 3, 1
STARTS = np.array([30, 47, 31, 55])


def rows() -> Rows:
    return Rows(np.random.default_rng(2).standard_normal((120, F)), T, TARGET, day=24)


WEIGHTS = np.random.default_rng(9).standard_normal((T, F))


def batched(x: Array) -> Array:
    return np.tanh(0.3 * np.einsum("btf,tf->b", x, WEIGHTS))[:, None]


def known_row(now: int, row: int, covariates: str) -> int:
    """The row whose weather is used for `row`, when `now` is the last one that is known."""
    if row <= now or covariates == "actual":
        return row
    if covariates == "hold_last":
        return now
    while row > now:
        row -= 24
    return row


def naive(table: Rows, start: int, horizon: int, covariates: str) -> list[float]:
    made: list[float] = []
    now = start + T - 1
    for j in range(horizon):
        total = 0.0
        for t in range(T):
            row = start + j + t
            for f in range(F):
                if f == TARGET:
                    value = made[row - now - 1] if row > now else table.values[row, f]
                else:
                    value = table.values[known_row(now, row, covariates), f]
                total += value * WEIGHTS[t, f]
        made.append(math.tanh(0.3 * total))
    return made


@pytest.mark.parametrize("covariates", COVARIATES)
@pytest.mark.parametrize("horizon", [1, 2, 8, 30])  # 8: all rows of a window are unknown; 30: yesterday is unknown too
def test_forecasts_use_no_more_of_the_future_than_they_say(covariates: str, horizon: int) -> None:
    table = rows()
    expected = [naive(table, start, horizon, covariates) for start in STARTS.tolist()]
    np.testing.assert_allclose(Recursive(table, batched, covariates)(STARTS, horizon), expected, rtol=1e-12)


@pytest.mark.parametrize("covariates", ["hold_last", "same_hour_yesterday"])
def test_forecasts_do_not_see_what_comes_after_their_origin(covariates: str) -> None:
    table = rows()
    spoilt = Rows(table.values.copy(), T, TARGET, day=24)
    spoilt.values[35:] = np.nan
    one, other = (Recursive(t, batched, covariates)(np.array([30]), 12) for t in (table, spoilt))
    np.testing.assert_array_equal(one, other)


def parts(n: int = 240, test_size: int = 60) -> tuple[Splits, Sequential]:
    data = window_data(hourly_table(n), test_size=test_size)
    model = Sequential([RecurrentLayer(3), LastStep(), Dense(1)])
    model.build(data.input_shape, 0, "float64")
    return data.load("float64"), model


def test_scores_of_model_and_linear_baseline_follow_the_config() -> None:
    splits, model = parts()
    scores = {way: Forecast(horizons=[4, 1], future_covariates=way).evaluate(splits, model) for way in COVARIATES}
    for part in (lambda s: s, lambda s: s["baselines"]["linear"]):
        assert len({part(s)["block"]["4"]["rmse"] for s in scores.values()}) == 3
        # One hour ahead there is no future weather in the window.
        assert len({part(s)["block"]["1"]["rmse"] for s in scores.values()}) == 1
    assert len({s["baselines"]["persistence"]["block"]["4"]["rmse"] for s in scores.values()}) == 1


def test_yesterday_must_be_in_the_table() -> None:
    splits, model = parts(n=60, test_size=46)
    message = "same_hour_yesterday cannot be used: a day is 24 rows; the table has 20 before the first forecast"
    with pytest.raises(DataError, match=message):
        model_forecaster(splits, model, "same_hour_yesterday")


def test_a_shifted_plot_of_persistence_looks_perfect() -> None:
    # "Same as now", drawn an hour early, lies on the truth: the best look for the poorest forecast.
    splits, _ = parts()
    persistence = baselines(splits)["persistence"]
    assert score_shifted(splits, persistence, 1)["r2"] == 1
