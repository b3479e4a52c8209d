"""Losses against their formulas in plain floats, and their gradients against central differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minidl import MAE, MSE, HalfMSE, ShapeError

ALL = [HalfMSE, MSE, MAE]
FORMULAS = {
    HalfMSE: (lambda e: 0.5 * e * e, lambda e: e),
    MSE: (lambda e: e * e, lambda e: 2 * e),
    MAE: (lambda e: abs(e), lambda e: (e > 0) - (e < 0)),
}
numbers = st.floats(-100, 100, allow_subnormal=False)
pairs = hnp.array_shapes(min_dims=1, max_dims=3, max_side=4).flatmap(
    lambda shape: st.tuples(hnp.arrays(float, shape, elements=numbers), hnp.arrays(float, shape, elements=numbers))
)


@pytest.mark.parametrize("cls", ALL)
@given(pair=pairs)
def test_value_and_gradient_equal_the_formula(cls, pair):
    # Catches a sign, a factor 2, and a mean over the batch only. Sums of 64 terms: 1e-12 leaves room;
    # atol for errors so small that their squares underflow.
    y, target = pair
    value, slope = FORMULAS[cls]
    errors = (y - target).ravel().tolist()
    loss, dy = cls()(y, target)
    np.testing.assert_allclose(loss, sum(value(e) for e in errors) / len(errors), rtol=1e-12, atol=1e-100)
    expected = np.reshape([slope(e) / len(errors) for e in errors], y.shape)
    np.testing.assert_allclose(dy, expected, rtol=1e-12, atol=1e-100)
    assert isinstance(loss, float)


def test_small_numbers_by_heart():
    y, target = np.array([[3.0], [0.0], [1.0], [1.0]]), np.array([[1.0], [1.0], [1.0], [2.0]])
    expected = {
        HalfMSE: (0.75, [0.5, -0.25, 0, -0.25]),
        MSE: (1.5, [1, -0.5, 0, -0.5]),
        MAE: (1, [0.25, -0.25, 0, -0.25]),
    }
    for cls, (value, gradient) in expected.items():
        loss, dy = cls()(y, target)
        assert (loss, dy.ravel().tolist()) == (value, gradient)
        assert dy.shape == y.shape


@pytest.mark.parametrize("cls", ALL)
def test_the_gradient_equals_central_differences_of_the_value(cls):
    # Quadratic or piecewise linear: central differences are exact up to rounding, 1e-16 / 1e-4.
    rng = np.random.default_rng(0)
    y, target = rng.normal(size=(3, 2, 2)), rng.normal(size=(3, 2, 2))
    _, dy = cls()(y, target)
    for i in np.ndindex(y.shape):
        step = np.zeros_like(y)
        step[i] = 1e-4
        numeric = (cls()(y + step, target)[0] - cls()(y - step, target)[0]) / 2e-4
        np.testing.assert_allclose(dy[i], numeric, atol=1e-11)


@pytest.mark.parametrize("cls", ALL)
def test_arguments_are_not_written_to_and_dtype_is_kept(cls):
    y, target = np.ones((3, 1), "float32"), np.zeros((3, 1), "float32")
    y.flags.writeable = target.flags.writeable = False
    loss, dy = cls()(y, target)
    assert dy.dtype == "float32"
    assert type(loss) is float


@pytest.mark.parametrize("cls", ALL)
def test_the_gradient_goes_where_the_caller_says(cls):
    rng = np.random.default_rng(0)
    y, target = rng.normal(size=(2, 3, 1))
    out = np.full((3, 1), np.nan)
    loss, dy = cls()(y, target, out)
    assert dy is out
    expected = cls()(y, target)
    assert loss == expected[0]
    np.testing.assert_array_equal(dy, expected[1])


@pytest.mark.parametrize("cls", ALL)
def test_arrays_in_any_memory_layout_give_the_same(cls):
    rng = np.random.default_rng(0)
    y, target = rng.normal(size=(2, 3, 4, 2))
    turned = np.ascontiguousarray(y.transpose(1, 0, 2)).transpose(1, 0, 2)
    got, expected = cls()(turned, target), cls()(y, target)
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-15)
    np.testing.assert_array_equal(got[1], expected[1])


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("shape", [(4,), (1, 4), (4, 2), (4, 1, 1), (1, 1)])
def test_different_shapes_are_refused_and_not_broadcast(cls, shape):
    # (4, 1) - (4,) would be (4, 4): the classic silent fault.
    with pytest.raises(ShapeError) as err:
        cls()(np.zeros((4, 1)), np.zeros(shape))
    assert (
        str(err.value) == f"{cls.__name__}: y has shape (4, 1), target {shape}; they must be the same, and not empty."
    )


@pytest.mark.parametrize("cls", ALL)
def test_nan_stays_nan(cls):
    assert np.isnan(cls()(np.array([np.nan, 1.0]), np.zeros(2))[0])
