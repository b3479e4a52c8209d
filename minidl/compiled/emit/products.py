"""Products of weights with lanes, the arithmetic of all layers.

Arrays are (features, lanes) or (time, features, lanes), lanes contiguous and a
multiple of the vector width, or a single one; weights are (inputs, outputs) in any
layout, in C order for a single lane. Shapes must fit: nothing is checked. The results
are written in tiles of four rows and a
few vectors; rows and lanes that are left over, one by one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from numba import types

from minidl.compiled.emit.vectors import (
    COLUMNS,
    NARROW_BYTES,
    NOTHING,
    ROWS,
    VECTORS,
    EmittedArray,
    Emitter,
    Tile,
    intrinsic,
    view,
)
from minidl.compiled.jit import jit
from minidl.core.layer import Array

# Bytes of A and Z that `gradient` goes through at a time, so that they stay in the L2 cache; but not fewer
# time steps than this, for the sums over lanes at the end of each part would take too much of the time.
_CACHED = 1 << 19
_FEWEST = 4
_TILES = ROWS * COLUMNS
# Bytes of x that a product goes through at a time, so that they stay in the L1 cache for all rows; but not fewer rows.
_NEAR = 1 << 14
_FEWEST_ROWS = 32
# Weights, and lanes times steps, from which on it pays to rearrange the weights.
_LARGE = 1 << 12
_OFTEN = 1 << 10


def _runs(e: Emitter, first: Any, last: Any, step: int) -> tuple[tuple[Any, Any, int], ...]:
    """First, last and step of the whole tiles of an axis, and of what is left over."""
    whole = e.builder.add(first, e.rounded_down(e.builder.sub(last, first), step))
    return (first, whole, step), (whole, last, 1)


def _arrays(e: Emitter, signature: Any, args: Any) -> list[Any]:
    """The arguments: arrays, and whole numbers as they are."""
    pairs = zip(signature.args, args, strict=True)
    return [e.array(kind, value) if isinstance(kind, types.Array) else value for kind, value in pairs]


def _for_tiles(e: Emitter, out: EmittedArray, fill: Callable[[Tile, Any, Any], None]) -> None:
    """Write all of ``out`` (n, lanes): `fill(tile, i, lane)` computes the tile whose first row and lane these are.

    The weights of a tile's rows stay in the L1 cache for all lanes.
    """
    n, lanes = out.shape
    for first, last, rows in _runs(e, e.index(0), n, ROWS):
        with e.loop(first, last, rows) as i:
            first_lane = e.index(0)
            for part, vectors in ((e, VECTORS), (e, 1), (e.narrow(), 1)):
                last_lane = part.rounded_down(lanes, vectors * part.width)
                with part.loop(first_lane, last_lane, vectors * part.width) as lane:
                    tile = Tile(part, rows, vectors)
                    fill(tile, i, lane)
                    for r in range(rows):
                        for v in range(vectors):
                            part.store(tile.get(r, v), out.at((i, r), (lane, v * part.width)))
                first_lane = last_lane


def _add(tile: Tile, W: EmittedArray, x: EmittedArray, i: Any, lane: Any, first: Any, last: Any) -> None:
    """Tile[r, v] += Σ_k W[k, i + r] · x[k, lane + v · width ...], for k from `first` to `last`."""
    e = tile.emitter
    with e.loop(first, last) as k:
        right = [e.load(x.at(k, (lane, v * e.width))) for v in range(tile.columns)]
        tile.add_outer([e.spread(W.at(k, (i, r))) for r in range(tile.rows)], right)


def _start(e: Emitter, b: EmittedArray, row: Any, lane: Any) -> Any:
    return e.spread(b.at(row)) if b.type.ndim == 1 else e.load(b.at(row, lane))


@intrinsic
def _affine(typing: Any, out: Any, b: Any, W: Any, x: Any, V: Any, h: Any, of_x: Any, of_h: Any) -> Any:
    """out = b + Wᵀ x + Vᵀ h, of so many rows of x and of h; b has a number for each row, or for each lane as well."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emitter(context, builder, out.dtype)
        to, b_, W_, x_, V_, h_, of_x_, of_h_ = _arrays(e, signature, args)

        def fill(tile: Tile, i: Any, lane: Any) -> None:
            part = tile.emitter
            for r, v in itertools.product(range(tile.rows), range(tile.columns)):
                tile.set(r, v, _start(part, b_, (i, r), (lane, v * part.width)))
            _add(tile, W_, x_, i, lane, e.index(0), of_x_)
            _add(tile, V_, h_, i, lane, e.index(0), of_h_)

        _for_tiles(e, to, fill)
        return context.get_dummy_value()

    return NOTHING(out, b, W, x, V, h, types.int64, types.int64), emit


