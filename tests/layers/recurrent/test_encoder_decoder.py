"""The last state of a stack starts another one: gradients of states through containers.

Faults that this suite catches: a child's gradient handed to another child, that of the final state entered at the last
step of the batch and not of the sequence, dL/dh_0 without W_hh.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from minidl import (
    INFERENCE,
    Bidirectional,
    Context,
    Dense,
    GRULayer,
    LastStep,
    Layer,
    LSTMLayer,
    MaxOverTime,
    MeanOverTime,
    Parallel,
    RecurrentLayer,
    Repeat,
    Residual,
    Rollout,
    Sequential,
    ShapeError,
    SigmoidActivation,
)
from minidl.layers.recurrent.loop import SLAB_LIMIT

B, T, F, H = 3, 4, 2, 2
LENGTHS = np.array([4, 2, 1])
STACKS = {
    "one Elman layer": [RecurrentLayer(H)],
    "rows": [RecurrentLayer(SLAB_LIMIT)],
    "a row of kinds": [RecurrentLayer(H, activation=SigmoidActivation()), Dense(3), LSTMLayer(H), GRULayer(H)],
    "copies": [Repeat(GRULayer(H), times=2), Repeat(Sequential([RecurrentLayer(H), LSTMLayer(H)]), times=2)],
    "side by side": [Parallel([LSTMLayer(H), Dense(H), RecurrentLayer(H)]), Residual(RecurrentLayer(H))],
    "with a head": [Residual(Sequential([LSTMLayer(F), Dense(F)])), RecurrentLayer(H), LastStep()],
    "over time": [LSTMLayer(H), Parallel([MeanOverTime(), MaxOverTime(), Sequential([GRULayer(H), LastStep()])])],
}


def arrays(state: Any) -> Iterator[Any]:
    """All arrays of a state, in order."""
    for part in state if isinstance(state, (tuple, list)) else [state]:
        yield from arrays(part) if isinstance(part, (tuple, list)) else [] if part is None else [part]


def like(state: Any, rng: np.random.Generator) -> Any:
    """A state of the same form, of random numbers."""
    if isinstance(state, tuple):
        return tuple(like(part, rng) for part in state)
    return None if state is None else rng.normal(size=state.shape)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "ragged"])
@pytest.mark.parametrize("stack", STACKS)
def test_gradients_through_the_states_of_stacks_equal_central_differences(stack: str, lengths: Any) -> None:
    """L = Σ dy y + Σ d_final final_state, along one random direction of all parameters, x and start states."""
    rng = np.random.default_rng(0)
    model = Sequential(STACKS[stack])
    model.build((None, F), rng, "float64")
    x = rng.normal(size=(B, T, F))
    y, cache = model.forward(x, Context(lengths=lengths))
    start, d_final = like(model.final_state(cache), rng), like(model.final_state(cache), rng)
    dy = rng.normal(size=y.shape)
    if lengths is not None and y.ndim == 3:
        dy[np.arange(T) >= lengths[:, None]] = 0

    def loss() -> float:
        y, cache = model.forward(x, Context(state=start, lengths=lengths))
        ends = zip(arrays(d_final), arrays(model.final_state(cache)), strict=True)
        return float((dy * y).sum() + sum((d * end).sum() for d, end in ends))

    _, cache = model.forward(x, Context(state=start, lengths=lengths))
    dx, grads, d_start = model.backward_from(dy, d_final, cache)
    moved = [x, *arrays(start), *(model.params[name] for name in grads)]
    gradients = [dx, *arrays(d_start), *grads.values()]
    ways = [rng.normal(size=array.shape) for array in moved]
    for array, way, gradient in zip(moved, ways, gradients, strict=True):
        array += 1e-5 * way
        above = loss()
        array -= 2e-5 * way
        numeric = (above - loss()) / 2e-5
        array += 1e-5 * way
        assert (gradient * way).sum() == pytest.approx(numeric, rel=1e-6, abs=1e-8)


def test_without_gradients_of_states_it_is_backward() -> None:
    model = Sequential(STACKS["a row of kinds"])
    model.build((None, F), 0, "float64")
    y, cache = model.forward(np.ones((B, T, F)))
    dx, grads, _ = model.backward_from(y, None, cache)
    again, own = model.backward(y, cache)
    np.testing.assert_array_equal(dx, again)
    for name in grads:
        np.testing.assert_array_equal(grads[name], own[name])


def test_both_directions_take_start_states_and_their_gradients_come_back_by_direction() -> None:
    model = Bidirectional(RecurrentLayer(H))
    model.build((None, F), np.random.default_rng(0), "float64")
    y, cache = model.forward(np.ones((B, T, F)), Context(state=(np.ones((B, H)), np.zeros((B, H)))))
    dy = np.zeros_like(y)
    dy[:, 0, :H] = 1  # the first step of the direction forward
    _, _, (d_f, d_g) = model.backward_from(dy, None, cache)
    assert d_f.all()
    assert not d_g.any()


@pytest.mark.parametrize(
    ("layer", "d_final", "message"),
    [
        (
            Sequential([Dense(1)]),
            (np.ones((B, 1)),),
            r"^Dense: no gradient goes through its state; it has no backward_from",
        ),
        (MaxOverTime(), np.ones((B, 1)), r"^MaxOverTime: expected a gradient of the final state values of shape"),
        (MeanOverTime(), np.ones((B, F)), r"^MeanOverTime: expected a gradient of the final state of 2 arrays"),
        (Sequential([Dense(1)]), np.ones((B, F)), r"^Sequential: expected a gradient of the final state of 1 entries"),
        (RecurrentLayer(H), np.ones((B, 3)), r"^RecurrentLayer: expected a gradient of the final state h of shape"),
    ],
)
def test_a_gradient_of_another_form_than_the_state_is_refused(layer: Any, d_final: Any, message: str) -> None:
    layer.build((None, F), np.random.default_rng(0), "float64")
    y, cache = layer.forward(np.ones((B, T, F)))
    with pytest.raises(ShapeError, match=message):
        layer.backward_from(y, d_final, cache)


class Summed(Layer):
    """A layer of somebody's own with a state, and nothing for the gradient through it."""

    def forward(self, x: Any, ctx: Context = INFERENCE) -> Any:
        y = x.cumsum(axis=1) + (0 if ctx.state is None else ctx.state[:, None])
        return y, y[:, -1].copy()

    def backward(self, dy: Any, cache: Any) -> Any:
        return dy[:, ::-1].cumsum(axis=1)[:, ::-1], {}

    def final_state(self, cache: Any) -> Any:
        return cache


