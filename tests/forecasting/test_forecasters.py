"""Forecasters against loops over single windows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from minidl import INFERENCE, Dense, LastStep, Layer, RecurrentLayer, Sequential
from minidl.core.layer import Array
from minidl.forecasting import Linear, Persistence, Recursive, Rows, Seasonal, model_next_rows
from minidl.training import Arrays

N, T, F = 90, 5, 3
STARTS = np.array([30, 7, 31, 55, 8])  # in any order, overlapping


def table(target_index: int = 1, n: int = N) -> Rows:
    values = np.random.default_rng(2).standard_normal((n, F))
    values.flags.writeable = False
    return Rows(values, T, target_index)


WEIGHTS = np.random.default_rng(9).standard_normal((T, F)).tolist()


def single(window: list[list[float]]) -> float:
    """A prediction in which every entry of the window counts differently."""
    return math.tanh(0.3 * sum(WEIGHTS[t][f] * window[t][f] for t in range(T) for f in range(F)))


def batched(x: Array) -> Array:
    return np.array([[single(window)] for window in x.tolist()])


def naive_recursive(rows: Rows, start: int, horizon: int) -> list[float]:
    """The j-th window has true rows, but its last j target values are the forecasts made so far."""
    made: list[float] = []
    for j in range(horizon):
        window = rows.values[start + j : start + j + T].tolist()
        for i in range(1, min(j, T) + 1):
            window[T - i][rows.target_index] = made[j - i]
        made.append(single(window))
    return made


@pytest.mark.parametrize("target_index", [0, 1, 2])
@pytest.mark.parametrize("horizon", [1, 2, 4, 5, 12])  # 5 and 12: all target values are forecasts
def test_recursive_forecasts_overwrite_the_last_j_target_values(target_index: int, horizon: int) -> None:
    # Caught here: the wrong column, one value too many or too few, the wrong order, weather of the first window.
    rows = table(target_index)
    expected = [naive_recursive(rows, start, horizon) for start in STARTS.tolist()]
    np.testing.assert_allclose(Recursive(rows, batched)(STARTS, horizon), expected, rtol=1e-12)


def test_recursive_forecasts_are_the_same_in_chunks() -> None:
    rows = table(n=2200)
    starts = np.arange(2150)
    rng = np.random.default_rng(0)
    weights = rng.standard_normal(T * F)
    forecast = Recursive(rows, lambda x: np.tanh(x.reshape(len(x), -1) @ weights)[:, None])
    all_at_once = forecast(starts, 3)
    for i in (0, 1023, 1024, 2047, 2048, 2149):
        np.testing.assert_allclose(all_at_once[i], forecast(starts[i : i + 1], 3)[0], rtol=1e-12)


def test_windows_and_truth_are_rows_of_the_table() -> None:
    rows = table()
    windows, truth = rows.windows(STARTS), rows.truth(STARTS, 4)
    for i, start in enumerate(STARTS.tolist()):
        assert windows[i].tolist() == rows.values[start : start + T].tolist()
        assert truth[i].tolist() == [rows.values[start + T + j, 1] for j in range(4)]


def test_persistence_repeats_the_last_known_value_of_the_target() -> None:
    rows = table()
    expected = [[rows.values[start + T - 1, 1]] * 4 for start in STARTS.tolist()]
    assert Persistence(rows)(STARTS, 4).tolist() == expected


@pytest.mark.parametrize("period", [2, 24])
def test_seasonal_is_the_latest_known_value_at_the_same_hour(period: int) -> None:
    rows = table()
    starts = STARTS[period <= STARTS + T]
    forecast = Seasonal(rows, period)(starts, 6)
    for i, start in enumerate(starts.tolist()):
        for j in range(6):
            row = start + T + j
            while row >= start + T:  # not yet known at the origin
                row -= period
            assert forecast[i, j] == rows.values[row, 1]


@pytest.mark.parametrize("every_step", [False, True])
def test_the_linear_baseline_is_ridge_by_least_squares_on_an_augmented_system(every_step: bool) -> None:
    # min |A w - y|² + λ |w|² without the constant: rows √λ e_i below A, zeros below y.
    rng = np.random.default_rng(4)
    x = rng.standard_normal((2500, T, F))  # more than two chunks
    y = rng.standard_normal((2500, T, 1) if every_step else (2500, 1))
    ridge = 30.0  # large, so that a penalised constant or a forgotten λ shows
    y += 2.0
    A = np.hstack([x.reshape(2500, -1), np.ones((2500, 1))])
    below = math.sqrt(ridge) * np.eye(T * F, T * F + 1)
    label = y[:, -1, 0] if every_step else y[:, 0]
    expected = np.linalg.lstsq(np.vstack([A, below]), np.concatenate([label, np.zeros(T * F)]), rcond=None)[0]
    rows = table()
    linear = Linear(rows, Arrays(x, y), ridge)
    np.testing.assert_allclose(linear.coefficients, expected, rtol=1e-9)
    one = linear(STARTS, 1)[:, 0]
    np.testing.assert_allclose(one, rows.windows(STARTS).reshape(5, -1) @ expected[:-1] + expected[-1], rtol=1e-9)
    w = expected[:-1].reshape(T, F)
    second = rows.windows(STARTS + 1)
    second[:, -1, 1] = one
    np.testing.assert_allclose(linear(STARTS, 2)[:, 1], (second * w).sum(axis=(1, 2)) + expected[-1], rtol=1e-9)


def test_the_linear_baseline_leaves_out_columns_made_from_the_target() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((60, T, F)), rng.standard_normal((60, 1))
    all_rows = table()
    rest = replace(all_rows, values=np.ascontiguousarray(all_rows.values[:, :2]))
    given = Linear(replace(all_rows, of_target=(2,)), Arrays(x, y), covariates="hold_last")
    np.testing.assert_array_equal(
        given(STARTS, 3), Linear(rest, Arrays(x[:, :, :2], y), covariates="hold_last")(STARTS, 3)
    )


def test_the_linear_baseline_accepts_columns_that_never_change() -> None:
    x = np.ones((50, T, F))
    linear = Linear(table(), Arrays(x, np.full((50, 1), 3.0)))
    assert np.isfinite(linear.coefficients).all()
    np.testing.assert_allclose(linear._next_row(x[:2]), 3.0, rtol=1e-3)  # 1e-3: the penalty pulls the weights to 0


@dataclass(eq=False)
class LastValue(Layer):
    """y_t = the first feature of x_t, at every step or at the last."""

    every_step: bool = False

    def forward(self, x: Array, ctx: Any = INFERENCE) -> tuple[Array, Any]:
        return (x[:, :, :1] if self.every_step else x[:, -1, :1]).copy(), None

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        raise AssertionError("forecasts need no gradients")


@pytest.mark.parametrize("every_step", [False, True])
def test_a_models_prediction_is_that_of_its_last_time_step(every_step: bool) -> None:
    x = np.random.default_rng(1).standard_normal((4, T, F))
    assert model_next_rows(LastValue(every_step))(x).tolist() == x[:, -1, :1].tolist()


def test_a_model_forecasts_each_window_as_if_it_were_alone() -> None:
    model = Sequential([RecurrentLayer(4), RecurrentLayer(3), LastStep(), Dense(1)])
    model.build((T, F), 5, "float64")
    rows = table()
    forecast = Recursive(rows, model_next_rows(model))(STARTS, 3)
    for i, start in enumerate(STARTS.tolist()):
        made: list[float] = []
        for j in range(3):
            window = rows.values[start + j : start + j + T].copy()
            for k in range(j):
                window[T - j + k, 1] = made[k]
            made.append(float(model(window[None])[0, 0]))
        np.testing.assert_allclose(forecast[i], made, rtol=1e-12)
