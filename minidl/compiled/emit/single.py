"""A step of a cell for a single lane: vectors of units in place of lanes, and what is multiplied stays in registers.

Units are rounded up to whole short vectors, so that a step has next to no branches:
each step of one window waits for the one before, and for each branch that is foretold wrongly.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from minidl.compiled.emit.programs import Instruction, run
from minidl.compiled.emit.vectors import NARROW_BYTES, NOTHING, VECTOR_BYTES, EmittedArray, Emitter, Tile, intrinsic
from minidl.core.layer import Array

# Bytes of the vectors that units are taken by.
_SIZES = tuple(size for size in (64, 32, NARROW_BYTES) if size <= VECTOR_BYTES)
# Rows of the weights that are multiplied in a row, and how many sums their products go to in turn.
_UNROLLED, _SUMS = 4, 2


class SingleStep(NamedTuple):
    """One product of a step, and the equations that follow it.

    Parameters
    ----------
    instructions : a program of `minidl.compiled.emit.programs`; its first array is that of the slots.
    fed : how many slots x is multiplied for; they are the first.
    multiplied : the slots that this product is added to, in the order of its weights.
    before : those that products before it have been added to.
    last : whether no other one follows.
    blocks : whether the weights are zero outside of blocks.
    """

    instructions: tuple[Instruction, ...]
    fed: int
    multiplied: tuple[int, ...]
    before: tuple[int, ...]
    last: bool
    blocks: bool


def arranged(W: Array) -> Array:
    """Weights (what is multiplied, slots, units) in the order in which a step reads them: vector by vector of units."""
    units, i, parts = W.shape[-1], 0, []
    for size in _SIZES:
        width = size // W.itemsize
        while i + width <= units:
            parts.append(W[..., i : i + width].reshape(-1))
            i += width
    return np.concatenate(parts)


# Of the arrays that instructions know by number, the first is that of the slots.
_NAMES = ("sums", "kept", "h0", "s0", "h1", "s1", "rows")


class _Writer:
    """Writes a step for the units of one vector, from unit i on."""

    def __init__(self, step: SingleStep, e: Emitter, arrays: dict[str, EmittedArray], i: Any, head: Any) -> None:
        self.step, self.e, self.arrays, self.i = step, e, arrays, i
        self.sums = self._product(head) if step.multiplied else {}

    def place(self, array: int, piece: int) -> Any:
        """Where a piece stands."""
        return self._at(_NAMES[array], piece)

    def load(self, how: str, array: int, piece: int) -> Any:
        """A piece: of the first array b + W_xᵀ x + W_hᵀ h of a slot, or what of it there is so far."""
        if array:
            return self.e.load(self.place(array, piece))
        if piece in self.sums:
            return self.sums[piece]
        if piece in self.step.before:
            return self._load("sums", piece)
        return self.e.builder.fadd(*self._start(piece))

    def _at(self, name: str, piece: int) -> Any:
        return self.arrays[name].at(self.e.index(piece), self.i)

    def _load(self, name: str, piece: int) -> Any:
        return self.e.load(self._at(name, piece))

    def _start(self, slot: int) -> list[Any]:
        """What x and the bias give."""
        return [self._load("a", slot) if slot < self.step.fed else self.e.constant(0.0), self._load("b", slot)]

    def _product(self, head: Any) -> dict[int, Any]:
        """The sums of the slots that are multiplied, each as two, for a long one waits for each of its terms."""
        e, slots, W, h = self.e, self.step.multiplied, self.arrays["W"], self.arrays["fed"]
        tile = Tile(e, len(slots), _SUMS)
        for r, slot in enumerate(slots):
            for c, value in enumerate(self._start(slot)):
                tile.set(r, c, value)
        first, last = self._block(head)
        middle = e.builder.add(first, e.rounded_down(e.builder.sub(last, first), _UNROLLED))
        block = e.builder.mul(self.i, e.builder.mul(W.shape[0], e.index(len(slots))))
        for start, stop, rows in ((first, middle, _UNROLLED), (middle, last, 1)):
            with e.loop(start, stop, rows) as k:
                here = e.builder.add(block, e.builder.mul(k, e.index(len(slots) * e.width)))
                for row in range(rows):
                    factor, c = e.spread(h.at((k, row))), row % _SUMS
                    for r in range(len(slots)):
                        weights = e.load(W.at(e.index(0), (here, (row * len(slots) + r) * e.width)))
                        tile.set(r, c, e.multiply_add(factor, weights, tile.get(r, c)))
        sums = {slot: e.builder.fadd(tile.get(r, 0), tile.get(r, 1)) for r, slot in enumerate(slots)}
        if not self.step.last:
            for slot, value in sums.items():
                e.store(value, self._at("sums", slot))
        return sums

    def _block(self, head: Any) -> tuple[Any, Any]:
        """The rows of the weights that are not zero here."""
        e, b = self.e, self.e.builder
        if not self.step.blocks:
            return e.index(0), self.arrays["W"].shape[0]
        last_unit = b.add(self.i, e.index(e.width - 1))
        first = b.mul(b.udiv(self.i, head), head)
        return first, e.smaller(b.mul(b.add(b.udiv(last_unit, head), e.index(1)), head), self.arrays["W"].shape[0])


@functools.cache
def single_step(step: SingleStep) -> Any:
    """A function of compiled code that takes a step.

    Its arrays are (pieces, units): `a` what x gives, `b` the biases. W are the weights of `arranged`, (units, slots ·
    units), `fed` is what they multiply. Outside of blocks of `head` units the weights are zero.
    """

    @intrinsic
    def taken(
        typing: Any, sums: Any, kept: Any, h0: Any, s0: Any, h1: Any, s1: Any, rows: Any,
        a: Any, b: Any, W: Any, fed: Any, head: Any,
    ) -> Any:  # fmt: skip
        kinds = (sums, kept, h0, s0, h1, s1, rows, a, b, W, fed)

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            first = Emitter.index(0)
            for size in _SIZES:
                part = Emitter(context, builder, sums.dtype, size, waits=True)
                arrays = {
                    name: part.array(kind, value)
                    for name, kind, value in zip((*_NAMES, "a", "b", "W", "fed"), kinds, args[:-1], strict=True)
                }
                last = part.rounded_down(arrays["sums"].shape[1], part.width)
                with part.loop(first, last, part.width) as i:
                    writer = _Writer(step, part, arrays, i, args[-1])
                    run(part, step.instructions, writer.load, writer.place)
                first = last
            return context.get_dummy_value()

        return NOTHING(*kinds, head), emit

    return taken
