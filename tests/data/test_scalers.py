"""Scalers against numbers computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.core.errors import ConfigError, DataError
from minidl.data import MinMaxScaler, ScaleFit, Scaler, StandardScaler, Table
from minidl.data.scalers import scaled_rows

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


@pytest.mark.parametrize("scaler", [MinMaxScaler(), StandardScaler()])
def test_values_of_one_column_go_there_and_back(scaler: Scaler) -> None:
    values = np.random.default_rng(0).normal(50.0, 20.0, size=(100, 3))
    fit = scaler.fit(values)
    scaled = fit.transform(values)
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
    with pytest.raises(ConfigError, match="MinMaxScaler: fit_on: invalid enum value 'test'"):
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
