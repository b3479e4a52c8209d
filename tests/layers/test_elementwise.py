"""Elementwise functions of both engines over the whole range of their numbers.

The error is counted in units in the last place (ulp), against the math module in
double precision for float32, and against long doubles for float64.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from minidl import IdentityActivation, ReluActivation, SigmoidActivation, TanhActivation, layers
from minidl.compiled.jit import jit, numba_installed
from minidl.compiled.kernel import kernel_of
from minidl.layers import Activation

# Measured: 2.5 and 2.4 (tanh: NumPy's own is 3.1 in float32), 3.2 and 2.4 (sigmoid). The old sigmoid had millions.
VALUE_ULP = {TanhActivation: 4.0, SigmoidActivation: 4.0, ReluActivation: 0.0, IdentityActivation: 0.0}
ENGINES = ["numpy", pytest.param("compiled", marks=pytest.mark.skipif(not numba_installed(), reason="needs numba"))]


def loop_of(layer):
    kernel = kernel_of(layer)
    function, slope = kernel.function, kernel.slope

    @jit
    def loop(a, y, s):
        for k in range(a.size):
            y[k] = function(a[k])
            s[k] = slope(y[k])

    return loop


LOOPS = {}


def values_and_slopes(layer, a, engine):
    """f(a) and f'(a) as an engine has them."""
    if engine == "numpy":
        y, cache = layer.forward(a)
        return y, layer.backward(np.ones_like(y), cache)[0]
    if type(layer) not in LOOPS:
        LOOPS[type(layer)] = loop_of(layer)
    y, s = np.empty_like(a), np.empty_like(a)
    LOOPS[type(layer)](a, y, s)
    return y, s


def whole_range(dtype):
    """Numbers of every size from the smallest to the largest of both signs, dense where the functions bend and end."""
    info = np.finfo(dtype)
    smallest, largest = math.log(float(info.smallest_subnormal)), math.log(float(info.max))
    sizes = np.exp(np.linspace(smallest, largest, 20_000)[:-1].astype(np.longdouble))
    a = np.concatenate([sizes, np.linspace(0, 25, 20_001), np.linspace(25, 110, 10_001), np.linspace(700, 750, 10_001)])
    a = a.astype(dtype)
    return np.concatenate([a, -a])


def sigmoid(a, exp):
    return 1 / (1 + exp(-a)) if a >= 0 else exp(a) / (1 + exp(a))


def exact(cls, a):
    """f(a) and f'(a) in a wider type."""
    if a.dtype == np.float32:
        a = a.astype(np.float64)
        tanh = np.array([math.tanh(v) for v in a.tolist()])
        e = np.array([math.exp(-abs(v)) for v in a.tolist()])
    else:
        a = a.astype(np.longdouble)
        tanh, e = np.tanh(a), np.exp(-np.abs(a))
    if cls is TanhActivation:
        return tanh, 4 * e**2 / (1 + e**2) ** 2
    if cls is SigmoidActivation:
        return np.where(a >= 0, 1, e) / (1 + e), e / (1 + e) ** 2
    return (np.where(a > 0, a, 0), np.where(a > 0, 1, 0)) if cls is ReluActivation else (a, np.ones_like(a))


def in_ulp(error, of):
    return np.abs(error) / np.spacing(np.abs(of)).astype(error.dtype)


def skip_without_wider_type(dtype):
    if dtype == "float64" and np.finfo(np.longdouble).nmant <= np.finfo(np.float64).nmant:
        pytest.skip("no wider type here to compare with")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cls", VALUE_ULP, ids=lambda cls: cls.__name__)
def test_values_and_slopes_are_right_to_a_few_units_in_the_last_place(cls, engine, dtype):
    skip_without_wider_type(dtype)
    a = whole_range(dtype)
    y, slope = values_and_slopes(cls(), a, engine)
    true, true_slope = exact(cls, a)
    assert float(in_ulp(y - true, true.astype(dtype)).max()) <= VALUE_ULP[cls]
    # A slope is computed from y: its error is that of y, at 1 a few units in the last place of 1.
    from_y = in_ulp(slope - true_slope, np.maximum(np.abs(y), true_slope.astype(dtype)))
    assert float(from_y.max()) <= 3 * VALUE_ULP[cls]
    if cls is SigmoidActivation:  # where y is small, that is nothing: the slope itself is right
        below = a <= 0
        assert float(in_ulp(slope - true_slope, true_slope.astype(dtype))[below].max()) <= 5


def test_all_activations_of_the_library_stand_in_the_table():
    found = {value for value in vars(layers).values() if isinstance(value, type) and issubclass(value, Activation)}
    assert found - {Activation} == set(VALUE_ULP)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", ENGINES)
def test_saturated_units_are_exactly_one_and_their_slope_is_zero(engine, dtype):
    # From these numbers on 1 is the nearest number to tanh; torch and JAX are 1 there too.
    limit = {"float32": 9.02, "float64": 19.1}[dtype] if engine == "compiled" else 20.0
    a = np.array([limit, 20, 30, 50, 1e4, 1e30, np.finfo(dtype).max, np.inf], dtype)
    y, slope = values_and_slopes(TanhActivation(), np.concatenate([a, -a]), engine)
    assert y.tolist() == [1.0] * 8 + [-1.0] * 8
    assert not slope.any()


@pytest.mark.skipif(not numba_installed(), reason="needs numba")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled_tanh_is_one_wherever_numpys_is_and_never_beyond(dtype):
    # 1 - y² is the slope: beyond 1 it would change its sign, below 1 a saturated unit would go on learning.
    a = whole_range(dtype)
    numpy, slope = values_and_slopes(TanhActivation(), a, "numpy")
    compiled, compiled_slope = values_and_slopes(TanhActivation(), a, "compiled")
    assert np.array_equal(compiled[np.abs(numpy) == 1], numpy[np.abs(numpy) == 1])
    assert not compiled_slope[slope == 0].any()
    assert np.abs(compiled).max() == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cls", VALUE_ULP, ids=lambda cls: cls.__name__)
def test_special_numbers(cls, engine, dtype):
    a = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype)
    y, slope = values_and_slopes(cls(), a, engine)
    expected = {
        TanhActivation: [0, 0, 1, -1, np.nan],
        SigmoidActivation: [0.5, 0.5, 1, 0, np.nan],
        ReluActivation: [0, 0, np.inf, 0, np.nan],
        IdentityActivation: [0, 0, np.inf, -np.inf, np.nan],
    }[cls]
    np.testing.assert_array_equal(y, expected)
    slopes = {TanhActivation: [1, 1, 0, 0], SigmoidActivation: [0.25, 0.25, 0, 0], ReluActivation: [0, 0, 1, 0]}
    np.testing.assert_array_equal(slope[:4], slopes.get(cls, [1, 1, 1, 1]))


def test_sigmoid_takes_its_input_as_output_and_numbers_of_other_types():
    layer, a = SigmoidActivation(), np.array([-30.0, 0.0, 30.0])
    expected = [sigmoid(v, math.exp) for v in a.tolist()]
    layer.function(a, a)
    np.testing.assert_allclose(a, expected, rtol=1e-15)
    np.testing.assert_allclose(layer(np.array([[-30, 0, 30]])), [expected], rtol=1e-15)
    np.testing.assert_allclose(layer(np.array(-30.0)), expected[0], rtol=1e-15)
