"""What the function of a whole stack calls besides the layers' kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from minidl.compiled.jit import jit, jit_sum
from minidl.compiled.vectors import NOTHING, VECTOR_BYTES, Emitter, borrow, intrinsic, transposed, view
from minidl.layer import Array


@intrinsic
def _gather_block(typing: Any, flat: Any, q: Any, k: Any, inputs: Any, starts: Any, position: Any, n: Any) -> Any:
    """flat[q + i, k + lane] = inputs[start of lane + q + i], as many i as lanes: rows read, columns written."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emitter(context, builder, flat.dtype)
        to, source, places = (e.array(signature.args[i], args[i]) for i in (0, 3, 4))
        q_, k_, position_, last = args[1], args[2], args[5], builder.sub(args[6], e.index(1))
        rows = []
        for lane in range(e.width):
            own = builder.add(k_, e.index(lane))
            own = builder.select(builder.icmp_signed("<", own, last), own, last)
            start = builder.load(places.at(builder.add(position_, own)))
            rows.append(e.load(source.at(builder.add(start, q_))))
        for i, column in enumerate(transposed(e, rows)):
            e.store(column, to.at((q_, i), k_))
        return context.get_dummy_value()

    whole = types.int64
    return NOTHING(flat, whole, whole, inputs, starts, whole, whole), emit


@jit
def gather_inputs(x: Array, inputs: Array, starts: Array, position: int, n: int) -> None:
    """Windows into lanes: lane k gets the T·F values from ``starts[position + k]`` on; the last window fills up."""
    time, features, lanes = x.shape
    size, width = time * features, VECTOR_BYTES // x.itemsize
    flat = view(x, 0, (size, lanes))
    if size < width:
        for k in range(lanes):
            start = starts[position + min(k, n - 1)]
            for q in range(size):
                flat[q, k] = inputs[start + q]
        return
    for k in range(0, lanes, width):
        for q in range(0, size, width):
            # The last block begins a little earlier and writes some values twice.
            _gather_block(flat, min(q, size - width), k, inputs, starts, position, n)


@jit
def gather_targets(target: Array, targets: Array, starts: Array, step: int, position: int, n: int) -> None:
    """Targets into the first n lanes: time step t of a window lies `step` values after the one before."""
    for k in range(n):
        start = starts[position + k]
        for t in range(target.shape[0]):
            for i in range(target.shape[1]):
                target[t, i, k] = targets[start + t * step + i]


@jit
def spread_inputs(x: Array, inputs: Array, first: int, n: int) -> None:
    """Windows ``inputs[first : first + n]``, (n, time · features), into lanes; other lanes keep what they have."""
    time, features, lanes = x.shape
    flat = view(x, 0, (time * features, lanes))
    for k in range(n):
        for q in range(len(flat)):
            flat[q, k] = inputs[first + k, q]


@jit
def collect_outputs(outputs: Array, y: Array, first: int, n: int) -> None:
    """The first n lanes into rows of ``outputs``, (N, time · features)."""
    flat = view(y, 0, (y.shape[0] * y.shape[1], y.shape[2]))
    for k in range(n):
        for q in range(len(flat)):
            outputs[first + k, q] = flat[q, k]


@jit_sum
def sum_of_squares(values: Array) -> Any:
    """Σ v²."""
    total = values.dtype.type(0)
    for value in values:
        total += value * value
    return total


@jit
def scale(values: Array, factor: float) -> None:
    """Multiply in place."""
    f = values.dtype.type(factor)
    for k in range(values.size):
        values[k] *= f


@jit
def all_finite(values: Array) -> bool:
    """Whether there is no NaN and no infinity."""
    good = True
    for value in values:
        good = good and np.isfinite(value)
    return good


NAMES: dict[str, Any] = {
    "all_finite": all_finite,
    "borrow": borrow,
    "collect_outputs": collect_outputs,
    "gather_inputs": gather_inputs,
    "gather_targets": gather_targets,
    "isfinite": np.isfinite,
    "scale": scale,
    "spread_inputs": spread_inputs,
    "sum_of_squares": sum_of_squares,
    "view": view,
}
