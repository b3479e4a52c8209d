"""Scalers against numbers computed by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from small import hourly_table, window_data

from minidl.core.errors import ConfigError, DataError
from minidl.data import LogScaler, MinMaxScaler, RootScaler, ScaleFit, Scaler, Sequences, StandardScaler, Table, Waves
from minidl.data.examples import Echo
from minidl.data.scalers import scaled_rows
from minidl.data.sequences import scaled
from minidl.forecasting import baselines
from minidl.forecasting.scores import block_scores

VALUES = np.array([[1.0, 10.0], [3.0, 10.0], [5.0, 10.0], [7.0, 10.0]])


def test_min_and_max_become_zero_and_one() -> None:
    fit = MinMaxScaler().fit(VALUES)
    np.testing.assert_array_equal(fit.offset, [1.0, 10.0])
    np.testing.assert_array_equal(fit.range, [6.0, 1.0])
    np.testing.assert_allclose(fit.transform(VALUES)[:, 0], [0, 1 / 3, 2 / 3, 1], rtol=1e-15)


def test_mean_and_standard_deviation_become_zero_and_one() -> None:
    fit = StandardScaler().fit(VALUES)
    # Mean 4, squared distances 9, 1, 1, 9: variance 5.
    np.testing.assert_allclose(fit.offset, [4.0, 10.0])
    np.testing.assert_allclose(fit.range, [np.sqrt(5.0), 1.0])


@pytest.mark.parametrize("scaler", [MinMaxScaler(), StandardScaler()])
def test_a_constant_column_becomes_zero(scaler: Scaler) -> None:
    # The standard deviation of eleven times 0.1 is 1e-17 by rounding, not 0.
    values = np.full((11, 1), 0.1)
    np.testing.assert_array_equal(scaler.fit(values).transform(values), np.zeros((11, 1)))


@pytest.mark.parametrize("scaler", [MinMaxScaler(), StandardScaler(), RootScaler(), LogScaler(columns=["b"])])
def test_values_of_one_column_go_there_and_back(scaler: Scaler) -> None:
    values = np.random.default_rng(0).normal(20.0, 50.0, size=(100, 3))  # some below 0
    fit = scaler.fit_columns(values, "abc")
    scaled = fit.transform(values)
    np.testing.assert_allclose(fit.inverse(scaled), values, rtol=1e-12)
    for column in range(3):
        np.testing.assert_array_equal(fit.scale(values[:, column], column), scaled[:, column])
        np.testing.assert_allclose(fit.unscale(scaled[:, column], column), values[:, column], rtol=1e-12)


def test_unscaling_is_done_in_float64_whatever_comes_in() -> None:
    fit = MinMaxScaler().fit(VALUES)
    assert fit.unscale(np.zeros((2, 1), np.float32), 0).dtype == np.float64
    assert fit.unscale(0.5, 0) == 4.0


def test_the_values_that_are_scaled_are_not_changed() -> None:
    values = VALUES.copy()
    MinMaxScaler().fit(values).transform(values)
    np.testing.assert_array_equal(values, VALUES)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.inf, np.nan])
def test_a_range_that_cannot_divide_is_refused(bad: float) -> None:
    with pytest.raises(DataError, match="must be finite, range positive; the values are too large"):
        ScaleFit(offset=np.zeros(1), range=np.array([bad]))


def test_fit_on_is_train_unless_said_otherwise() -> None:
    assert MinMaxScaler().fit_on == "train"
    with pytest.raises(ConfigError, match="MinMaxScaler: fit_on: unknown value 'test'; known: all, train"):
        MinMaxScaler(fit_on="test")  # type: ignore[arg-type]


@pytest.mark.parametrize(("dtype", "largest"), [("float32", 1e15), ("float64", 1e140)])
def test_a_scaled_value_may_be_as_large_as_its_squares_can_be_summed(dtype: str, largest: float) -> None:
    scale = ScaleFit(np.array([0.0]), np.array([0.5]))
    for value in (largest / 2, -largest / 2):
        rows = scaled_rows(Table(np.array([[0.0], [value]]), None, ("a",), 0), scale, dtype)
        assert rows[1, 0] == np.dtype(dtype).type(2 * value)
        beyond = Table(np.array([[0.0], [np.nextafter(value, np.copysign(np.inf, value))]]), None, ("a",), 0)
        with pytest.raises(DataError, match=rf"column a: the value .* too large for {dtype} "):
            scaled_rows(beyond, scale, dtype)


@pytest.mark.parametrize(
    ("scaler", "curve"),
    [
        (RootScaler(), lambda x: math.copysign(math.sqrt(abs(x)), x)),
        (LogScaler(), lambda x: math.copysign(math.log(1 + abs(x)), x)),
    ],
)
def test_a_root_or_a_logarithm_comes_before_the_standard_scaling(
    scaler: Scaler, curve: Callable[[float], float]
) -> None:
    column = [-9.0, 0.0, 1.0, 4.0, 250.0]
    bent = [curve(x) for x in column]
    mean = sum(bent) / 5
    deviation = math.sqrt(sum((b - mean) ** 2 for b in bent) / 5)
    expected = [(b - mean) / deviation for b in bent]
    np.testing.assert_allclose(
        scaler.fit(np.array(column)[:, None]).transform(np.array(column)[:, None])[:, 0], expected
    )


def test_only_the_columns_that_are_named_are_bent() -> None:
    values = np.random.default_rng(0).exponential(30, size=(50, 3))
    fit = LogScaler(columns=["c"]).fit_columns(values, ["a", "b", "c"])
    assert fit.curves == ("linear", "linear", "log")
    plain = StandardScaler().fit(values).transform(values)
    np.testing.assert_array_equal(fit.transform(values)[:, :2], plain[:, :2])
    assert not np.allclose(fit.transform(values)[:, 2], plain[:, 2])
    pair = fit.of(slice(1, None))
    np.testing.assert_array_equal(pair.transform(values[:, 1:]), fit.transform(values)[:, 1:])
    both = fit.of(slice(0, 1)).beside(pair)
    assert both.curves == fit.curves
    np.testing.assert_array_equal(both.transform(values), fit.transform(values))


def test_columns_that_there_are_not_are_refused_before_anything_is_read() -> None:
    with pytest.raises(ConfigError, match=r"^scaler\.columns: no column 'pn'; known: pm, temp, wind"):
        window_data(hourly_table(), LogScaler(columns=["pn"]))
    with pytest.raises(ConfigError, match=r"^scaler\.columns: no column 'wibble'"):
        Sequences(Waves(learn="numbers"), scaler=RootScaler(columns=["wibble"]))
    Sequences(Waves(learn="numbers"), scaler=RootScaler(columns=[Waves(learn="numbers").target_names[0]]))


def test_what_grows_beyond_all_numbers_is_infinite_in_units() -> None:
    fit = LogScaler().fit(VALUES)
    assert fit.unscale(np.array([1e5, -1e5]), 0).tolist() == [np.inf, -np.inf]


def test_r2_of_a_bent_target_is_that_of_values_in_units() -> None:
    splits = window_data(hourly_table(), LogScaler(columns=["pm"])).load("float64")
    found = block_scores(splits, baselines(splits)["persistence"], 4)
    pm = splits.table.values[:, 0]
    starts = [180 + 4 * i for i in range(13)]
    pairs = [(pm[start + 5], pm[start + 6 + j]) for start in starts for j in range(4)]
    mean = sum(true for _, true in pairs) / len(pairs)
    expected = 1 - sum((y - true) ** 2 for y, true in pairs) / sum((true - mean) ** 2 for _, true in pairs)
    assert found["r2"] == pytest.approx(expected)
    plain = window_data(hourly_table()).load("float64")
    assert found["rmse"] == pytest.approx(block_scores(plain, baselines(plain)["persistence"], 4)["rmse"])


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 1)])
def test_the_one_value_of_sequences_that_is_too_large_is_named(row: int, column: int) -> None:
    values, table = np.zeros((3, 2)), Echo(n_sequences=2, time_steps=3, delay=1).read()
    scale = ScaleFit(np.zeros(2), np.full(2, 1e-30))
    values[row, column] = 1e10
    with pytest.raises(DataError, match=rf"row {row} \(counted from 0\), column {column}: 1e\+10 is 1e\+40 when it is"):
        scaled(values, scale, slice(0, 2), np.float32, table)
    assert scaled(values, scale, slice(0, 2), np.float64, table)[row, column] == pytest.approx(1e40)