@intrinsic
def _add_product(typing: Any, out: Any, start: Any, W: Any, x: Any, first: Any, last: Any) -> Any:
    """out = start + Wᵀ x, of the rows of x from `first` to `last`."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emitter(context, builder, out.dtype)
        to, start_, W_, x_, first_, last_ = _arrays(e, signature, args)

        def fill(tile: Tile, i: Any, lane: Any) -> None:
            for r in range(tile.rows):
                for v in range(tile.columns):
                    tile.set(r, v, tile.emitter.load(start_.at((i, r), (lane, v * tile.emitter.width))))
            _add(tile, W_, x_, i, lane, first_, last_)

        _for_tiles(e, to, fill)
        return context.get_dummy_value()

    return NOTHING(out, start, W, x, types.int64, types.int64), emit


@jit
def _near(x: Array) -> int:
    """Rows of x that are gone through at a time."""
    return int(max(_FEWEST_ROWS, _NEAR // (x.shape[1] * x.itemsize)))


@jit
def _add_rest(out: Array, W: Array, x: Array, first: int) -> None:
    """out += Wᵀ x, of the rows of x from `first` on."""
    some = _near(x)
    for k in range(first, len(x), some):
        _add_product(out, out, W, x, k, min(k + some, len(x)))


@jit
def _one_lane(out: Array, start: Array, W: Array, x: Array, V: Array, h: Array) -> None:
    """out = start + Wᵀ x + Vᵀ h of a single lane: rows of the weights take the place of the lanes of x and h."""
    n = out.size
    whole = n - n % (NARROW_BYTES // out.itemsize)
    _affine(view(out, 0, (1, whole)), view(start, 0, (1, whole)), x, W, h, V, len(x), len(h))
    before = view(start, 0, (n,))
    for i in range(whole, n):
        total = before[i]
        for k in range(len(x)):
            total += W[k, i] * x[k, 0]
        for k in range(len(h)):
            total += V[k, i] * h[k, 0]
        out[i, 0] = total


@jit
def affine(out: Array, b: Array, W: Array, x: Array, V: Array, h: Array) -> None:
    """out = b + Wᵀ x + Vᵀ h, for every lane."""
    if out.shape[1] == 1:
        _one_lane(out, b, W, x, V, h)
        return
    some = _near(x)
    of_h = min(len(h), some) if len(x) <= some else 0
    _affine(out, b, W, x, V, h, min(len(x), some), of_h)
    _add_rest(out, W, x, some)
    _add_rest(out, V, h, of_h)


@jit
def add_product(out: Array, start: Array, W: Array, x: Array) -> None:
    """out = start + Wᵀ x, for every lane; `start` may be `out` itself."""
    if out.shape[1] == 1:
        _one_lane(out, start, W, x, W, x[:0])
        return
    some = _near(x)
    _add_product(out, start, W, x, 0, min(len(x), some))
    _add_rest(out, W, x, some)


@jit
def side_by_side(to: Array, W: Array, uses: int) -> Array:
    """W with the weights of each output side by side, in `to` (outputs, inputs), if it is used so many times.

    In the rows of a large W they lie far apart, each in a cache line of its own.
    """
    if W.size < _LARGE or uses < _OFTEN:
        return W
    for i in range(W.shape[1]):
        for k in range(W.shape[0]):
            to[i, k] = W[k, i]
    return to.T


@intrinsic
def _add_gradient(typing: Any, G: Any, A: Any, Z: Any, top: Any, bottom: Any, left: Any, right: Any) -> Any:
    """G[i, j] += Σ over time and lanes of A[t, i] · Z[t, j], for i from `top` and j from `left` on."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emitter(context, builder, G.dtype)
        to, A_, Z_, top_, bottom_, left_, right_ = _arrays(e, signature, args)
        time, lanes = A_.shape[0], A_.shape[2]

        def tile_at(rows: int, columns: int, i: Any, j: Any) -> None:
            tile = Tile(e, rows, columns)
            tile.clear()
            with e.loop(e.index(0), time) as t, e.loop(e.index(0), lanes, e.width) as lane:
                factors = [e.load(A_.at(t, (i, r), lane)) for r in range(rows)]
                tile.add_outer(factors, [e.load(Z_.at(t, (j, c), lane)) for c in range(columns)])
            for r in range(rows):
                for c in range(columns):
                    place = to.at((i, r), (j, c))
                    builder.store(builder.fadd(builder.load(place), e.sum(tile.get(r, c))), place)

        for first, last, rows in _runs(e, top_, bottom_, ROWS):
            with e.loop(first, last, rows) as i:
                for start, stop, columns in _runs(e, left_, right_, COLUMNS):
                    with e.loop(start, stop, columns) as j:
                        tile_at(rows, columns, i, j)
        return context.get_dummy_value()

    return NOTHING(G, A, Z, *[types.int64] * 4), emit


