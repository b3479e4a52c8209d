"""LayerNorm: y = g ⊙ n + b with n = (x - μ) / √(v + ε), over the features of each time step and lane.

Scratch holds n and dy ⊙ n of all steps, the scale 1 / √(v + ε) of each step, and two sums over features.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl.compiled.emit.products import fill, sums
from minidl.compiled.emit.vectors import view
from minidl.compiled.jit import jit
from minidl.compiled.kernel import LayerKernel, Sizes
from minidl.compiled.kernels.glue import add_to
from minidl.core.layer import Array


@functools.cache
def _forward(epsilon: float) -> Any:
    @jit
    def forward(x: Array, y: Array, scratch: Array, g: Array, b: Array) -> None:
        time, features, lanes = x.shape
        number = x.dtype.type
        n, size = view(scratch, 0, x.shape), number(features)
        for t in range(time):
            scale = view(scratch, 2 * x.size + t * lanes, (lanes,))
            mean, square = _two_sums(x, scratch)
            for i in range(features):
                add_to(mean, x[t, i])
            for k in range(lanes):
                mean[k] = mean[k] / size
            for i in range(features):
                for k in range(lanes):
                    n[t, i, k] = x[t, i, k] - mean[k]
                    square[k] += n[t, i, k] * n[t, i, k]
            for k in range(lanes):
                scale[k] = number(1) / np.sqrt(square[k] / size + number(epsilon))
            for i in range(features):
                for k in range(lanes):
                    n[t, i, k] = n[t, i, k] * scale[k]
                    y[t, i, k] = n[t, i, k] * g[i] + b[i]

    return forward


@jit
def _two_sums(x: Array, scratch: Array) -> Any:
    """Two rows of lanes, 0 at first."""
    time, _, lanes = x.shape
    both = view(scratch, 2 * x.size + time * lanes, (2, lanes))
    fill(both, 0)
    return both[0], both[1]


@jit
def backward(
    x: Array, y: Array, dy: Array, dx: Array, scratch: Array, g: Array, b: Array, dg: Array, db: Array
) -> None:
    """dx = (dn - mean(dn) - n mean(dn ⊙ n)) / √(v + ε) with dn = dy ⊙ g; dg = Σ dy ⊙ n, db = Σ dy."""
    time, features, lanes = x.shape
    n, product, size = view(scratch, 0, x.shape), view(scratch, x.size, x.shape), x.dtype.type(features)
    for t in range(time):
        for i in range(features):
            for k in range(lanes):
                product[t, i, k] = dy[t, i, k] * n[t, i, k]
    sums(dg, product)
    sums(db, dy)
    for t in range(len(dx)):
        scale = view(scratch, 2 * x.size + t * lanes, (lanes,))
        mean, along = _two_sums(x, scratch)
        for i in range(features):
            for k in range(lanes):
                mean[k] += g[i] * dy[t, i, k]
            for k in range(lanes):
                along[k] += g[i] * product[t, i, k]
        for i in range(features):
            for k in range(lanes):
                dn = g[i] * dy[t, i, k]
                dx[t, i, k] = scale[k] * (dn - (mean[k] + n[t, i, k] * along[k]) / size)


def scratch_size(layer: Any, x: Sizes, y: Sizes) -> int:
    """See the module."""
    time, features, lanes = x
    return (2 * time * features + time + 2) * lanes


def layer_norm(layer: Any) -> LayerKernel:
    """LayerNorm."""
    return LayerKernel(_forward(layer.epsilon), backward, scratch_size)
