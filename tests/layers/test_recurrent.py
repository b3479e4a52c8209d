"""RecurrentLayer against plain loops, in both memory layouts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import FUNCTIONS, close, elman_backward, elman_forward
from recurrent_cases import ACTIVATIONS, RTOL, built, data, everything

import minidl.layers.recurrent.elman as recurrent_module
from minidl import Context, IdentityActivation, SigmoidActivation, TanhActivation
from minidl.testing.checks import check_gradients


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [1, 3, 31, 32, 40])  # slabs below 32, rows from there
@settings(max_examples=10)
@given(
    features=st.integers(1, 4),
    batch=st.integers(1, 3),
    time=st.integers(1, 4),
    bias=st.booleans(),
    with_state=st.booleans(),
)
def test_outputs_and_gradients_equal_plain_loops(hidden, features, batch, time, bias, with_state, activation, dtype):
    # Catches: a flipped sign, a dropped dy_t, W_hh transposed, dW_hh shifted by a step, b_h dropped, h_0 ignored.
    layer = built(features, hidden, dtype, activation=activation(), bias=bias)
    x, dy, h_0 = data(layer, batch, time)
    h_0 = h_0 if with_state else None
    f, slope = FUNCTIONS[activation.__name__]
    params = {name: value.astype(float) for name, value in layer.params.items()}
    h = elman_forward(x.astype(float), params, h_0, f)
    expected = {"y": h, **elman_backward(x, h, dy, params, h_0, slope)}
    got = everything(layer, x, dy, Context(state=h_0))
    assert got.keys() == expected.keys()
    for name, value in got.items():
        assert value.dtype == dtype
        close(value, expected[name], RTOL[dtype])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("hidden", "batch", "time"), [(3, 4, 5), (40, 2, 3), (1, 1, 1), (33, 1, 1)])
def test_both_memory_layouts_agree(monkeypatch, dtype, activation, hidden, batch, time):
    # The layouts round differently, as sums are taken in another order: equal up to RTOL, not bit for bit.
    layer = built(3, hidden, dtype, activation=activation())
    x, dy, h_0 = data(layer, batch, time)
    results = []
    for limit in (0, 1000):  # all rows, all slabs
        monkeypatch.setattr(recurrent_module, "SLAB_LIMIT", limit)
        results.append(everything(layer, x, dy, Context(state=h_0)))
    for name, value in results[0].items():
        close(value, results[1][name], RTOL[dtype])


def test_one_unit_and_two_steps_equal_the_hand_computation():
    # h1 = tanh(0.5·1 + 0.1) and h2 = tanh(0.5·2 - 0.25·h1 + 0.1), W_xh = 0.5, W_hh = -0.25, b_h = 0.1.
    layer = built(1, 1)
    layer.bind({"W_xh": np.array([[0.5]]), "W_hh": np.array([[-0.25]]), "b_h": np.array([0.1])})
    h1 = math.tanh(0.6)
    h2 = math.tanh(1.1 - 0.25 * h1)
    da2 = 3 * (1 - h2 * h2)
    da1 = (7 + da2 * -0.25) * (1 - h1 * h1)
    expected = {
        "y": [[[h1], [h2]]],
        "x": [[[0.5 * da1], [0.5 * da2]]],
        "W_xh": [[1 * da1 + 2 * da2]],
        "W_hh": [[h1 * da2]],
        "b_h": [da1 + da2],
    }
    got = everything(layer, np.array([[[1.0], [2.0]]]), np.array([[[7.0], [3.0]]]))
    for name, value in got.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-14, err_msg=name)


@pytest.mark.parametrize("hidden", [1, 3, 33])
@pytest.mark.parametrize("activation", [TanhActivation, SigmoidActivation, IdentityActivation])
@settings(max_examples=8)
@given(features=st.integers(1, 3), batch=st.integers(1, 2), time=st.integers(1, 4), bias=st.booleans())
def test_gradients_equal_central_differences(hidden, features, batch, time, bias, activation):
    # A central difference with step 1e-5 is off by 1e-10 (truncation) and 1e-16/1e-5 (rounding), absolutely. Where
    # tanh is saturated the gradient itself is 1e-4 or less: relatively 1e-5 is allowed. 1e-7 is asked of the
    # textbook's nets in test_sequential.py.
    layer = built(features, hidden, activation=activation(), bias=bias)
    x, *_ = data(layer, batch, time)
    errors = check_gradients(layer, x, tolerance=1e-5)
    assert errors.keys() == {"x", *layer.params}


@pytest.mark.parametrize("hidden", [3, 40])
def test_the_final_state_starts_the_next_window(hidden):
    layer = built(2, hidden)
    x, _, h_0 = data(layer, 3, 6)
    whole, cache = layer.forward(x, Context(state=h_0))
    _, first = layer.forward(x[:, :4], Context(state=h_0))
    state = layer.final_state(first)
    np.testing.assert_array_equal(state, whole[:, 3])
    second, last = layer.forward(x[:, 4:], Context(state=state))
    # The row layout multiplies other block sizes, so the last bit may differ.
    np.testing.assert_allclose(second, whole[:, 4:], rtol=1e-12)
    np.testing.assert_allclose(layer.final_state(last), layer.final_state(cache), rtol=1e-12)


def test_integer_input_is_taken_as_numbers():
    for hidden in (3, 40):
        layer = built(2, hidden)
        x = np.arange(12).reshape(2, 3, 2) % 5
        np.testing.assert_array_equal(layer(x), layer(x.astype(float)))


@pytest.mark.parametrize("hidden", [3, 40])
@pytest.mark.parametrize(("of_x", "of_layer"), [("float64", "float32"), ("float32", "float64")])
def test_input_of_another_precision_is_converted(hidden, of_x, of_layer):
    # Time-major, so that one layout could take it over as it is.
    layer = built(2, hidden, of_layer)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 3, 2)).astype(of_x).transpose(1, 0, 2)
    dy = rng.normal(size=(3, 4, hidden)).astype(of_x)
    got = everything(layer, x, dy)
    expected = everything(layer, x.astype(of_layer), dy.astype(of_layer))
    for name, value in got.items():
        assert value.dtype == of_layer
        close(value, expected[name], RTOL[of_layer])
