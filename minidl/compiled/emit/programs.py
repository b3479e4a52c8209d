"""Elementwise work of a time step as one loop: every vector is loaded once, and what is in between stays in registers.

A loop in Python over a dozen arrays does not become vector instructions, for LLVM cannot
tell the arrays apart. Here the instructions are written down.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

from numba.core import cgutils

from minidl.compiled.emit.elementary import OPERATIONS
from minidl.compiled.emit.numbers import Number
from minidl.compiled.emit.vectors import NOTHING, VECTOR_BYTES, EmittedArray, Emitter, OneNumber, intrinsic

# An instruction: an operation with the numbers of earlier instructions or constants; ``("load", array, piece)``,
# ``("row", array, piece)``, one number a unit, and ``("store", array, piece, instruction or constant)``.
Instruction = tuple[Any, ...]
# Bytes of each value that a step forward works on at once: several vectors. An exponential is a long chain of
# instructions, each of which waits for the one before; those of other vectors fill the time.
_AT_ONCE = 4 * VECTOR_BYTES


@dataclass
class Program:
    """Instructions for each unit and lane; arrays are known by their number among the arguments.

    An array is (pieces, units, lanes), one that is read by row (pieces, units).
    """

    instructions: list[Instruction] = field(default_factory=list)

    def add(self, *instruction: Any) -> int:
        """One more instruction, unless it is there; returns its number."""
        loaded = instruction[0] in ("load", "row")
        if loaded and instruction in self.instructions:
            return self.instructions.index(instruction)
        self.instructions.append(instruction)
        return len(self.instructions) - 1


def _run(
    e: Emitter, instructions: tuple[Instruction, ...], arrays: list[EmittedArray], i: Any, lane: Any, single: Any
) -> None:
    """Write the instructions for one vector: lanes of unit i, or, of a `single` lane, units from `lane` on."""
    values: list[Any] = []
    zero = Number(e, e.constant(0.0))

    def operand(arg: int | float) -> Any:
        return values[arg] if isinstance(arg, int) else zero.constant(arg)

    for op, *args in instructions:
        if op == "load":
            made = Number(e, e.load(arrays[args[0]].at(e.index(args[1]), i, lane)))
        elif op == "row":
            made = Number(e, _row(e, arrays[args[0]], e.index(args[1]), i, lane, single))
        elif op == "store":
            made = operand(args[2])
            e.store(made.value, arrays[args[0]].at(e.index(args[1]), i, lane))
        else:
            made = OPERATIONS[op](*map(operand, args))
        values.append(made)


def _row(e: Emitter, array: EmittedArray, piece: Any, i: Any, lane: Any, single: Any) -> Any:
    """The number of unit i in all lanes; of a single lane, those of the units."""
    place = cgutils.alloca_once(e.builder, e.vector)
    with e.builder.if_else(single) as (one, many):
        with one:
            e.builder.store(e.load(array.at(piece, lane)), place)
        with many:
            e.builder.store(e.spread(array.at(piece, i)), place)
    return e.builder.load(place)


def _emit(
    instructions: tuple[Instruction, ...], forward: bool, context: Any, builder: Any, signature: Any, args: Any
) -> Any:
    """Write the loops over units and lanes, of which the first argument has the number.

    Forward there may be a single lane: its units, which lie side by side as the lanes of a unit do otherwise, are
    gone through as those.
    """
    e = Emitter(context, builder, signature.args[0].dtype)
    arrays = [e.array(kind, value) for kind, value in zip(signature.args, args, strict=True)]
    _, units, lanes = arrays[0].shape
    single = builder.icmp_signed("==", lanes, e.index(1))
    units, lanes = builder.select(single, lanes, units), builder.select(single, units, lanes)
    parts = [e, e.narrow()]
    if forward:
        parts = [Emitter(context, builder, e.dtype, _AT_ONCE), *parts, OneNumber(context, builder, e.dtype)]
    with e.loop(e.index(0), units) as i:
        first = e.index(0)
        for part in parts:
            last = part.rounded_down(lanes, part.width)
            with part.loop(first, last, part.width) as lane:
                _run(part, instructions, arrays, i, lane, single)
            first = last
    return context.get_dummy_value()


@functools.cache
def forward_program(instructions: tuple[Instruction, ...]) -> Any:
    """A function of compiled code that runs instructions on the arrays of a step forward."""

    @intrinsic
    def run(typing: Any, a: Any, kept: Any, h0: Any, s0: Any, h1: Any, s1: Any, rows: Any) -> Any:
        kinds = (a, kept, h0, s0, h1, s1, rows)
        return NOTHING(*kinds), functools.partial(_emit, instructions, True)

    return run


@functools.cache
def backward_program(instructions: tuple[Instruction, ...]) -> Any:
    """A function of compiled code that runs instructions on the arrays of a step backward."""

    @intrinsic
    def run(
        typing: Any, da: Any, kept: Any, h0: Any, s0: Any, h1: Any, s1: Any, rows: Any,
        dy: Any, g: Any, given: Any, drows: Any,
    ) -> Any:  # fmt: skip
        kinds = (da, kept, h0, s0, h1, s1, rows, dy, g, given, drows)
        return NOTHING(*kinds), functools.partial(_emit, instructions, False)

    return run
