"""StepsAhead: the last steps of each lane, side by side."""

from __future__ import annotations

from typing import Any

from minidl.compiled.emit.products import copy, fill
from minidl.compiled.jit import jit
from minidl.compiled.kernel import LayerKernel
from minidl.compiled.kernels.glue import add_to
from minidl.core.layer import Array


@jit
def forward(x: Array, y: Array, scratch: Array) -> None:
    """y = x_{T-S} ... x_{T-1}; the first step stands for those that are missing."""
    features = x.shape[1]
    steps = y.shape[1] // features
    for s in range(steps):
        copy(y[0, s * features : (s + 1) * features], x[max(len(x) - steps + s, 0)])


@jit
def backward(x: Array, y: Array, dy: Array, dx: Array, scratch: Array) -> None:
    """dy at these steps; those before them are never written and stay zero."""
    if dx.size:
        features = x.shape[1]
        steps = y.shape[1] // features
        for t in range(max(len(x) - steps, 0), len(x)):
            fill(dx[t], 0)
        for s in range(steps):
            add_to(dx[max(len(x) - steps + s, 0)], dy[0, s * features : (s + 1) * features])


@jit
def forward_ragged(x: Array, y: Array, scratch: Array, lengths: Array) -> None:
    """The last steps of each lane."""
    features = x.shape[1]
    steps = y.shape[1] // features
    for s in range(steps):
        for i in range(features):
            for k in range(x.shape[2]):
                y[0, s * features + i, k] = x[max(lengths[k] - steps + s, 0), i, k]


@jit
def backward_ragged(x: Array, y: Array, dy: Array, dx: Array, scratch: Array, lengths: Array) -> None:
    """dy at the last steps of each lane, and 0 elsewhere."""
    if dx.size:
        features = x.shape[1]
        steps = y.shape[1] // features
        fill(dx, 0)
        for s in range(steps):
            for i in range(features):
                for k in range(x.shape[2]):
                    dx[max(lengths[k] - steps + s, 0), i, k] += dy[0, s * features + i, k]


def steps_ahead(layer: Any) -> LayerKernel:
    """StepsAhead."""
    return LayerKernel(forward, backward, ragged=(forward_ragged, backward_ragged))