def test_a_state_without_a_gradient_is_refused_where_one_has_to_go_through_it() -> None:
    # Else what is fed back would be trained with a part of its gradient, and nobody would know.
    model = Rollout(Sequential([Summed(), LastStep(), Dense(1)]), steps=2, target=0, grow=True)
    model.build((T, F), 0, "float64")
    y, cache = model.forward(np.ones((B, T, F)))
    with pytest.raises(ShapeError, match=r"^Summed: no gradient goes through its state; it has no backward_from\.$"):
        model.backward(y, cache)


@pytest.mark.parametrize("kind", [LSTMLayer, GRULayer, RecurrentLayer])
def test_an_encoder_and_a_decoder_of_two_layers_learn_as_in_torch(kind: Any) -> None:
    torch: Any = pytest.importorskip("torch", reason="torch is not installed")
    from test_cells_torch import close, gradients, hand_over

    rng = np.random.default_rng(3)
    net = {LSTMLayer: torch.nn.LSTM, GRULayer: torch.nn.GRU, RecurrentLayer: torch.nn.RNN}[kind]
    stacks = [Sequential([kind(H), kind(H)]) for _ in range(2)]
    nets = [net(F, H, num_layers=2, batch_first=True).double() for _ in stacks]
    for stack, theirs in zip(stacks, nets, strict=True):
        stack.build((None, F), rng, "float64")
        for i, layer in enumerate(stack.layers):
            hand_over(layer, layer.params, theirs, f"l{i}")
    read, written = rng.normal(size=(B, T, F)), rng.normal(size=(B, 3, F))
    given = torch.tensor(read, requires_grad=True)
    y_torch, _ = nets[1](torch.tensor(written), nets[0](given)[1])
    y_torch.square().sum().backward()
    _, first = stacks[0].forward(read)
    y, second = stacks[1].forward(written, Context(state=stacks[0].final_state(first)))
    _, decoder_grads, d_state = stacks[1].backward_from(2 * y, None, second)
    dx, encoder_grads, _ = stacks[0].backward_from(np.zeros((B, T, H)), d_state, first)
    close(y, y_torch.detach().numpy(), 1e-12)
    close(dx, given.grad.numpy(), 1e-12)
    for stack, theirs, grads in zip(stacks, nets, (encoder_grads, decoder_grads), strict=True):
        for i, layer in enumerate(stack.layers):
            for name, expected in gradients(layer, theirs, f"l{i}").items():
                close(grads[f"{i}.{name}"], expected, 1e-12)
