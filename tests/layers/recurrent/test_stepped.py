"""Layers that are given by one step and its backward step, against the same net as equations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import Bidirectional, Context, LSTMLayer, Sequential, ShapeError, SteppedCell, sigmoid
from minidl.core.registry import register
from minidl.testing import check_layer

H, F, B, T = 3, 2, 4, 5
LENGTHS = np.array([5, 3, 3, 1])


@register
class SteppedLSTM(SteppedCell):
    """An LSTM with its backward step written out."""

    states = ("h", "c")

    def weights(self, input_size: int, rng: Any, dtype: Any) -> dict[str, Any]:
        twin = LSTMLayer(self.hidden_size)
        twin.build((None, input_size), rng, dtype)
        return dict(twin.params)

    def step(self, x: Any, *state: Any) -> Any:
        (h, c), P = state, self.params
        i, o, f, g = np.split(x @ P["W_x"] + h @ P["W_h"] + P["b"], 4, axis=1)
        i, o, f, g = sigmoid(i), sigmoid(o), sigmoid(f), np.tanh(g)
        new = f * c + i * g
        return (o * np.tanh(new), new), (x, h, c, i, o, f, g, new)

    def step_backward(self, d_state: Any, cache: Any) -> Any:
        (dh, dc), (x, h, c, i, o, f, g, new), P = d_state, cache, self.params
        th = np.tanh(new)
        dc = dc + dh * o * (1 - th**2)
        parts = (dc * g * i * (1 - i), dh * th * o * (1 - o), dc * c * f * (1 - f), dc * i * (1 - g**2))
        da = np.concatenate(parts, axis=1)
        grads = {"W_x": x.T @ da, "W_h": h.T @ da, "b": da.sum(axis=0)}
        return da @ P["W_x"].T, (da @ P["W_h"].T, dc * f), grads


def test_it_keeps_the_layer_protocol() -> None:
    check_layer(SteppedLSTM(H), (None, F))
    check_layer(Sequential([Bidirectional(SteppedLSTM(2))]), (4, F))


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_it_equals_the_cell_with_the_same_equations(lengths: Any) -> None:
    layers = SteppedLSTM(H), LSTMLayer(H)
    rng = np.random.default_rng(1)
    x, dy, *states = (rng.normal(size=size) for size in ((B, T, F), (B, T, H), (B, H), (B, H), (B, H), (B, H)))
    if lengths is not None:
        dy[np.arange(T) >= lengths[:, None]] = 0
    found = []
    for layer in layers:
        layer.build((None, F), np.random.default_rng(0), "float64")
        y, cache = layer.forward(x, Context(state=tuple(states[:2]), lengths=lengths))
        dx, grads, d_start = layer.backward_from(dy, tuple(states[2:]), cache)
        y = np.array(y)
        if lengths is not None:
            y[np.arange(T) >= lengths[:, None]] = 0
        found.append([y, dx, *(grads[name] for name in ("W_x", "W_h", "b")), *d_start, *layer.final_state(cache)])
    for mine, other in zip(*found, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-11, atol=1e-13)


def test_shapes_that_do_not_fit_are_refused() -> None:
    layer = SteppedLSTM(H)
    with pytest.raises(ShapeError, match=r"^SteppedLSTM: expected input of shape \(time, features\), got \(3,\)\.$"):
        layer.output_shape((3,))
    layer.build((None, F), np.random.default_rng(0), "float64")
    with pytest.raises(
        ShapeError, match=r"^SteppedLSTM: expected x of shape \(batch, time, 2\) .*, got \(4, 5, 3\)\.$"
    ):
        layer.forward(np.zeros((B, T, 3)))
    with pytest.raises(ShapeError, match=r"^SteppedLSTM: expected a start state h of shape \(4, 3\), got \(4, 2\)\.$"):
        layer.forward(np.zeros((B, T, F)), Context(state=(np.zeros((B, 2)), np.zeros((B, H)))))
    _, cache = layer.forward(np.zeros((B, T, F)))
    with pytest.raises(ShapeError, match=r"^SteppedLSTM: expected dy of shape \(4, 5, 3\), got \(4, 3\)\.$"):
        layer.backward(np.zeros((B, H)), cache)