@jit
def fill(a: Array, value: float) -> None:
    """Set all entries of a contiguous array."""
    flat = view(a, 0, (a.size,))
    for k in range(flat.size):
        flat[k] = value


@jit
def copy(to: Array, a: Array) -> None:
    """Set the entries of a contiguous array to those of another one."""
    out, values = view(to, 0, (to.size,)), view(a, 0, (a.size,))
    for k in range(out.size):
        out[k] = values[k]


@jit
def gradient(G: Array, A: Array, Z: Array) -> None:
    """G[i, j] = sum over time and lanes of A[t, i] · Z[t, j]."""
    time, P, lanes = A.shape
    Q = Z.shape[1]
    some = max(_FEWEST, _CACHED // ((P + Q) * lanes * A.itemsize))
    block = _CACHED // 2 // (some * lanes * A.itemsize) // _TILES * _TILES + _TILES
    for i in range(P):
        for j in range(Q):
            G[i, j] = 0
    for first in range(0, time, some):
        last = min(first + some, time)
        for i in range(0, P, block):
            for j in range(0, Q, block):
                _add_gradient(G, A[first:last], Z[first:last], i, min(i + block, P), j, min(j + block, Q))


@intrinsic
def sums(typing: Any, g: Any, A: Any) -> Any:
    """g[i] = sum over time and lanes of A[t, i]."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emitter(context, builder, g.dtype)
        to, A_ = _arrays(e, signature, args)
        for first, last, rows in _runs(e, e.index(0), to.shape[0], ROWS):
            with e.loop(first, last, rows) as i:
                tile = Tile(e, rows, 1)
                tile.clear()
                with e.loop(e.index(0), A_.shape[0]) as t, e.loop(e.index(0), A_.shape[2], e.width) as lane:
                    for r in range(rows):
                        tile.set(r, 0, builder.fadd(tile.get(r, 0), e.load(A_.at(t, (i, r), lane))))
                for r in range(rows):
                    builder.store(e.sum(tile.get(r, 0)), to.at((i, r)))
        return context.get_dummy_value()

    return NOTHING(g, A), emit
