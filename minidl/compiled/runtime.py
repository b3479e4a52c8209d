"""What the function of a whole stack calls besides the layers' kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from minidl.compiled.emit.pcg64 import draw_masks
from minidl.compiled.emit.products import copy, fill
from minidl.compiled.emit.vectors import (
    NOTHING,
    VECTOR_BYTES,
    EmittedArray,
    Emitter,
    borrow,
    intrinsic,
    transposed,
    view,
)
from minidl.compiled.emit.waiting import all_heard, heard, say
from minidl.compiled.jit import jit, jit_sum
from minidl.compiled.kernels.glue import add_to
from minidl.core.layer import Array


def _transpose_block(e: Emitter, to: EmittedArray, q: Any, k: Any, rows: list[Any]) -> None:
    """to[q + i, k + lane] = number i from the pointer ``rows[lane]`` on: rows read, columns written."""
    for i, column in enumerate(transposed(e, [e.load(row) for row in rows])):
        e.store(column, to.at((q, i), k))


def _lanes(e: Emitter, k: Any, n: Any) -> list[Any]:
    """The numbers k + lane of all lanes, but n - 1 at most."""
    last = e.builder.sub(n, e.index(1))
    numbers = [e.builder.add(k, e.index(lane)) for lane in range(e.width)]
    return [e.builder.select(e.builder.icmp_signed("<", own, last), own, last) for own in numbers]


@intrinsic
def _gather_block(typing: Any, flat: Any, q: Any, k: Any, inputs: Any, starts: Any, position: Any, n: Any) -> Any:
    """flat[q + i, k + lane] = inputs[start of lane + q + i], as many i as lanes."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emitter(context, builder, flat.dtype)
        to, source, places = (e.array(signature.args[i], args[i]) for i in (0, 3, 4))
        starts_ = [builder.load(places.at(builder.add(args[5], own))) for own in _lanes(e, args[2], args[6])]
        _transpose_block(e, to, args[1], args[2], [source.at(builder.add(start, args[1])) for start in starts_])
        return context.get_dummy_value()

    whole = types.int64
    return NOTHING(flat, whole, whole, inputs, starts, whole, whole), emit


