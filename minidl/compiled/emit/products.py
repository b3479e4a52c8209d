"""Products of weights with lanes, the arithmetic of all layers.

Arrays are (features, lanes) or (time, features, lanes), lanes contiguous and a multiple of the vector width, or a
single one; weights are (inputs, outputs) in any layout, in C order for a single lane. Shapes must fit: nothing is
checked. The results are written in tiles of four rows and a few vectors; rows and lanes that are left over, one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from numba import types

from minidl.compiled.emit.vectors import (
    COLUMNS,
    NOTHING,
    ROWS,
    VECTORS,
    EmittedArray,
    Emitter,
    OneNumber,
    Tile,
    intrinsic,
    view,
)
from minidl.compiled.jit import jit
from minidl.core.layer import Array

# Bytes of A and Z that `gradient` goes through at a time, so that they stay in the L2 cache; but not fewer
# time steps than this, for the sums over lanes at the end of each part would take too much of the time; nor more,
# where a step has a page, than fit the L1 cache, in which numbers pages apart have the same few places.
_CACHED, _PAGE = 1 << 19, 1 << 12
_FEWEST, _MOST = 4, 8
_TILES = ROWS * COLUMNS
# Bytes of x that a product goes through at a time, so that they stay in the L1 cache for all rows; but not fewer rows.
_NEAR = 1 << 14
_FEWEST_ROWS = 32
# Weights, and lanes times steps, from which on it pays to rearrange the weights.
_LARGE, _OFTEN = 1 << 12, 1 << 9


def _runs(e: Emitter, first: Any, last: Any, most: int) -> Iterator[tuple[Any, Any, int]]:
    """First, last and step of the largest tiles of an axis, of those of two, and of what is left over.

    A sum waits for its last term, so a single row has too few sums to do meanwhile: two together take the time of one.
    """
    for step in (most, 2, 1):
        whole = e.builder.add(first, e.rounded_down(e.builder.sub(last, first), step))
        yield first, whole, step
        first = whole


def _arrays(e: Emitter, signature: Any, args: Any) -> list[Any]:
    """The arguments: arrays, and whole numbers as they are."""
    pairs = zip(signature.args, args, strict=True)
    return [e.array(kind, value) if isinstance(kind, types.Array) else value for kind, value in pairs]


class _Turned:
    """An array (n, 1) as (1, n): what stands in a single lane takes the place of the lanes."""

    def __init__(self, array: EmittedArray) -> None:
        self.array, self.shape = array, array.shape[::-1]

    def at(self, i: Any, lane: Any) -> Any:
        return self.array.at(lane, i)


def _for_tiles(
    e: Emitter, out: EmittedArray | _Turned, rows: tuple[int, ...], fill: Callable[[Tile, Any, Any], None]
) -> None:
    """Write all of ``out`` (n, lanes): `fill(tile, i, lane)` computes the tile whose first row and lane these are.

    The weights of a tile's rows stay in the L1 cache for all lanes.
    """
    parts = [*((e, vectors) for vectors in VECTORS), (e.narrow(), 1)]
    if isinstance(out, _Turned):  # any number of outputs
        parts.append((OneNumber(e.context, e.builder, e.dtype), 1))
    first_row = e.index(0)
    for height in rows:
        last_row = e.rounded_down(out.shape[0], height)
        with e.loop(first_row, last_row, height) as i:
            first_lane = e.index(0)
            for part, vectors in parts:
                last_lane = part.rounded_down(out.shape[1], vectors * part.width)
                with part.loop(first_lane, last_lane, vectors * part.width) as lane:
                    tile = Tile(part, height, vectors)
                    fill(tile, i, lane)
                    for r, v in tile.places():
                        part.store(tile.get(r, v), out.at((i, r), (lane, v * part.width)))
                first_lane = last_lane
        first_row = last_row


def _add(tile: Tile, W: EmittedArray, x: EmittedArray, i: Any, lane: Any, first: Any, last: Any) -> None:
    """Tile[r, v] += Σ_k W[k, i + r] · x[k, lane + v · width ...], for k from `first` to `last`."""
    e = tile.emitter
    with e.walk(e.builder.sub(last, first), (W, W.at(first, i)), (x, x.at(first, lane))) as (weights, numbers):
        right = [e.load(x.moved(numbers, 1, v * e.width)) for v in range(tile.columns)]
        tile.add_outer([e.spread(W.moved(weights, 1, r)) for r in range(tile.rows)], right)


def _load(tile: Tile, array: EmittedArray | _Turned, i: Any, lane: Any) -> None:
    e = tile.emitter
    for r, v in tile.places():
        tile.set(r, v, e.load(array.at((i, r), (lane, v * e.width))))


def _product(
    e: Emitter, out: EmittedArray, start: EmittedArray, pairs: list[tuple[EmittedArray, EmittedArray]]
) -> None:
    """out = start + Σ Wᵀ x of all pairs (W, x), in parts of x that stay in the L1 cache for all rows of out.

    `start` has a number for each row, or is as large as out.
    """
    ends = [e.index(0)]
    for _, x in pairs:
        ends.append(e.builder.add(ends[-1], x.shape[0]))
    some = e.larger(e.index(_FEWEST_ROWS), e.builder.sdiv(e.index(_NEAR // e.itemsize), out.shape[1]))
    with e.loop(e.index(0), e.larger(ends[-1], e.index(1)), some) as first:
        last = e.builder.add(first, some)
        begins = e.builder.icmp_signed("==", first, e.index(0))

        def fill(tile: Tile, i: Any, lane: Any) -> None:
            with e.builder.if_else(begins) as (begin, go_on):
                with begin:
                    if start.type.ndim == 1:
                        for r, v in tile.places():
                            tile.set(r, v, tile.emitter.spread(start.at((i, r))))
                    else:
                        _load(tile, start, i, lane)
                with go_on:
                    _load(tile, out, i, lane)
            for (W, x), before in zip(pairs, ends, strict=False):
                inside = [
                    e.smaller(e.larger(e.builder.sub(row, before), e.index(0)), x.shape[0]) for row in (first, last)
                ]
                _add(tile, W, x, i, lane, *inside)

        _for_tiles(e, out, (ROWS, 1), fill)


def _one_lane(
    e: Emitter, out: EmittedArray, start: EmittedArray, pairs: list[tuple[EmittedArray, EmittedArray]]
) -> None:
    """The same of a single lane."""

    def fill(tile: Tile, i: Any, lane: Any) -> None:
        if start.type.ndim == 1:
            for r, v in tile.places():
                tile.set(r, v, tile.emitter.load(start.at((lane, v * tile.emitter.width))))
        else:
            _load(tile, _Turned(start), i, lane)
        for W, x in pairs:
            _add(tile, x, W, i, lane, e.index(0), x.shape[0])

    _for_tiles(e, _Turned(out), (1,), fill)


def _forward(kinds: tuple[Any, ...], *, single: bool) -> Any:
    """Writes ``out = start + Σ Wᵀ x`` of arguments out, start, W, x, W, x ..., for lanes, and also a `single` one."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emitter(context, builder, kinds[0].dtype)
        out, start, *rest = _arrays(e, signature, args)
        pairs = list(zip(rest[::2], rest[1::2], strict=True))
        if not single:
            _product(e, out, start, pairs)
            return context.get_dummy_value()
        with builder.if_else(builder.icmp_signed("==", out.shape[1], e.index(1))) as (one, many):
            with one:
                _one_lane(e, out, start, pairs)
            with many:
                _product(e, out, start, pairs)
        return context.get_dummy_value()

    return NOTHING(*kinds), emit


