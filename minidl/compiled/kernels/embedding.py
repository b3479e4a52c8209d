"""Embedding: y = W[x]."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.compiled.emit.products import fill
from minidl.compiled.jit import jit
from minidl.compiled.kernel import LayerKernel
from minidl.core.layer import Array
from minidl.layers.embedding import ROUNDING


@jit
def _symbol(x: Any, symbols: int) -> int:
    """The number of a symbol; -1: it is none."""
    place = np.rint(x)
    there = abs(x - place) <= type(x)(ROUNDING) and place >= 0 and place < symbols
    return int(place) if there else -1


@jit
def forward(x: Array, y: Array, scratch: Array, W: Array) -> None:
    """The rows of the symbols; NaN for what is none, which nobody may read."""
    time, features, lanes = x.shape
    symbols, size = W.shape
    for t in range(time):
        for i in range(features):
            for k in range(lanes):
                place = _symbol(x[t, i, k], symbols)
                for j in range(size):
                    y[t, i * size + j, k] = W[place, j] if place >= 0 else np.nan


@jit
def backward(x: Array, y: Array, dy: Array, dx: Array, scratch: Array, W: Array, dW: Array) -> None:
    """dW[k] = the sum of dy where x is k; dx is never written and stays zero."""
    time, features, lanes = x.shape
    symbols, size = W.shape
    fill(dW, 0)
    for t in range(time):
        for i in range(features):
            for k in range(lanes):
                place = _symbol(x[t, i, k], symbols)
                for j in range(size if place >= 0 else 0):
                    dW[place, j] += dy[t, i * size + j, k]


def embedding(layer: Any) -> LayerKernel:
    """Embedding."""
    return LayerKernel(forward, backward, refuses=True)
