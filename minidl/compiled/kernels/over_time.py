"""MeanOverTime and MaxOverTime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.compiled.emit.functions import maximum
from minidl.compiled.emit.products import copy, fill
from minidl.compiled.emit.vectors import view
from minidl.compiled.jit import jit
from minidl.compiled.kernel import LayerKernel, Linked, Sizes
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


@jit
def mean_pass_on(x: Array, y: Array, scratch: Array, to: Array) -> None:
    """Sum and number of steps, to another call."""
    size = (x.shape[1] + 1) * x.shape[2]
    copy(view(to, 0, (size,)), view(scratch, size, (size,)))


@jit
def mean_linked(
    x: Array, y: Array, dy: Array, dx: Array, scratch: Array, after: Array, before: Array
) -> None:  # fmt: skip
    """dx_t = ds = dy / (n + T) + ds of what came next; nobody asks for the gradient of the number of steps."""
    _, features, lanes = x.shape
    steps = view(scratch, (2 * features + 1) * lanes, (lanes,))
    for i in range(features):
        for k in range(lanes):
            before[i * lanes + k] = dy[0, i, k] / steps[k] + after[i * lanes + k]
    for t in range(len(dx)):
        copy(dx[t], view(before, 0, (features, lanes)))


def mean_scratch(layer: Any, x: Sizes, y: Sizes) -> int:
    """The state before a window and after it."""
    return 2 * (x[1] + 1) * x[2]


def mean_state(layer: Any, x: Sizes) -> Sequence[int]:
    """Sum and number of steps."""
    return x[1], 1


def mean_over_time(layer: Any) -> LayerKernel:
    """MeanOverTime."""
    ragged = mean_forward_ragged, mean_backward_ragged
    linked = Linked(mean_pass_on, mean_linked)
    return LayerKernel(mean_forward, mean_backward, mean_scratch, mean_carry, mean_state, ragged=ragged, linked=linked)


@jit
def max_start(x: Array, y: Array, scratch: Array) -> None:
    """Before the first step: -inf."""
    fill(view(scratch, 0, (y.size,)), -np.inf)


@jit
def max_forward(x: Array, y: Array, scratch: Array) -> None:
    """y = the largest value of the steps before this window and of its own; NaN if there is one."""
    copy(y, view(scratch, 0, (y.size,)))
    for t in range(x.shape[0]):
        for i in range(x.shape[1]):
            for k in range(x.shape[2]):
                y[0, i, k] = maximum(x[t, i, k], y[0, i, k])


@jit
def max_forward_ragged(x: Array, y: Array, scratch: Array, lengths: Array) -> None:
    """The same, of the steps that a lane has."""
    copy(y, view(scratch, 0, (y.size,)))
    for t in range(x.shape[0]):
        for i in range(x.shape[1]):
            for k in range(x.shape[2]):
                larger = maximum(x[t, i, k], y[0, i, k])
                y[0, i, k] = larger if t < lengths[k] else y[0, i, k]


@jit
def max_backward(x: Array, y: Array, dy: Array, dx: Array, scratch: Array) -> None:
    """dx_t = dy where x_t is the first that is y, else 0; what of dy is left stands in scratch."""
    left = view(scratch, y.size, y.shape)
    copy(left, dy)
    for t in range(len(dx)):
        for i in range(dx.shape[1]):
            for k in range(dx.shape[2]):
                dx[t, i, k] = left[0, i, k] if x[t, i, k] == y[0, i, k] else dx.dtype.type(0)
            for k in range(dx.shape[2]):
                left[0, i, k] = left[0, i, k] if x[t, i, k] != y[0, i, k] else dx.dtype.type(0)


@jit
def max_backward_ragged(x: Array, y: Array, dy: Array, dx: Array, scratch: Array, lengths: Array) -> None:
    """The same: the first of them is among the steps that a lane has."""
    max_backward(x, y, dy, dx, scratch)


@jit
def max_carry(x: Array, y: Array, scratch: Array) -> None:
    """The largest values."""
    copy(view(scratch, 0, (y.size,)), y)


@jit
def max_pass_on(x: Array, y: Array, scratch: Array, to: Array) -> None:
    """The largest values, to another call."""
    copy(view(to, 0, (y.size,)), y)


@jit
def max_linked(
    x: Array, y: Array, dy: Array, dx: Array, scratch: Array, after: Array, before: Array
) -> None:  # fmt: skip
    """As `max_backward`, of dy and what comes from the next call; the rest is the gradient of the state before."""
    total = view(before, 0, y.shape)
    copy(total, dy)
    add_to(total, view(after, 0, y.shape))
    for i in range(y.shape[1]):
        for k in range(y.shape[2]):
            here = y[0, i, k] > scratch[i * y.shape[2] + k]
            left = total[0, i, k] if here else y.dtype.type(0)
            for t in range(len(dx)):
                dx[t, i, k] = left if x[t, i, k] == y[0, i, k] else y.dtype.type(0)
                left = left if x[t, i, k] != y[0, i, k] else y.dtype.type(0)
            total[0, i, k] = total[0, i, k] if not here else y.dtype.type(0)


def max_scratch(layer: Any, x: Sizes, y: Sizes) -> int:
    """The state, and what is left of a gradient."""
    return 2 * y[1] * y[2]


def max_state(layer: Any, x: Sizes) -> Sequence[int]:
    """The largest values."""
    return (x[1],)


def max_over_time(layer: Any) -> LayerKernel:
    """MaxOverTime."""
    ragged = max_forward_ragged, max_backward_ragged
    linked = Linked(max_pass_on, max_linked)
    return LayerKernel(
        max_forward, max_backward, max_scratch, max_carry, max_state, max_start, ragged=ragged, linked=linked
    )
