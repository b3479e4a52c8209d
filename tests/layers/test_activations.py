"""Activations against the functions of `math`, alone and inside the recurrence."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from naive import FUNCTIONS, close
from user_layers import InputSlope, OutputSlope

from minidl import (
    Context,
    IdentityActivation,
    RecurrentLayer,
    ReluActivation,
    SigmoidActivation,
    TanhActivation,
    Workspace,
)
from minidl.testing.checks import check_gradients

ALL = [TanhActivation, SigmoidActivation, ReluActivation, IdentityActivation]
numbers = st.floats(-30, 30, allow_subnormal=False)


@pytest.mark.parametrize("cls", ALL)
@given(x=hnp.arrays(np.float64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), elements=numbers))
def test_values_and_slopes_equal_the_formula(cls, x):
    # atol: where the slope nearly vanishes, 1 - y² has the absolute rounding error of 1.
    f, slope = FUNCTIONS[cls.__name__]
    y, cache = cls().forward(x)
    dy = np.random.default_rng(0).normal(size=x.shape)
    dx, grads = cls().backward(dy, cache)
    expected = np.array([f(v) for v in x.ravel().tolist()]).reshape(x.shape)
    slopes = np.array([slope(v) for v in expected.ravel().tolist()]).reshape(x.shape)
    np.testing.assert_allclose(y, expected, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(dx, dy * slopes, rtol=1e-14, atol=1e-14)
    assert grads == {}


def test_values_known_by_heart():
    x = np.array([[-1.0, 0.0, 1.0]])
    e = math.e
    assert ReluActivation()(x).tolist() == [[0, 0, 1]]
    assert IdentityActivation()(x).tolist() == [[-1, 0, 1]]
    np.testing.assert_allclose(SigmoidActivation()(x), [[1 / (1 + e), 0.5, e / (1 + e)]], rtol=1e-15)
    np.testing.assert_allclose(TanhActivation()(x)[0, 2], (e * e - 1) / (e * e + 1), rtol=1e-15)


def test_slopes_at_zero():
    # ReLU has none there; it is 0 by convention, as in PyTorch.
    expected = {TanhActivation: 1, SigmoidActivation: 0.25, ReluActivation: 0, IdentityActivation: 1}
    for cls, slope in expected.items():
        _, cache = cls().forward(np.zeros((1, 1)))
        assert cls().backward(np.ones((1, 1)), cache)[0].tolist() == [[slope]]


def test_large_numbers_do_not_overflow():
    # Warnings are errors here: exp(1000) would be one.
    x = np.array([[-1e3, 1e3]])
    assert SigmoidActivation()(x).tolist() == [[0, 1]]
    assert TanhActivation()(x).tolist() == [[-1, 1]]
    assert SigmoidActivation()(x.astype("float32")).tolist() == [[0, 1]]


@pytest.mark.parametrize("cls", [*ALL, InputSlope, OutputSlope])
def test_gradients_equal_central_differences(cls):
    x = np.random.default_rng(0).normal(size=(3, 4, 2))  # no entry near ReLU's kink
    assert np.abs(x).min() > 1e-3
    check_gradients(cls(), x, tolerance=1e-8)


@pytest.mark.parametrize("cls", ALL)
def test_dtype_follows_the_input_and_integers_become_float64(cls):
    for given_dtype, expected in [("float32", "float32"), ("float64", "float64"), ("int64", "float64")]:
        x = np.array([[-1, 2]], given_dtype)
        y, cache = cls().forward(x)
        dx, _ = cls().backward(np.ones_like(y), cache)
        assert (y.dtype, dx.dtype) == (expected, expected)
        assert x.tolist() == [[-1, 2]]


@pytest.mark.parametrize("cls", ALL)
def test_function_may_write_over_its_input(cls):
    # The row layout of the recurrence calls it so.
    a = np.array([-0.5, 0.0, 2.0])
    out = np.empty_like(a)
    cls().function(a, out)
    cls().function(a, a)
    np.testing.assert_array_equal(a, out)


@pytest.mark.parametrize("cls", ALL)
def test_the_output_is_read_only(cls):
    with pytest.raises(ValueError, match="read-only"):
        cls()(np.zeros((1, 2)))[0] = 1


@pytest.mark.parametrize("cls", ALL)
def test_build_keeps_any_shape(cls):
    layer = cls()
    for shape in [(3,), (None, 3), (24, 3)]:
        assert layer.build(shape, np.random.default_rng(0), "float32") == shape
    assert layer.params == {}


@pytest.mark.parametrize("cls", ALL)
def test_a_workspace_changes_nothing(cls):
    ctx = Context(workspace=Workspace())
    for seed in range(3):
        x, dy = np.random.default_rng(seed).normal(size=(2, 3, 4))
        y, cache = cls().forward(x, ctx)
        dx, _ = cls().backward(dy, cache)
        plain_y, plain_cache = cls().forward(x)
        np.testing.assert_array_equal(y, plain_y)
        np.testing.assert_array_equal(dx, cls().backward(dy, plain_cache)[0])


@pytest.mark.parametrize("hidden", [3, 40])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_plain_layer_inside_the_recurrence_does_what_the_activation_does(hidden, dtype):
    # InputSlope and OutputSlope are the same function x / (1 + |x|), written in the two possible ways.
    # Catches caches of steps in the wrong order, and a forgotten transposition.
    results = []
    for f in (InputSlope(), OutputSlope()):
        layer = RecurrentLayer(hidden, activation=f)
        layer.build((None, 2), np.random.default_rng(0), dtype)
        rng = np.random.default_rng(1)
        x = rng.normal(size=(4, 5, 2)).astype(dtype)
        dy = rng.normal(size=(4, 5, hidden)).astype(dtype)
        ctx = Context(state=rng.normal(size=(4, hidden)).astype(dtype))
        y, cache = layer.forward(x, ctx)
        dx, grads = layer.backward(dy, cache)
        results.append([y, dx, *grads.values()])
    for plain, fast in zip(*results, strict=True):
        close(plain, fast, 1e-12 if dtype == "float64" else 1e-5)


@pytest.mark.parametrize("hidden", [3, 40])
def test_a_plain_layer_inside_the_recurrence_sees_rows_of_units(hidden):
    seen = []

    class Spy(InputSlope):
        def forward(self, x, ctx):
            seen.append((x.shape, ctx.training, ctx.rng, ctx.state, ctx.workspace))
            return super().forward(x, ctx)

    layer = RecurrentLayer(hidden, activation=Spy())
    layer.build((None, 2), np.random.default_rng(0), "float64")
    rng = np.random.default_rng(1)
    layer.forward(np.zeros((4, 5, 2)), Context(training=True, rng=rng, workspace=Workspace()))
    assert seen == [((4, hidden), True, rng, None, None)] * 5
