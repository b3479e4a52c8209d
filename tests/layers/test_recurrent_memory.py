"""RecurrentLayer and the memory that it is lent: the same bits, and nothing that is not its own."""

from __future__ import annotations

import numpy as np
import pytest
from naive import close
from recurrent_cases import built, data, everything

from minidl import Context, Sequential, TanhActivation, Workspace


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
    with pytest.raises(StopIteration):
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
