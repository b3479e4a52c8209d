"""Metrics against their formulas in plain floats."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import ShapeError
from minidl.metrics import half_mse, mae, r2, rmse

ALL = [half_mse, mae, r2, rmse]
pairs = st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=2, max_size=20)


@given(pairs=pairs)
def test_values_equal_the_formulas(pairs):
    # Sums of 20 terms: 1e-12 leaves room; atol for squares that underflow.
    y, target = map(list, zip(*pairs, strict=True))
    n = len(y)
    errors = [a - b for a, b in zip(y, target, strict=True)]
    mean_square = sum(e * e for e in errors) / n
    a, b = np.array(y), np.array(target)
    np.testing.assert_allclose(half_mse(a, b), mean_square / 2, rtol=1e-12, atol=1e-100)
    np.testing.assert_allclose(rmse(a, b), math.sqrt(mean_square), rtol=1e-12, atol=1e-50)
    np.testing.assert_allclose(mae(a, b), sum(abs(e) for e in errors) / n, rtol=1e-12)
    mean = sum(target) / n
    variance = sum((t - mean) ** 2 for t in target) / n
    if variance > 1e-6:  # below it the mean's own rounding would be seen
        np.testing.assert_allclose(r2(a, b), 1 - mean_square / variance, rtol=1e-6, atol=1e-6)


def test_small_numbers_by_heart():
    y, target = np.array([[1.0], [2.0], [6.0]]), np.array([[1.0], [3.0], [5.0]])
    assert half_mse(y, target) == 1 / 3
    assert rmse(y, target) == pytest.approx(math.sqrt(2 / 3), rel=1e-15)
    assert mae(y, target) == pytest.approx(2 / 3, rel=1e-15)
    assert r2(y, target) == pytest.approx(0.75, rel=1e-15)  # 1 - (2/3) / (8/3)


def test_r2_is_one_for_the_truth_and_zero_for_its_mean():
    target = np.array([1.0, 2.0, 4.0, 5.0])
    assert r2(target, target) == 1
    assert r2(np.full(4, 3.0), target) == 0
    assert r2(-target, target) < 0


def test_r2_is_not_symmetric_the_variance_is_that_of_the_targets():
    y, target = np.array([0.0, 4.0]), np.array([1.0, 3.0])
    assert r2(y, target) == 0  # 1 - 1/1
    assert r2(target, y) == 0.75  # 1 - 1/4


@pytest.mark.parametrize("value", [0.0, 0.1, 1e-3, 7.0, 1 / 3])
@pytest.mark.parametrize("n", [2, 3, 7])
def test_r2_is_nan_when_all_targets_are_equal(value, n):
    # The mean of n times 0.1 is not 0.1: a variance by squares would be 1e-34 instead of zero, and R² minus 1e34.
    assert math.isnan(r2(np.arange(float(n)), np.full(n, value)))


@pytest.mark.parametrize("metric", ALL)
def test_float32_is_summed_in_float64(metric):
    # A million float32 additions would be off in the fourth digit; the inputs themselves are rounded at 1e-7.
    rng = np.random.default_rng(0)
    y, target = (1000 + rng.normal(size=(2, 10_000))).astype("float32")
    expected = metric(y.astype(float), target.astype(float))
    assert metric(y, target) == expected
    assert type(metric(y, target)) is float


@pytest.mark.parametrize("metric", ALL)
def test_arguments_are_not_written_to(metric):
    y, target = np.arange(4.0), np.arange(4.0) ** 2
    y.flags.writeable = target.flags.writeable = False
    assert math.isfinite(metric(y, target))


@pytest.mark.parametrize("metric", ALL)
def test_lists_and_integers_are_taken_as_numbers(metric):
    assert metric([1, 2], [1, 4]) == metric(np.array([1.0, 2.0]), np.array([1.0, 4.0]))


@pytest.mark.parametrize("metric", [half_mse, mae, rmse, r2])
def test_arrays_of_different_shapes_or_empty_ones_are_refused(metric):
    for y, target in ((np.zeros((4, 1)), np.arange(4.0)), (np.zeros(0), np.zeros(0))):
        with pytest.raises(ShapeError, match="of one shape, not empty"):
            metric(y, target)
