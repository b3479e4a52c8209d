"""Between layers: arrays added, put side by side, reversed in time, and lanes that have ended."""

from __future__ import annotations

from minidl.compiled.emit.products import copy, fill
from minidl.compiled.emit.vectors import view
from minidl.compiled.jit import jit
from minidl.compiled.kernel import LayerKernel
from minidl.core.layer import Array


@jit
def add_to(to: Array, a: Array) -> None:
    """to += a, both contiguous."""
    out, values = view(to, 0, (to.size,)), view(a, 0, (a.size,))
    for k in range(out.size):
        out[k] = out[k] + values[k]


@jit
def hold(to: Array, before: Array, lengths: Array, t: int) -> None:
    """Lanes that have ended before step t keep what they had."""
    for i in range(to.shape[0]):
        for j in range(to.shape[1]):
            for k in range(to.shape[2]):
                to[i, j, k] = to[i, j, k] if t < lengths[k] else before[i, j, k]


@jit
def place(x: Array, y: Array, scratch: Array, numbers: Array) -> None:
    """y_t[b : b + F] = x_t for x of F features, from feature b = ``numbers[0]`` on."""
    first, features = numbers[0], x.shape[1]
    for t in range(len(x)):
        copy(y[t, first : first + features], x[t])


@jit
def place_back(x: Array, y: Array, dy: Array, dx: Array, scratch: Array, numbers: Array) -> None:
    """dx_t = dy_t[b : b + F]."""
    first, features = numbers[0], x.shape[1]
    for t in range(len(dx)):
        copy(dx[t], dy[t, first : first + features])


@jit
def add(x: Array, y: Array, scratch: Array, numbers: Array) -> None:
    """y += x."""
    add_to(y, x)


@jit
def reverse(x: Array, y: Array, scratch: Array) -> None:
    """y_t = x_{T-1-t}."""
    for t in range(len(x)):
        copy(y[t], x[len(x) - 1 - t])


@jit
def reverse_back(x: Array, y: Array, dy: Array, dx: Array, scratch: Array) -> None:
    """dx_t = dy_{T-1-t}."""
    for t in range(len(dx)):
        copy(dx[t], dy[len(dx) - 1 - t])


@jit
def _reverse_lanes(x: Array, y: Array, lengths: Array) -> None:
    for t in range(x.shape[0]):
        for i in range(x.shape[1]):
            for k in range(x.shape[2]):
                y[t, i, k] = x[lengths[k] - 1 - t if t < lengths[k] else t, i, k]


@jit
def reverse_ragged(x: Array, y: Array, scratch: Array, lengths: Array) -> None:
    """Each lane from its last step to its first; the padding stays where it is."""
    _reverse_lanes(x, y, lengths)


@jit
def reverse_ragged_back(x: Array, y: Array, dy: Array, dx: Array, scratch: Array, lengths: Array) -> None:
    """The same for the gradient."""
    if dx.size:
        _reverse_lanes(dy, dx, lengths)


@jit
def put(x: Array, y: Array, scratch: Array, numbers: Array) -> None:
    """y_{to + t}[b : b + F] = x_{r + t} for t < n; `numbers` are r, n, to and b."""
    row, count, to, first = numbers[0], numbers[1], numbers[2], numbers[3]
    for t in range(count):
        copy(y[to + t, first : first + x.shape[1]], x[row + t])


@jit
def put_back(x: Array, y: Array, dy: Array, dx: Array, scratch: Array, numbers: Array) -> None:
    """dx_{r + t} = dy_{to + t}[b : b + F], which is then 0: what stood there before was not looked at."""
    row, count, to, first = numbers[0], numbers[1], numbers[2], numbers[3]
    for t in range(count):
        part = dy[to + t, first : first + x.shape[1]]
        if dx.size:
            copy(dx[row + t], part)
        fill(part, 0)


PUT = LayerKernel(put, put_back)
PLACED = LayerKernel(place, place_back)
ADDED = LayerKernel(add, place_back)
REVERSED = LayerKernel(reverse, reverse_back, ragged=(reverse_ragged, reverse_ragged_back))
