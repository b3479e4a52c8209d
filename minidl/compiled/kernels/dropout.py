"""Dropout: y = x ⊙ m, for each time step by its own mask or for all by one."""

from __future__ import annotations

from typing import Any

from minidl.compiled.emit.products import copy
from minidl.compiled.emit.vectors import view
from minidl.compiled.jit import jit
from minidl.compiled.kernel import LayerKernel, Mask, Sizes
from minidl.core.layer import Array


@jit
def _multiply(x: Array, y: Array, mask: Array) -> None:
    size = mask.size
    m = view(mask, 0, (size,))
    for first in range(0, x.size, size):
        a, out = view(x, first, (size,)), view(y, first, (size,))
        for k in range(size):
            out[k] = a[k] * m[k]


@jit
def forward(x: Array, y: Array, scratch: Array, mask: Array) -> None:
    """y = x ⊙ m."""
    _multiply(x, y, mask)


@jit
def backward(x: Array, y: Array, dy: Array, dx: Array, scratch: Array, mask: Array) -> None:
    """dx = dy ⊙ m."""
    if dx.size:
        _multiply(dy, dx, mask)


@jit
def forward_of_all(x: Array, y: Array, scratch: Array) -> None:
    """y = x: nothing is left out."""
    copy(y, x)


@jit
def backward_of_all(x: Array, y: Array, dy: Array, dx: Array, scratch: Array) -> None:
    """dx = dy."""
    if dx.size:
        copy(dx, dy)


def mask_of(layer: Any, x: Sizes, y: Sizes) -> Mask:
    """For each number, or for those of one time step."""
    return Mask(layer.drop_rate, 1 if layer.shared_over_time else x[0], x[1])


def dropout(layer: Any) -> LayerKernel:
    """Dropout."""
    if layer.drop_rate == 0:
        return LayerKernel(forward_of_all, backward_of_all)
    return LayerKernel(forward, backward, mask=mask_of)
