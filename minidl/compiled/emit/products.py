"""Products of weights with lanes, the arithmetic of all layers.

Arrays are (features, lanes) or (time, features, lanes), lanes contiguous and a
multiple of the vector width; weights are (inputs, outputs) in any layout. Shapes
must fit: nothing is checked. The results are written in tiles of four rows and a
few vectors; rows and lanes that are left over, one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.compiled.emit.vectors import COLUMNS, NOTHING, ROWS, VECTORS, EmittedArray, Emitter, Tile, intrinsic, view
from minidl.compiled.jit import jit
from minidl.core.layer import Array

# Bytes of A and Z that `gradient` goes through at a time, so that they stay in the L2 cache; but not fewer
# time steps than this, for the sums over lanes at the end of each part would take too much of the time.
_CACHED = 1 << 19
_FEWEST = 4


def _for_tiles(e: Emitter, out: EmittedArray, fill: Callable[[Tile, Any, Any], None]) -> None:
    """Write all of ``out`` (n, lanes): `fill(tile, i, lane)` computes the tile whose first row and lane these are."""
    n, lanes = out.shape
    rows_end = e.rounded_down(n, ROWS)
    first_lane = e.index(0)
    for part, vectors in ((e, VECTORS), (e, 1), (e.narrow(), 1)):
        last_lane = part.rounded_down(lanes, vectors * part.width)
        with part.loop(first_lane, last_lane, vectors * part.width) as lane:
            for first, last, rows in ((e.index(0), rows_end, ROWS), (rows_end, n, 1)):
                with part.loop(first, last, rows) as i:
                    tile = Tile(part, rows, vectors)
                    fill(tile, i, lane)
                    for r in range(rows):
                        for v in range(vectors):
                            part.store(tile.get(r, v), out.at((i, r), (lane, v * part.width)))
        first_lane = last_lane


def _add(tile: Tile, W: EmittedArray, x: EmittedArray, i: Any, lane: Any) -> None:
    """Tile[r, v] += Σ_k W[k, i + r] · x[k, lane + v · width ...]."""
    e = tile.emitter
    with e.loop(e.index(0), x.shape[0]) as k:
        right = [e.load(x.at(k, (lane, v * e.width))) for v in range(tile.columns)]
        tile.add_outer([e.spread(W.at(k, (i, r))) for r in range(tile.rows)], right)


@intrinsic
def affine(typing: Any, out: Any, b: Any, W: Any, x: Any, V: Any, h: Any) -> Any:
    """out = b + Wᵀ x + Vᵀ h, for every lane."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emitter(context, builder, out.dtype)
        to, b_, W_, x_, V_, h_ = (e.array(kind, value) for kind, value in zip(signature.args, args, strict=True))

        def fill(tile: Tile, i: Any, lane: Any) -> None:
            for r in range(tile.rows):
                start = tile.emitter.spread(b_.at((i, r)))
                for v in range(tile.columns):
                    tile.set(r, v, start)
            _add(tile, W_, x_, i, lane)
            _add(tile, V_, h_, i, lane)

        _for_tiles(e, to, fill)
        return context.get_dummy_value()

    return NOTHING(out, b, W, x, V, h), emit


@intrinsic
def add_product(typing: Any, out: Any, start: Any, W: Any, x: Any) -> Any:
    """out = start + Wᵀ x, for every lane; `start` may be `out` itself."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emitter(context, builder, out.dtype)
        to, start_, W_, x_ = (e.array(kind, value) for kind, value in zip(signature.args, args, strict=True))

        def fill(tile: Tile, i: Any, lane: Any) -> None:
            for r in range(tile.rows):
                for v in range(tile.columns):
                    tile.set(r, v, tile.emitter.load(start_.at((i, r), (lane, v * tile.emitter.width))))
            _add(tile, W_, x_, i, lane)

        _for_tiles(e, to, fill)
        return context.get_dummy_value()

    return NOTHING(out, start, W, x), emit


@intrinsic
def _add_gradient(typing: Any, G: Any, A: Any, Z: Any) -> Any:
    """G[i, j] += Σ over time and lanes of A[t, i] · Z[t, j]."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emitter(context, builder, G.dtype)
        to, A_, Z_ = (e.array(kind, value) for kind, value in zip(signature.args, args, strict=True))
        time, lanes = A_.shape[0], A_.shape[2]

        def tile_at(rows: int, columns: int, i: Any, j: Any) -> None:
            tile = Tile(e, rows, columns)
            tile.clear()
            with e.loop(e.index(0), time) as t, e.loop(e.index(0), lanes, e.width) as lane:
                left = [e.load(A_.at(t, (i, r), lane)) for r in range(rows)]
                tile.add_outer(left, [e.load(Z_.at(t, (j, c), lane)) for c in range(columns)])
            for r in range(rows):
                for c in range(columns):
                    place = to.at((i, r), (j, c))
                    builder.store(builder.fadd(builder.load(place), e.sum(tile.get(r, c))), place)

        rows_end, columns_end = e.rounded_down(to.shape[0], ROWS), e.rounded_down(to.shape[1], COLUMNS)
        for first, last, rows in ((e.index(0), rows_end, ROWS), (rows_end, to.shape[0], 1)):
            with e.loop(first, last, rows) as i:
                for start, stop, columns in ((e.index(0), columns_end, COLUMNS), (columns_end, to.shape[1], 1)):
                    with e.loop(start, stop, columns) as j:
                        tile_at(rows, columns, i, j)
        return context.get_dummy_value()

    return NOTHING(G, A, Z), emit


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
    some = max(_FEWEST, _CACHED // ((P + Z.shape[1]) * lanes * A.itemsize))
    for i in range(G.shape[0]):
        for j in range(G.shape[1]):
            G[i, j] = 0
    for first in range(0, time, some):
        last = min(first + some, time)
        _add_gradient(G, A[first:last], Z[first:last])


@intrinsic
def sums(typing: Any, g: Any, A: Any) -> Any:
    """g[i] = sum over time and lanes of A[t, i]."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emitter(context, builder, g.dtype)
        to, A_ = (e.array(kind, value) for kind, value in zip(signature.args, args, strict=True))
        rows_end = e.rounded_down(to.shape[0], ROWS)
        for first, last, rows in ((e.index(0), rows_end, ROWS), (rows_end, to.shape[0], 1)):
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
