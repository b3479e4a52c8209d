"""RecurrentLayer against plain loops, in both memory layouts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import FUNCTIONS, close, elman_backward, elman_forward

import minidl.layers.recurrent.elman as recurrent_module
from minidl import (
    Context,
    Dense,
    IdentityActivation,
    LastStep,
    RecurrentLayer,
    ReluActivation,
    Sequential,
    ShapeError,
    SigmoidActivation,
    TanhActivation,
    Workspace,
)
from minidl.core.initializers import glorot_uniform, normal_fan_in, orthogonal, zeros
from minidl.testing.checks import check_gradients

ACTIVATIONS = [TanhActivation, SigmoidActivation, ReluActivation, IdentityActivation]
# Sums of up to some hundred products: rounding stays below 1e-13 of the largest value
# in float64 (eps 2e-16), and below 1e-5 in float32 (eps 1e-7).
RTOL = {"float64": 1e-12, "float32": 2e-5}


def built(input_size, hidden_size, dtype="float64", seed=0, **arguments):
    layer = RecurrentLayer(hidden_size, **arguments)
    rng = np.random.default_rng(seed)
    layer.build((None, input_size), rng, dtype)
    for value in layer.params.values():  # a bias of zeros would hide a forgotten one
        value[...] = rng.normal(0, 1 / math.sqrt(len(value)), value.shape)
    return layer


def data(layer, batch, time, seed=1):
    """x, dy and h_0: all random, so that no sum, no time step and no row can be mistaken for another."""
    rng = np.random.default_rng(seed)
    F, H = layer.params["W_xh"].shape
    dtype = layer.params["W_xh"].dtype
    return tuple(rng.normal(size=s).astype(dtype) for s in [(batch, time, F), (batch, time, H), (batch, H)])


def everything(layer, x, dy, ctx=Context()):  # noqa: B008 - Context is frozen
    y, cache = layer.forward(x, ctx)
    dx, grads = layer.backward(dy, cache)
    return {"y": y, "x": dx, **grads}


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


@pytest.mark.parametrize("hidden", [3, 40])
def test_the_final_state_is_not_a_view_of_a_buffer(hidden):
    # Catches a state that changes under the caller's hands when the workspace is used again.
    layer = built(2, hidden)
    x, *_ = data(layer, 3, 4)
    ctx = Context(workspace=Workspace())
    _, cache = layer.forward(x, ctx)
    state = layer.final_state(cache)
    kept = state.copy()
    layer.forward(2 * x, ctx)
    np.testing.assert_array_equal(state, kept)


@pytest.mark.parametrize("hidden", [3, 40])
def test_a_workspace_is_reused_and_changes_no_bit(hidden):
    # Catches buffers that keep something of an earlier call: a stale state, an added-up gradient, old slopes.
    layer = built(2, hidden)
    ctx = Context(workspace=Workspace())
    seen = []
    for batch, seed in [(3, 1), (2, 2), (3, 3), (5, 4), (3, 5)]:
        x, dy, h_0 = data(layer, batch, 4, seed)
        for state in (h_0, None):
            got = everything(layer, x, dy, Context(workspace=ctx.workspace, state=state))
            fresh = everything(layer, x, dy, Context(state=state))
            for name, value in fresh.items():
                np.testing.assert_array_equal(got[name], value)
        seen.append(got["y"].base)
    assert seen[0] is not None


@pytest.mark.parametrize("hidden", [3, 40])
def test_a_workspace_spares_the_second_call_its_buffers(hidden):
    layer = built(2, hidden)
    x, dy, _ = data(layer, 3, 4)
    ctx = Context(workspace=Workspace())
    first = everything(layer, x, dy, ctx)
    second = everything(layer, 2 * x, dy, ctx)
    assert all(np.shares_memory(first[name], second[name]) for name in first)


def test_one_workspace_can_be_lent_to_two_layers_in_turn():
    # Catches a plan that is found by its size alone: the second layer has no bias, but would get the first one's.
    first, second = built(2, 3), built(2, 3, bias=False)
    wider = built(2, 4)
    x, *_ = data(first, 3, 4)
    ctx = Context(workspace=Workspace())
    for layer in (first, second, wider, first):
        y, _ = layer.forward(x, ctx)
        np.testing.assert_array_equal(y, layer(x))


@pytest.mark.parametrize("hidden", [3, 40])
def test_gradients_are_written_where_the_caller_lends_room(hidden):
    # A trainer lends views of its flat gradient vector under the names "d" + parameter.
    layer = built(2, hidden)
    x, dy, _ = data(layer, 3, 4)
    expected = everything(layer, x, dy)
    ws = Workspace()
    room = {name: np.full(value.shape, np.nan) for name, value in layer.params.items()}
    for name, value in room.items():
        ws.lend("d" + name, value)
    got = everything(layer, x, dy, Context(workspace=ws))
    for name, value in room.items():
        assert got[name] is value
        np.testing.assert_array_equal(value, expected[name])


@pytest.mark.parametrize("hidden", [3, 40])
def test_without_input_gradient_dx_is_none_and_the_rest_is_the_same(hidden):
    layer = built(2, hidden)
    x, dy, _ = data(layer, 3, 4)
    expected = everything(layer, x, dy)
    got = everything(layer, x, dy, Context(input_gradient=False))
    assert got["x"] is None
    for name in layer.params:
        np.testing.assert_array_equal(got[name], expected[name])


@pytest.mark.parametrize("hidden", [3, 40])
def test_backward_uses_the_start_state_that_forward_was_given(hidden):
    # dW_hh has the term h_0ᵀ da_1: for one time step it is the only one, and zero without a state (equation 18).
    layer = built(2, hidden)
    x, dy, h_0 = data(layer, 3, 1)
    da = dy[:, 0] * (1 - layer.forward(x, Context(state=h_0))[0][:, 0] ** 2)
    close(everything(layer, x, dy, Context(state=h_0))["W_hh"], h_0.T @ da, 1e-12)
    assert not everything(layer, x, dy)["W_hh"].any()


def test_backward_needs_the_cache_of_every_step():
    layer = built(2, 3, activation=Sequential([TanhActivation()]))
    x, dy, _ = data(layer, 2, 4)
    _, cache = layer.forward(x)
    cache[1].caches.pop()
    with pytest.raises(ValueError, match="shorter"):
        layer.backward(dy, cache)


@pytest.mark.parametrize("hidden", [3, 40])
def test_the_output_is_read_only(hidden):
    layer = built(2, hidden)
    y = layer(data(layer, 3, 4)[0])
    with pytest.raises(ValueError, match="read-only"):
        y *= 0


@pytest.mark.parametrize("hidden", [3, 40])
def test_input_in_any_memory_layout_gives_the_same(hidden):
    # Time-major input is taken over without a copy in one of the layouts.
    layer = built(2, hidden)
    x, dy, _ = data(layer, 3, 4)
    expected = everything(layer, x, dy)
    time_major = np.ascontiguousarray(x.transpose(1, 0, 2)).transpose(1, 0, 2)
    slab = np.ascontiguousarray(x.transpose(1, 2, 0)).transpose(2, 0, 1)
    for other in (time_major, slab, x[::-1].copy()[::-1], np.asfortranarray(x)):
        got = everything(layer, other, np.asfortranarray(dy))
        for name, value in expected.items():
            close(got[name], value, 1e-13)


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


def test_each_kind_of_weight_has_its_own_initializer():
    layer = RecurrentLayer(4, input_initializer=zeros, recurrent_initializer=orthogonal, bias_initializer=normal_fan_in)
    layer.build((None, 3), np.random.default_rng(0), "float64")
    W_hh = layer.params["W_hh"]
    assert not layer.params["W_xh"].any()
    assert layer.params["b_h"].all()
    np.testing.assert_allclose(W_hh @ W_hh.T, np.eye(4), atol=1e-14)


def test_build_gives_shapes_names_and_counts():
    layer = RecurrentLayer(4)
    assert layer.build((None, 6), np.random.default_rng(0), "float32") == (None, 4)
    assert {name: value.shape for name, value in layer.params.items()} == {
        "W_xh": (6, 4),
        "W_hh": (4, 4),
        "b_h": (4,),
    }
    assert {value.dtype for value in layer.params.values()} == {np.dtype("float32")}
    assert not layer.params["b_h"].any()
    assert RecurrentLayer(4).build((24, 6), np.random.default_rng(0), "float32") == (24, 4)


def test_the_textbook_models_have_49_and_26_parameters():
    single = Sequential([RecurrentLayer(4), LastStep(), Dense(1)])
    deep = Sequential([RecurrentLayer(2, bias=False), RecurrentLayer(2, bias=False), LastStep(), Dense(1, bias=False)])
    counts = []
    for model in (single, deep):
        model.build(6, 0)
        counts.append(sum(value.size for value in model.params.values()))
    assert counts == [49, 26]


def test_repr_shows_the_arguments():
    layer = RecurrentLayer(2, activation=ReluActivation(), bias=False, recurrent_initializer=glorot_uniform)
    assert repr(layer) == (
        "RecurrentLayer(hidden_size=2, activation=ReluActivation(), bias=False, input_initializer=normal_fan_in, "
        "recurrent_initializer=glorot_uniform, bias_initializer=zeros)"
    )


class TestMessages:
    @pytest.mark.parametrize("shape", [(6,), (2, 3, 6), (5, None)])
    def test_build_on_a_shape_that_is_no_sequence(self, shape):
        with pytest.raises(ShapeError) as err:
            RecurrentLayer(2).build(shape, np.random.default_rng(0), "float64")
        assert str(err.value) == f"RecurrentLayer: expected input of shape (time, features), got {shape}."

    @pytest.mark.parametrize("shape", [(3, 2), (3, 4, 3), (3, 0, 2), (0, 4, 2), (1, 3, 4, 2)])
    @pytest.mark.parametrize("hidden", [3, 40])
    def test_forward_on_a_wrong_shape(self, hidden, shape):
        with pytest.raises(ShapeError) as err:
            built(2, hidden)(np.zeros(shape))
        assert str(err.value) == (
            f"RecurrentLayer: expected x of shape (batch, time, 2) with at least one time step, got {shape}."
        )

    @pytest.mark.parametrize("shape", [(3,), (1, 3), (4, 3), (4, 2)])
    def test_start_state_of_a_wrong_shape(self, shape):
        # (1, 3) would be broadcast silently.
        with pytest.raises(ShapeError) as err:
            built(2, 3).forward(np.zeros((5, 4, 2)), Context(state=np.zeros(shape)))
        assert str(err.value) == f"RecurrentLayer: expected a start state of shape (5, 3), got {shape}."

    def test_activation_that_changes_the_shape(self):
        with pytest.raises(ShapeError, match=r"activation LastStep must keep the shape|LastStep: expected input"):
            RecurrentLayer(2, activation=LastStep()).build((None, 3), np.random.default_rng(0), "float64")

    def test_activation_with_parameters(self):
        message = r"^RecurrentLayer: activation Dense has parameters \(W, b\); inside a recurrence it must have none\.$"
        with pytest.raises(ShapeError, match=message) as err:
            RecurrentLayer(2, activation=Dense(2)).build((None, 3), np.random.default_rng(0), "float64")
        assert err.value.path == ("activation",)

    def test_activation_that_is_too_narrow(self):
        message = r"^RecurrentLayer: activation Dense must keep the shape \(2,\)\.$"
        with pytest.raises(ShapeError, match=message) as err:
            RecurrentLayer(2, activation=Dense(1)).build((None, 3), np.random.default_rng(0), "float64")
        assert err.value.path == ("activation",)


def test_an_activation_that_takes_no_vector_is_named_with_its_place():
    with pytest.raises(ShapeError, match=r"^RecurrentLayer: activation LastStep: expected input of shape") as err:
        RecurrentLayer(3, activation=LastStep()).build((5, 2), np.random.default_rng(0), "float64")
    assert err.value.path == ("activation",)
