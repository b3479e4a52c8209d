"""LastStep."""

from __future__ import annotations

from typing import Any

from minidl.compiled.emit.products import copy, fill
from minidl.compiled.jit import jit
from minidl.compiled.kernel import LayerKernel
from minidl.core.layer import Array


@jit
def forward(x: Array, y: Array, scratch: Array) -> None:
    """y = x_T."""
    copy(y, x[-1])


@jit
def backward(x: Array, y: Array, dy: Array, dx: Array, scratch: Array) -> None:
    """dx_T = dy; the steps before it are never written and stay zero."""
    if dx.size:
        copy(dx[-1], dy)


@jit
def forward_ragged(x: Array, y: Array, scratch: Array, lengths: Array) -> None:
    """y = x at the last step of each lane."""
    for i in range(x.shape[1]):
        for k in range(x.shape[2]):
            y[0, i, k] = x[lengths[k] - 1, i, k]


@jit
def backward_ragged(x: Array, y: Array, dy: Array, dx: Array, scratch: Array, lengths: Array) -> None:
    """dx = dy at the last step of each lane, and 0 elsewhere."""
    if dx.size:
        fill(dx, 0)
        for i in range(x.shape[1]):
            for k in range(x.shape[2]):
                dx[lengths[k] - 1, i, k] = dy[0, i, k]


def last_step(layer: Any) -> LayerKernel:
    """LastStep."""
    return LayerKernel(forward, backward, ragged=(forward_ragged, backward_ragged))
