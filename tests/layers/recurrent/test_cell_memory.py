"""How much memory a cell takes, in arrays of all h_t."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from minidl import Cell, Context, GRULayer, LSTMLayer, Workspace


@pytest.mark.parametrize(("layer", "most"), [(LSTMLayer(32), 26), (GRULayer(32), 22)])
def test_factors_that_a_gradient_alone_reads_stand_where_it_is_written(layer: Cell, most: int) -> None:
    # Catches arrays of their own for them, four more.
    layer.build((50, 2), np.random.default_rng(0), "float64")
    x, dy = np.ones((16, 50, 2)), np.ones((16, 50, 32))
    tracemalloc.start()
    try:
        _, cache = layer.forward(x, Context(workspace=Workspace()))
        layer.backward(dy, cache)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert most - 2 < taken / dy.nbytes < most
