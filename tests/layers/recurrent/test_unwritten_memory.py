"""Memory that nothing was written to is never read: where it holds NaN, sequences of different length give the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import (
    Cell,
    Context,
    FastGRNNLayer,
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
