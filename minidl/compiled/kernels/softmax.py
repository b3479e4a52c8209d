"""Softmax: y_i = exp(x_i) / Σ_j exp(x_j) over the features of each time step and lane.

Scratch holds a row of lanes: the largest x_i, Σ_j exp(x_j), or Σ_j dy_j y_j.
"""

from __future__ import annotations

from typing import Any

from minidl.compiled.emit.functions import exp, maximum
from minidl.compiled.emit.products import copy, fill
from minidl.compiled.emit.vectors import view
from minidl.compiled.jit import jit
from minidl.compiled.kernel import LayerKernel, Sizes
from minidl.compiled.kernels.glue import add_to
from minidl.core.layer import Array


@jit
def forward(x: Array, y: Array, scratch: Array) -> None:
    """The shares; the largest x_i is subtracted first. Where one is NaN, all are."""
    time, features, lanes = x.shape
    row = view(scratch, 0, (lanes,))
    for t in range(time):
        copy(row, x[t, 0])
        for i in range(1, features):
            for k in range(lanes):
                row[k] = maximum(x[t, i, k], row[k])
        for i in range(features):
            for k in range(lanes):
                y[t, i, k] = exp(x[t, i, k] - row[k])
        fill(row, 0)
        for i in range(features):
            add_to(row, y[t, i])
        for i in range(features):
            for k in range(lanes):
                y[t, i, k] = y[t, i, k] / row[k]


@jit
def backward(x: Array, y: Array, dy: Array, dx: Array, scratch: Array) -> None:
    """dx = y ⊙ (dy - Σ_j dy_j y_j)."""
    row = view(scratch, 0, (x.shape[2],))
    for t in range(len(dx)):
        fill(row, 0)
        for i in range(dx.shape[1]):
            for k in range(dx.shape[2]):
                row[k] += dy[t, i, k] * y[t, i, k]
        for i in range(dx.shape[1]):
            for k in range(dx.shape[2]):
                dx[t, i, k] = y[t, i, k] * (dy[t, i, k] - row[k])


def scratch_size(layer: Any, x: Sizes, y: Sizes) -> int:
    """A row of lanes."""
    return x[2]


def softmax(layer: Any) -> LayerKernel:
    """Softmax."""
    return LayerKernel(forward, backward, scratch_size)
