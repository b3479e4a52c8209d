"""Elementwise work of a time step as one loop: every vector is loaded once, and what is in between stays in registers.

A loop in Python over a dozen arrays does not become vector instructions, for LLVM cannot
tell the arrays apart. Here the instructions are written down.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from minidl.compiled.emit.elementary import OPERATIONS
from minidl.compiled.emit.numbers import Number
from minidl.compiled.emit.vectors import NOTHING, VECTOR_BYTES, EmittedArray, Emitter, intrinsic

# An instruction: an operation with the numbers of earlier instructions or constants; ``("load", array, piece)``,
# ``("row", array, piece)``, one number a unit, and ``("store", array, piece, instruction or constant)``.
Instruction = tuple[Any, ...]
# Bytes of each value that a step forward works on at once: several vectors. An exponential is a long chain of
# instructions, each of which waits for the one before; those of other vectors fill the time.
_AT_ONCE = 4 * VECTOR_BYTES, 2 * VECTOR_BYTES


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


def run(e: Emitter, instructions: tuple[Instruction, ...], load: Callable[..., Any], place: Callable[..., Any]) -> None:
    """Write the instructions for one vector.

    ``load(how, array, piece)`` gives the vector of a piece, ``place(array, piece)`` where one is stored.
    """
    values: list[Any] = []
    zero = Number(e, e.constant(0.0))

    def operand(arg: int | float) -> Any:
        return values[arg] if isinstance(arg, int) else zero.constant(arg)

    for op, *args in instructions:
        if op in ("load", "row"):
            made = Number(e, load(op, *args))
        elif op == "store":
            made = operand(args[2])
            e.store(made.value, place(*args[:2]))
        else:
            made = OPERATIONS[op](*map(operand, args))
        values.append(made)


def _emit(
    instructions: tuple[Instruction, ...], forward: bool, context: Any, builder: Any, signature: Any, args: Any
) -> Any:
    """Write the loops over units and lanes, of which the first argument has the number."""
    e = Emitter(context, builder, signature.args[0].dtype)
    arrays = [e.array(kind, value) for kind, value in zip(signature.args, args, strict=True)]
    _, units, lanes = arrays[0].shape
    parts = [e, e.narrow()]
    if forward:
        parts = [*(Emitter(context, builder, e.dtype, size) for size in _AT_ONCE), *parts]
    with e.loop(e.index(0), units) as i:
        first = e.index(0)
        for part in parts:
            last = part.rounded_down(lanes, part.width)
            with part.loop(first, last, part.width) as lane:
                _write(part, instructions, arrays, i, lane)
            first = last
    return context.get_dummy_value()


def _write(e: Emitter, instructions: tuple[Instruction, ...], arrays: list[EmittedArray], i: Any, lane: Any) -> None:
    """The instructions for lanes of unit i."""

    def place(array: int, piece: int) -> Any:
        return arrays[array].at(e.index(piece), i, lane)

    def load(how: str, array: int, piece: int) -> Any:
        return e.load(place(array, piece)) if how == "load" else e.spread(arrays[array].at(e.index(piece), i))

    run(e, instructions, load, place)


@functools.cache
def forward_program(instructions: tuple[Instruction, ...]) -> Any:
    """A function of compiled code that runs instructions on the arrays of a step forward."""

    @intrinsic
    def step(typing: Any, a: Any, kept: Any, h0: Any, s0: Any, h1: Any, s1: Any, rows: Any) -> Any:
        kinds = (a, kept, h0, s0, h1, s1, rows)
        return NOTHING(*kinds), functools.partial(_emit, instructions, True)

    return step


@functools.cache
def backward_program(instructions: tuple[Instruction, ...]) -> Any:
    """A function of compiled code that runs instructions on the arrays of a step backward."""

    @intrinsic
    def step(
        typing: Any, da: Any, kept: Any, h0: Any, s0: Any, h1: Any, s1: Any, rows: Any,
        dy: Any, g: Any, given: Any, drows: Any,
    ) -> Any:  # fmt: skip
        kinds = (da, kept, h0, s0, h1, s1, rows, dy, g, given, drows)
        return NOTHING(*kinds), functools.partial(_emit, instructions, False)

    return step
