"""Memory that nothing was written to is never read: where it holds NaN, sequences of different length give the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import (
    Cell,
    Context,
    FastGRNNLayer,
    Gate,
    GRULayer,
    IndRNNLayer,
    JANETLayer,
    LeakyLayer,
    LSTMLayer,
    MGULayer,
    MinGRULayer,
    SLSTMLayer,
)

CELLS = [
    *(LSTMLayer(4), LSTMLayer(4, peepholes=True), GRULayer(4), GRULayer(4, reset_after=False), MGULayer(4)),
    *(JANETLayer(4), IndRNNLayer(4), LeakyLayer(4), FastGRNNLayer(4), MinGRULayer(4), SLSTMLayer(4, heads=2)),
]


def results(layer: Cell) -> list[Any]:
    rng = np.random.default_rng(3)
    x, dy = rng.normal(size=(5, 6, 3)), rng.normal(size=(5, 6, 4))
    lengths = np.array([6, 4, 4, 2, 1])
    _, cache = layer.forward(x, Context(lengths=lengths))
    dx, grads = layer.backward(dy, cache)
    assert dx is not None
    return [*grads.values(), *(dx[row, :n] for row, n in enumerate(lengths))]


@pytest.mark.parametrize("layer", CELLS, ids=lambda layer: type(layer).__name__)
def test_memory_that_was_not_written_is_not_read(layer: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    layer.build((None, 3), np.random.default_rng(0), np.dtype("float64"))
    expected, real = results(layer), np.empty

    def poisoned(*args: Any, **more: Any) -> Any:
        made = real(*args, **more)
        if made.dtype.kind == "f":
            made.fill(np.nan)
        return made

    monkeypatch.setattr(np, "empty", poisoned)
    for found, wanted in zip(results(layer), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


class Copied(Cell):
    """A gate is a product of another state, as it is."""

    gates = (Gate("a", of="memory"),)
    states = ("h", "c")

    def memory(self, c: Any) -> Any:
        return c

    def equations(self, a: Any, h: Any, c: Any) -> tuple[Any, Any]:
        return np.tanh(a) + 0.1 * h, 0.5 * c + h


def test_a_state_that_a_gate_is_a_product_of_is_still_there_when_its_sequence_has_ended() -> None:
    layer, rng = Copied(4), np.random.default_rng(0)
    layer.build((None, 3), rng, np.dtype("float64"))
    x = rng.normal(size=(2, 6, 3))
    _, padded = layer.forward(x, Context(lengths=np.array([6, 4])))
    _, alone = layer.forward(x[1:, :4])
    for found, expected in zip(layer.final_state(padded), layer.final_state(alone), strict=True):
        np.testing.assert_allclose(found[1:], expected, rtol=1e-12)
