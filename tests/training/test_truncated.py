"""Truncated backpropagation through time, against a loop that is written out, and against the whole gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from long_series import RNG, F, L, S, X, Y, net, trainer
from naive import dense_backward, dense_forward, elman_backward, elman_forward
from trainers import COPIES

from minidl import (
    INFERENCE,
    SGD,
    CrossEntropy,
    Dense,
    GRULayer,
    HalfMSE,
    Layer,
    LSTMLayer,
    Parallel,
    RecurrentLayer,
    Repeat,
    Residual,
    Sequential,
    fit,
)
from minidl.core.layer import Array, Context
from minidl.data.windows import Windows
from minidl.randomness import Streams
from minidl.training import Arrays
from minidl.training.records import never

STACKS: dict[str, Any] = {
    "RecurrentLayer": lambda: [RecurrentLayer(4)],
    "LSTMLayer": lambda: [LSTMLayer(4)],
    "two layers": lambda: [RecurrentLayer(4), GRULayer(3)],
    "Repeat": lambda: [Repeat(LSTMLayer(3), times=2)],
    "Residual in Parallel": lambda: [
        Parallel([Residual(Sequential([LSTMLayer(3), Dense(F)])), RecurrentLayer(F)], merge="concat")
    ],
    "learnable start": lambda: [LSTMLayer(4, learnable_start=True)],
}
stacks = pytest.mark.parametrize("layers", STACKS.values(), ids=STACKS)


def close(got: Layer, wanted: Any, rtol: float = 1e-12) -> None:
    for name, value in got.params.items():
        np.testing.assert_allclose(value, wanted[name], rtol, 1e-14, err_msg=name)


def by_hand(model: Layer, x: Array, y: Array, steps: int, epochs: int, rate: float = 0.5) -> list[float]:
    """Window after window: forward from the last state, backward within the window, a step down the gradient."""
    losses = []
    for _ in range(epochs):
        state, total, n = None, 0.0, 0
        for t in range(0, x.shape[1], steps):
            out, cache = model.forward(x[:, t : t + steps], Context(training=True, state=state))
            e = out - y[:, t : t + steps]
            state = model.final_state(cache)
            _, grads = model.backward(e / e.size, cache)
            for name, value in model.params.items():
                value -= rate * grads[name]
            total, n = total + float((e * e).mean()) / 2, n + 1
        losses.append(total / n)
    return losses


@stacks
@pytest.mark.parametrize("steps", [L, L + 5])
def test_where_the_window_spans_the_streams_the_gradient_is_the_whole_one(layers: Any, steps: int) -> None:
    model, whole = net(layers()), net(layers())
    trainer(model, bptt_steps=steps, epochs=1).run(Arrays(X, Y))
    y, cache = whole.forward(X, INFERENCE)
    _, grads = whole.backward((y - Y) / Y.size, cache)
    close(model, {name: value - 0.5 * grads[name] for name, value in whole.params.items()})


@stacks
@pytest.mark.parametrize("steps", [1, 6, 10])
def test_windows_carry_the_state_on_and_no_gradient(layers: Any, steps: int) -> None:
    # 20 steps in windows of 6: the last one has 2. Fails if the state is zero, or kept from one epoch to the next.
    model, other = net(layers()), net(layers())
    history = trainer(model, bptt_steps=steps).run(Arrays(X, Y))
    losses = by_hand(other, X, Y, steps, epochs=2)
    close(model, other.params)
    np.testing.assert_allclose([record.train_loss for record in history], losses, 1e-12)
    assert history[-1].step == 2 * -(-L // steps)


def test_the_states_are_those_of_the_equations() -> None:
    # Elman in plain loops, which know nothing of Context.state.
    model = net([RecurrentLayer(4)])
    p = {name: value.copy() for name, value in model.params.items()}
    trainer(model, bptt_steps=6, epochs=1).run(Arrays(X, Y))
    h_0 = np.zeros((S, 4))
    for t in range(0, L, 6):
        x, y = X[:, t : t + 6], Y[:, t : t + 6]
        rnn = {name: p[f"0.{name}"] for name in ("W_xh", "W_hh", "b_h")}
        h = elman_forward(x, rnn, h_0)
        dh, dW, db = dense_backward(h, (dense_forward(h, p["1.W"], p["1.b"]) - y) / y.size, p["1.W"])
        grads = elman_backward(x, h, dh, rnn, h_0)
        h_0 = h[:, -1]
        for name, grad in [*((f"0.{n}", grads[n]) for n in rnn), ("1.W", dW), ("1.b", db)]:
            p[name] = p[name] - 0.5 * grad
    close(model, p)


def test_a_series_is_cut_into_streams_side_by_side() -> None:
    # 23 rows, the label one row later: 22 steps are 4 streams of 5; the first 2 are left out.
    values = RNG.standard_normal((25, F))
    windows = Windows(values, np.arange(1, 20), 4, 1, every_step=True)  # rows 1 to 22, labels to row 23
    x = values[3:23].reshape(4, 5, F)
    y = values[4:24, 1].reshape(4, 5, 1)
    model, other = net([LSTMLayer(3)]), net([LSTMLayer(3)])
    trainer(model, bptt_steps=2, batch_size=4).run(windows)
    by_hand(other, x, y, 2, epochs=2)
    close(model, other.params)


def test_more_sequences_than_streams_are_trained_one_lot_after_the_other() -> None:
    model, other = net([GRULayer(3)]), net([GRULayer(3)])
    trainer(model, bptt_steps=8, batch_size=2, epochs=1).run(Arrays(X, Y))
    by_hand(other, X[:2], Y[:2], 8, epochs=1)
    by_hand(other, X[2:], Y[2:], 8, epochs=1)  # from zeros
    close(model, other.params)


def test_shuffling_orders_whole_streams() -> None:
    model, other = net([GRULayer(3)]), net([GRULayer(3)])
    trainer(model, bptt_steps=8, batch_size=1, epochs=1, shuffle=True).run(Arrays(X, Y))
    order = Streams.from_seed(0).shuffling.permutation(S)
    assert order.tolist() != [0, 1, 2]
    for s in order:
        by_hand(other, X[[s]], Y[[s]], 8, epochs=1)
    close(model, other.params)


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_sequence_that_has_ended_leaves_and_the_others_go_on(shuffle: bool) -> None:
    # Lengths 20, 7, 12 in windows of 5: the second sequence has windows of 5 and 2, then it is gone.
    lengths = np.array([20, 7, 12])
    x, y = X.copy(), Y.copy()
    for s, n in enumerate(lengths):
        x[s, n:] = y[s, n:] = np.nan
    model, other = net([LSTMLayer(3)]), net([LSTMLayer(3)])
    trainer(model, bptt_steps=5, epochs=1, shuffle=shuffle).run(Arrays(x, y, lengths))
    states: list[Any] = [None] * S
    for t in range(0, L, 5):
        grads = {name: np.zeros_like(value) for name, value in other.params.items()}
        there = [s for s in range(S) if lengths[s] > t]
        n = sum(min(5, int(lengths[s]) - t) for s in there)
        for s in there:  # each by itself, without padding
            rows = slice(t, min(t + 5, lengths[s]))
            out, cache = other.forward(x[[s], rows], Context(state=states[s]))
            states[s] = other.final_state(cache)
            for name, grad in other.backward((out - y[[s], rows]) / n, cache)[1].items():
                grads[name] += grad
        for name, value in other.params.items():
            value -= 0.5 * grads[name]
    close(model, other.params)


def test_labels_and_weights_go_with_their_steps() -> None:
    labels, weight = RNG.integers(0, 3, (1, L)), RNG.uniform(0.5, 2, (1, L))
    cutting, ready = net([GRULayer(3)], 3), net([GRULayer(3)], 3)
    trainer(cutting, loss=CrossEntropy(), bptt_steps=4, batch_size=2).run(Arrays(X[:1], labels, weight=weight))
    pieces = Arrays(X[0].reshape(2, 10, F), labels.reshape(2, 10), weight=weight.reshape(2, 10))
    trainer(ready, loss=CrossEntropy(), bptt_steps=4, batch_size=2).run(pieces)
    close(cutting, ready.params)
    plain = net([GRULayer(3)], 3)
    trainer(plain, loss=CrossEntropy(), bptt_steps=4, batch_size=2).run(Arrays(pieces.x, pieces.y))
    assert not np.allclose(plain.params["1.W"], ready.params["1.W"])


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_taken_between_two_windows_goes_on_as_the_original(copied: Any) -> None:
    whole, model = net([LSTMLayer(3)]), net([LSTMLayer(3)])
    trainer(whole, bptt_steps=6).run(Arrays(X, Y))
    calls = iter(range(1, 99))
    first = trainer(model, stop=lambda: next(calls) == 2, bptt_steps=6)
    first.run(Arrays(X, Y))
    assert first.carried[0][0].shape == (S, 3)
    first.should_stop = never
    second = copied(first)
    second.run(Arrays(X, Y))
    assert second.step == 8
    for name, value in second.model.params.items():
        assert value.tobytes() == whole.params[name].tobytes()


def test_clipping_is_of_the_gradient_of_a_window() -> None:
    model = net([RecurrentLayer(3)])
    before = {name: value.copy() for name, value in model.params.items()}
    trainer(model, bptt_steps=L, epochs=1, clip_norm=1e-3).run(Arrays(X, Y))
    norm = np.sqrt(sum(((value - before[name]) ** 2).sum() for name, value in model.params.items()))
    assert norm == pytest.approx(0.5e-3, rel=1e-9)


def test_fit_takes_it() -> None:
    model, other = net([LSTMLayer(3)]), net([LSTMLayer(3)])
    fit(model, X, Y[..., 0], loss=HalfMSE(), optimizer=SGD(0.5), batch_size=S, bptt_steps=6, epochs=2)
    by_hand(other, X, Y, 6, epochs=2)
    close(model, other.params)