@intrinsic
def _spread_block(typing: Any, flat: Any, q: Any, k: Any, inputs: Any, first: Any, n: Any) -> Any:
    """flat[q + i, k + lane] = inputs[first + k + lane, q + i], as many i as lanes."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emitter(context, builder, flat.dtype)
        to, source = (e.array(signature.args[i], args[i]) for i in (0, 3))
        rows = [source.at(builder.add(args[4], own), args[1]) for own in _lanes(e, args[2], args[5])]
        _transpose_block(e, to, args[1], args[2], rows)
        return context.get_dummy_value()

    whole = types.int64
    return NOTHING(flat, whole, whole, inputs, whole, whole), emit


@jit
def gather_inputs(x: Array, inputs: Array, starts: Array, position: int, n: int) -> None:
    """Windows into lanes: lane k gets the T·F values from ``starts[position + k]`` on; the last window fills up."""
    time, features, lanes = x.shape
    size, width = time * features, VECTOR_BYTES // x.itemsize
    flat = view(x, 0, (size, lanes))
    if size < width:
        for q in range(size):
            row = view(flat, q * lanes, (lanes,))
            for k in range(n):
                row[k] = inputs[starts[position + k] + q]
            for k in range(n, lanes):
                row[k] = row[n - 1]
        return
    for k in range(0, lanes, width):
        for q in range(0, size, width):
            # The last block begins a little earlier and writes some values twice.
            _gather_block(flat, min(q, size - width), k, inputs, starts, position, n)


@jit
def gather_masks(mask: Array, drawn: Array, ranks: Array, position: int, n: int) -> None:
    """Masks into the first n lanes; that of an example stands in lane ``ranks[position + k]`` of `drawn`."""
    flat = view(mask, 0, (len(drawn), mask.shape[2]))
    for q in range(len(drawn)):
        for k in range(n):
            flat[q, k] = drawn[q, ranks[position + k]]


@jit
def gather_targets(target: Array, targets: Array, starts: Array, step: int, position: int, n: int) -> None:
    """Targets into the first n lanes: time step t of a window lies `step` values after the one before."""
    for t in range(target.shape[0]):
        for i in range(target.shape[1]):
            first = t * step + i
            for k in range(n):
                target[t, i, k] = targets[starts[position + k] + first]


@jit
def gather_lengths(lengths: Array, given: Array, position: int, n: int) -> None:
    """Time steps of the windows in the lanes; the last window fills up."""
    for k in range(lengths.size):
        lengths[k] = given[position + min(k, n - 1)]


@jit
def gather_held(x: Array, source: Array, starts: Array, step: int, lengths: Array, position: int, n: int) -> None:
    """Windows into lanes, time steps `step` values apart; the last step of each stands in its padding too."""
    time, features, lanes = x.shape
    for k in range(lanes):
        start, last = starts[position + min(k, n - 1)], lengths[k] - 1
        for t in range(time):
            first = start + min(t, last) * step
            for i in range(features):
                x[t, i, k] = source[first + i]


@jit
def sum_of_weights(
    share: Array, weights: Array, starts: Array, steps: Array, lengths: Array, position: int, n: int
) -> float:
    """Of n examples from a position on, without their padding; `lengths` begin with that of the first."""
    time, features = share.shape[:2]
    total = 0.0
    for k in range(n):
        for t in range(min(time, lengths[k])):
            for i in range(features):
                total += weights[starts[position + k] + t * steps[0] + i * steps[1]]
    return total


@jit
def share_out(
    share: Array, weights: Array, starts: Array, steps: Array, lengths: Array, position: int, n: int, total: float
) -> None:
    """Weights of the first n lanes as shares of `total`, 0 in the padding; all are 0 where `total` is 0."""
    time, features = share.shape[:2]
    factor = 1 / total if total > 0 else 0.0
    fill(share, 0)
    for k in range(n):
        for t in range(min(time, lengths[k])):
            for i in range(features):
                share[t, i, k] = factor * weights[starts[position + k] + t * steps[0] + i * steps[1]]


@jit
def gather_shares(
    share: Array, weights: Array, starts: Array, steps: Array, lengths: Array, position: int, n: int
) -> None:
    """Of the sum of weights in the first n lanes, but not in the padding; all are 0 where that sum is 0."""
    total = sum_of_weights(share, weights, starts, steps, lengths, position, n)
    share_out(share, weights, starts, steps, lengths, position, n, total)


@jit
def spread_inputs(x: Array, inputs: Array, first: int, n: int) -> None:
    """n windows from the one numbered `first` on into lanes; other lanes hold what they may.

    `inputs` has all windows one after the other, whatever its axes.
    """
    time, features, lanes = x.shape
    size, width = time * features, VECTOR_BYTES // x.itemsize
    flat, inputs = view(x, 0, (size, lanes)), view(inputs, 0, (first + n, size))
    if size < width or lanes % width:
        for k in range(n):
            for q in range(size):
                flat[q, k] = inputs[first + k, q]
        return
    for k in range(0, n, width):
        for q in range(0, size, width):
            # The last block begins a little earlier and writes some values twice.
            _spread_block(flat, min(q, size - width), k, inputs, first, n)


@jit
def collect_outputs(outputs: Array, y: Array, first: int, n: int) -> None:
    """The first n lanes into rows of ``outputs``, (N, time · features)."""
    flat = view(y, 0, (y.shape[0] * y.shape[1], y.shape[2]))
    for k in range(n):
        for q in range(len(flat)):
            outputs[first + k, q] = flat[q, k]


@jit
def scale(values: Array, factor: float) -> None:
    """values *= factor, all of a contiguous array."""
    flat = view(values, 0, (values.size,))
    number = values.dtype.type(factor)
    for k in range(flat.size):
        flat[k] *= number


@jit_sum
def sum_of_squares(values: Array) -> Any:
    """Σ v²."""
    total = values.dtype.type(0)
    for k in range(values.size):
        total += values[k] * values[k]
    return total


@jit
def clip(values: Array, square: float, limit: float) -> None:
    """Scale down in place to a norm of `limit` at most; `square` is their sum of squares if that is a good number."""
    norm = square**0.5
    if not 1e-30 < square < np.inf:  # squares of float32 overflow, or vanish
        largest = 0.0
        for value in values:
            largest = max(largest, float(abs(value)))
        total = 0.0
        for value in values:
            part = value / largest if largest > 0 else 0.0
            total += part * part
        norm = largest * total**0.5
    if norm > limit:
        factor = limit / norm
        for k in range(values.size):
            values[k] *= factor


@jit
def clamp(values: Array, limit: float) -> None:
    """Bring every number to ±`limit` at most, in place."""
    most = values.dtype.type(limit)
    for k in range(values.size):
        values[k] = min(max(values[k], -most), most)


@jit
def follow(average: Array, params: Array, share: float) -> None:
    """a ← a + share (p - a); nothing where there is no average."""
    fresh = average.dtype.type(share)
    for k in range(average.size):
        average[k] += fresh * (params[k] - average[k])


@jit_sum
def _sum(values: Array) -> Any:
    total = 0.0
    for k in range(values.size):
        total += values[k]
    return total


@jit
def finite(values: Array) -> bool:
    """Whether there is no NaN and no infinity: quick where the sum is finite."""
    return bool(np.isfinite(_sum(values))) or all_finite(values)


@jit
def all_finite(values: Array) -> bool:
    """Whether there is no NaN and no infinity."""
    good = True
    for value in values:
        good = good and np.isfinite(value)
    return good


NAMES: dict[str, Any] = {
    "add_to": add_to,
    "all_finite": all_finite,
    "all_heard": all_heard,
    "borrow": borrow,
    "clamp": clamp,
    "clip": clip,
    "collect_outputs": collect_outputs,
    "copy": copy,
    "draw_masks": draw_masks,
    "fill": fill,
    "gather_held": gather_held,
    "gather_inputs": gather_inputs,
    "gather_lengths": gather_lengths,
    "gather_masks": gather_masks,
    "gather_shares": gather_shares,
    "gather_targets": gather_targets,
    "finite": finite,
    "follow": follow,
    "heard": heard,
    "isfinite": np.isfinite,
    "say": say,
    "scale": scale,
    "share_out": share_out,
    "spread_inputs": spread_inputs,
    "sum_of_squares": sum_of_squares,
    "sum_of_weights": sum_of_weights,
    "view": view,
}
