"""MeanOverTime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.compiled.emit.products import copy
from minidl.compiled.emit.vectors import view
from minidl.compiled.jit import jit
from minidl.compiled.kernel import LayerKernel, Sizes
from minidl.compiled.kernels.glue import add_to
from minidl.core.layer import Array


@jit
def _mean(y: Array, scratch: Array) -> None:
    """y = sum / number of steps, of the state after this window."""
    _, features, lanes = y.shape
    after = (features + 1) * lanes
    total, steps = view(scratch, after, (features, lanes)), view(scratch, after + features * lanes, (lanes,))
    for i in range(features):
        for k in range(lanes):
            y[0, i, k] = total[i, k] / steps[k]


@jit
def mean_forward(x: Array, y: Array, scratch: Array) -> None:
    """y = (s + Σ x_t) / (n + T), with the sum s and the number n of the steps before this window."""
    time, features, lanes = x.shape
    size = features * lanes
    copy(view(scratch, size + lanes, (size + lanes,)), view(scratch, 0, (size + lanes,)))
    total, steps = view(scratch, size + lanes, (size,)), view(scratch, 2 * size + lanes, (lanes,))
    for t in range(time):
        add_to(total, x[t])
    for k in range(lanes):
        steps[k] += time
    _mean(y, scratch)


@jit
def mean_forward_ragged(x: Array, y: Array, scratch: Array, lengths: Array) -> None:
    """The same, of the steps that a lane has."""
    time, features, lanes = x.shape
    size = features * lanes
    copy(view(scratch, size + lanes, (size + lanes,)), view(scratch, 0, (size + lanes,)))
    total, steps = view(scratch, size + lanes, (features, lanes)), view(scratch, 2 * size + lanes, (lanes,))
    for t in range(time):
        for i in range(features):
            for k in range(lanes):
                total[i, k] += x[t, i, k] if t < lengths[k] else x.dtype.type(0)
    for k in range(lanes):
        steps[k] += lengths[k]
    _mean(y, scratch)


@jit
def mean_backward(x: Array, y: Array, dy: Array, dx: Array, scratch: Array) -> None:
    """dx_t = dy / (n + T)."""
    if dx.size:
        _, features, lanes = x.shape
        steps = view(scratch, (2 * features + 1) * lanes, (lanes,))
        for i in range(features):
            for k in range(lanes):
                dx[0, i, k] = dy[0, i, k] / steps[k]
        for t in range(1, len(dx)):
            copy(dx[t], dx[0])


@jit
def mean_backward_ragged(x: Array, y: Array, dy: Array, dx: Array, scratch: Array, lengths: Array) -> None:
    """The same for the steps that a lane has, and 0 for those after them."""
    mean_backward(x, y, dy, dx, scratch)
    for t in range(1, len(dx)):
        for i in range(dx.shape[1]):
            for k in range(dx.shape[2]):
                dx[t, i, k] = dx[t, i, k] if t < lengths[k] else dx.dtype.type(0)


@jit
def mean_carry(x: Array, y: Array, scratch: Array) -> None:
    """Sum and number of steps."""
    size = (x.shape[1] + 1) * x.shape[2]
    copy(view(scratch, 0, (size,)), view(scratch, size, (size,)))


def mean_scratch(layer: Any, x: Sizes, y: Sizes) -> int:
    """The state before a window and after it."""
    return 2 * (x[1] + 1) * x[2]


def mean_state(layer: Any, x: Sizes) -> Sequence[int]:
    """Sum and number of steps."""
    return x[1], 1


def mean_over_time(layer: Any) -> LayerKernel:
    """MeanOverTime."""
    ragged = mean_forward_ragged, mean_backward_ragged
    return LayerKernel(mean_forward, mean_backward, mean_scratch, mean_carry, mean_state, ragged=ragged)
