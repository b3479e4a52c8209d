"""LastStep: the view of the last step, and zeros before it on the way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Context, LastStep, ShapeError, Workspace
from minidl.testing.checks import check_gradients


@given(batch=st.integers(1, 3), time=st.integers(1, 4), features=st.integers(1, 3))
def test_forward_takes_the_last_step_and_backward_puts_dy_there(batch, time, features):
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(batch, time, features)), rng.normal(size=(batch, features))
    y, cache = LastStep().forward(x)
    dx, grads = LastStep().backward(dy, cache)
    for n in range(batch):
        for f in range(features):
            assert y[n, f] == x[n, time - 1, f]
            for t in range(time):
                assert dx[n, t, f] == (dy[n, f] if t == time - 1 else 0)  # textbook equation 14
    assert grads == {}
    check_gradients(LastStep(), x, tolerance=1e-9)


def test_a_buffer_that_is_used_again_still_has_its_zeros():
    # Catches a buffer shared by inputs of the same shape with another memory layout, or another size.
    ctx = Context(workspace=Workspace())
    rng = np.random.default_rng(0)
    for shape in [(3, 4, 2), (2, 4, 2), (3, 4, 2), (3, 1, 2), (4, 3, 2)]:
        for axes in [(0, 1, 2), (1, 0, 2), (1, 2, 0)]:
            x = np.ascontiguousarray(rng.normal(size=shape).transpose(axes)).transpose(np.argsort(axes))
            _, cache = LastStep().forward(x, ctx)
            dy = rng.normal(size=(shape[0], 2))
            dx, _ = LastStep().backward(dy, cache)
            assert not dx[:, :-1].any()
            np.testing.assert_array_equal(dx[:, -1], dy)
            if shape[1] > 1:  # the strides of an axis of length one mean nothing
                assert dx.strides == x.strides


def test_dtype_follows_the_input():
    y, cache = LastStep().forward(np.zeros((2, 3, 4), "float32"))
    dx, _ = LastStep().backward(y, cache)
    assert y.dtype == dx.dtype == "float32"


def test_the_output_is_a_read_only_view():
    x = np.zeros((2, 3, 4))
    y = LastStep()(x)
    assert np.shares_memory(x, y)
    with pytest.raises(ValueError, match="read-only"):
        y += 1


def test_build_drops_the_time_axis():
    assert LastStep().build((None, 4), np.random.default_rng(0), "float32") == (4,)
    assert LastStep().build((24, 4), np.random.default_rng(0), "float32") == (4,)


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4)])
def test_build_on_a_shape_without_time(shape):
    with pytest.raises(ShapeError) as err:
        LastStep().build(shape, np.random.default_rng(0), "float32")
    assert str(err.value) == f"LastStep: expected input of shape (time, features), got {shape}."


@pytest.mark.parametrize("shape", [(3, 4), (3, 0, 4), (1, 3, 4, 5)])
def test_forward_on_a_shape_without_a_last_step(shape):
    with pytest.raises(ShapeError) as err:
        LastStep()(np.zeros(shape))
    assert str(err.value) == f"LastStep: expected x of shape (batch, time, features), got {shape}."


def test_integer_input_keeps_the_gradients_fractions():
    _, cache = LastStep().forward(np.ones((1, 2, 1), int))
    dx, _ = LastStep().backward(np.full((1, 1), 0.5), cache)
    np.testing.assert_array_equal(dx, [[[0.0], [0.5]]])