@intrinsic
def affine(typing: Any, out: Any, b: Any, W: Any, x: Any, V: Any, h: Any) -> Any:
    """out = b + Wᵀ x + Vᵀ h, for every lane."""
    return _forward((out, b, W, x, V, h), single=True)


@intrinsic
def affine_lanes(typing: Any, out: Any, b: Any, W: Any, x: Any, V: Any, h: Any) -> Any:
    """The same where lanes are vectors."""
    return _forward((out, b, W, x, V, h), single=False)


@intrinsic
def add_product(typing: Any, out: Any, start: Any, W: Any, x: Any) -> Any:
    """out = start + Wᵀ x, where lanes are vectors; `start` may be `out` itself."""
    return _forward((out, start, W, x), single=False)


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
            for r, c in tile.places():
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
    step = (P + Q) * lanes * A.itemsize
    some = max(_FEWEST, min(_MOST if step >= _PAGE else time, _CACHED // step))
    block = _CACHED // 2 // (some * lanes * A.itemsize) // _TILES * _TILES + _TILES
    for i in range(P):
        for j in range(Q):
            G[i, j] = 0
    for first in range(0, time, some):
        last = min(first + some, time)
        for i in range(0, P, block):
            for j in range(0, Q, block):
                _add_gradient(G, A[first:last], Z[first:last], i, min(i + block, P), j, min(j + block, Q))


@jit
def add_gradient(G: Array, A: Array, Z: Array) -> None:
    """The same of a few time steps, added to what stands there."""
    _add_gradient(G, A, Z, 0, A.shape[1], 0, Z.shape[1])


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
