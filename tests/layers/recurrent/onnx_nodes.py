"""ONNX's nodes RNN, GRU and LSTM, computed by the library's layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import Bidirectional, Context, GRULayer, LSTMLayer, RecurrentLayer
from minidl.core.layer import Layer
from minidl.core.lengths import time_reversed
from minidl.layers import activations

INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")


def layer_of(op: str, attributes: dict[str, Any], given: dict[str, Any], direction: int) -> Layer:
    """The layer of one direction, with its weights; the order of gates is ONNX's."""
    W, R, features = given["W"][direction].T, given["R"][direction].T, given["X"].shape[2]
    H = R.shape[0]
    layer: Layer
    if op == "RNN":
        name = attributes.get("activations", [b"Tanh"] * 2)[direction].decode()
        layer = RecurrentLayer(H, activation=getattr(activations, f"{name}Activation")(), bias="B" in given)
    elif op == "GRU":
        after = attributes.get("linear_before_reset", 0) == 1
        layer = GRULayer(H, reset_after=after, bias="B" in given)
    else:
        layer = LSTMLayer(H, peepholes="P" in given, bias="B" in given)
    layer.build((None, features), np.random.default_rng(0), W.dtype)
    values = {"W_xh": W, "W_hh": R} if op == "RNN" else {"W_x": W, "W_h": R}
    if "B" in given:
        b_x, b_h = np.split(given["B"][direction], 2)
        if "b_h" in layer.params and op == "GRU":  # the reset works on h W_hn + b_hn
            values["b_h"] = b_h[2 * H :]
            b_h = np.concatenate([b_h[: 2 * H], np.zeros(H, W.dtype)])
        values["b_h" if op == "RNN" else "b"] = b_x + b_h
    if "P" in given:
        values |= dict(zip(("p_i", "p_o", "p_f"), np.split(given["P"][direction], 3), strict=True))
    assert values.keys() == layer.params.keys()
    for name, value in values.items():
        layer.params[name][...] = value
    return layer


def compute(op: str, attributes: dict[str, Any], tensors: dict[str, Any]) -> dict[str, Any]:
    """Y, Y_h and, of an LSTM, Y_c."""
    unknown = attributes.keys() - {"hidden_size", "direction", "layout", "linear_before_reset", "activations"}
    assert not unknown, f"not translated: {unknown}"
    by_batch, given = attributes.get("layout", 0) == 1, dict(tensors)
    x = given["X"] if by_batch else given["X"].transpose(1, 0, 2)
    start = [given[name] for name in ("initial_h", "initial_c") if name in given]
    start = [part.transpose(1, 0, 2) if by_batch else part for part in start]
    lengths = given.get("sequence_lens")
    lengths = None if lengths is None else lengths.astype(np.int64)
    direction = attributes.get("direction", b"forward").decode()
    backwards = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]
    layers = [layer_of(op, attributes, given, number) for number in range(len(backwards))]
    outputs, finals = [], []
    for number, (layer, reverse) in enumerate(zip(layers, backwards, strict=True)):
        state = None if not start else start[0][number] if op != "LSTM" else _pair(start, number)
        y, cache = layer.forward(time_reversed(x, lengths) if reverse else x, Context(state=state, lengths=lengths))
        outputs.append(time_reversed(y, lengths) if reverse else y)
        final = layer.final_state(cache)
        finals.append(final if op == "LSTM" else (final,))
    if direction == "bidirectional" and not start and repr(layers[0]) == repr(layers[1]):
        np.testing.assert_array_equal(_both(layers, x, lengths), np.concatenate(outputs, axis=2))
    Y = np.stack(outputs, axis=2)  # batch, time, direction, unit
    last = [np.stack(part, axis=1) for part in zip(*finals, strict=True)]
    if not by_batch:
        Y, last = Y.transpose(1, 2, 0, 3), [part.transpose(1, 0, 2) for part in last]
    return {"Y": Y, **dict(zip(("Y_h", "Y_c"), last, strict=False))}


def _pair(start: list[Any], number: int) -> tuple[Any, Any]:
    h = start[0][number]
    return h, start[1][number] if len(start) > 1 else np.zeros_like(h)


def _both(layers: list[Layer], x: Any, lengths: Any) -> Any:
    """The same by `Bidirectional`."""
    whole = Bidirectional(layers[0])
    whole.build((None, x.shape[2]), np.random.default_rng(0), x.dtype)
    for name, layer in zip(("forward", "backward"), layers, strict=True):
        for parameter, value in layer.params.items():
            whole.params[f"{name}.{parameter}"][...] = value
    return whole.forward(x, Context(lengths=lengths))[0]
