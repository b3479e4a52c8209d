"""Elementwise work of a time step as one loop: every vector is loaded once, and what is in between stays in registers.

A loop in Python over a dozen arrays does not become vector instructions, for LLVM cannot
tell the arrays apart. Here the instructions are written down.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

from minidl.compiled.emit.elementary import OPERATIONS
from minidl.compiled.emit.numbers import Number
from minidl.compiled.emit.vectors import NOTHING, EmittedArray, Emitter, intrinsic

# An instruction: an operation with the numbers of earlier instructions or constants; ``("load", array, piece)``,
# ``("row", array, piece)``, one number a unit, and ``("store", array, piece, instruction or constant)``.
Instruction = tuple[Any, ...]


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


def _run(e: Emitter, instructions: tuple[Instruction, ...], arrays: list[EmittedArray], i: Any, lane: Any) -> None:
    """Write the instructions for one vector."""
    values: list[Any] = []
    zero = Number(e, e.constant(0.0))

    def operand(arg: int | float) -> Any:
        return values[arg] if isinstance(arg, int) else zero.constant(arg)

    for op, *args in instructions:
        if op == "load":
            made = Number(e, e.load(arrays[args[0]].at(e.index(args[1]), i, lane)))
        elif op == "row":
            made = Number(e, e.spread(arrays[args[0]].at(e.index(args[1]), i)))
        elif op == "store":
            made = operand(args[2])
            e.store(made.value, arrays[args[0]].at(e.index(args[1]), i, lane))
        else:
            made = OPERATIONS[op](*map(operand, args))
        values.append(made)


def _emit(instructions: tuple[Instruction, ...], of: int, context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Write the loops over units and lanes; argument `of` has their number."""
    e = Emitter(context, builder, signature.args[of].dtype)
    arrays = [e.array(kind, value) for kind, value in zip(signature.args, args, strict=True)]
    _, units, lanes = arrays[of].shape
    wide = e.rounded_down(lanes, e.width)
    with e.loop(e.index(0), units) as i:
        for part, first, last in ((e, e.index(0), wide), (e.narrow(), wide, lanes)):
            with part.loop(first, last, part.width) as lane:
                _run(part, instructions, arrays, i, lane)
    return context.get_dummy_value()


@functools.cache
def forward_program(instructions: tuple[Instruction, ...]) -> Any:
    """A function of compiled code that runs instructions on the arrays of a step forward."""

    @intrinsic
    def run(typing: Any, a: Any, kept: Any, h0: Any, s0: Any, h1: Any, s1: Any, rows: Any) -> Any:
        kinds = (a, kept, h0, s0, h1, s1, rows)
        return NOTHING(*kinds), functools.partial(_emit, instructions, 0)

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
        return NOTHING(*kinds), functools.partial(_emit, instructions, 0)

    return run
