"""NumPy's generator PCG64 in compiled code, and masks of dropout from it, to the bit those of `draw_mask`.

The state s is a number of 128 bits, and s ← A s + c (mod 2¹²⁸) a step; c is the generator's own. A word of 64 bits
is the exclusive or of both halves of s, rotated. A float32 of NumPy takes half a word, the lower one first, and leaves
the other half for the next. Many steps are one too, with another A and c: so each lane of a vector begins with the
state that its own numbers begin with, and all lanes step together.

References
----------
O'Neill (2014), PCG: a family of simple fast space-efficient statistically good algorithms for random number
generation. NumPy: the documentation of PCG64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from minidl.compiled.emit.pcg64_lanes import (
    FACTOR,
    FIRST,
    KEPT,
    LAST,
    LEFT,
    MOST,
    NEXT,
    SIZE,
    UPPER,
    C,
    draw_lanes,
)
from minidl.compiled.emit.vectors import VECTOR_BYTES, intrinsic
from minidl.compiled.jit import jit
from minidl.core.layer import Array

_HALF, _WORD = ir.IntType(64), ir.IntType(128)


def numbers_of(rng: np.random.Generator) -> list[int]:
    """The generator's state as compiled code takes it, the first of its `NUMBERS`."""
    state: Any = rng.bit_generator.state
    s, c = state["state"]["state"], state["state"]["inc"]
    return [*_halves(s), state["has_uint32"], state["uinteger"], *_halves(c), 0]


def set_numbers(rng: np.random.Generator, numbers: Array) -> None:
    """Put a generator into the state in which compiled code left these numbers of it."""
    low, high, left, kept = map(int, numbers[:C])
    state: Any = rng.bit_generator.state
    rng.bit_generator.state = {
        **state,
        "state": {**state["state"], "state": high << 64 | low},
        "has_uint32": left,
        "uinteger": kept,
    }


def _halves(number: int) -> tuple[int, int]:
    return number % 2**64, number >> 64


_NO_STEP = (np.uint64(1), np.uint64(0)), (np.uint64(0), np.uint64(0))  # A and c
_FACTOR = tuple(map(np.uint64, _halves(FACTOR)))


@intrinsic
def _stepped(typing: Any, step: Any, s: Any) -> Any:
    """A s + c of a pair (A, c); each number as its halves."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pairs = [*cgutils.unpack_tuple(builder, args[0], 2), args[1]]
        halves = [[builder.zext(half, _WORD) for half in cgutils.unpack_tuple(builder, pair, 2)] for pair in pairs]
        a, c, old = (builder.or_(low, builder.shl(high, _WORD(64))) for low, high in halves)
        new = builder.add(builder.mul(a, old), c)
        parts = [builder.trunc(part, _HALF) for part in (new, builder.lshr(new, _WORD(64)))]
        return context.make_tuple(builder, signature.return_type, parts)

    pair = types.UniTuple(types.uint64, 2)
    return pair(types.UniTuple(pair, 2), pair), emit


@jit
def _then(first: Any, second: Any) -> Any:
    """Both steps as one."""
    return _stepped((second[0], _NO_STEP[1]), first[0]), _stepped(second, first[1])


@jit
def _steps(step: Any, k: int) -> Any:
    """k steps as one."""
    found = _NO_STEP
    while k:
        if k % 2:
            found = _then(found, step)
        step = _then(step, step)
        k //= 2
    return found


@jit
def _upper_half(s: Any) -> Any:
    """Of the word of a state: both halves together, turned to the right by its highest 6 bits."""
    word, turn = s[0] ^ s[1], s[1] >> np.uint64(58)
    return (word >> turn | word << (np.uint64(64) - turn & np.uint64(63))) >> np.uint64(32)


@jit
def _begin(width: int, size: int, numbers: Array) -> None:
    """The states that so many lanes begin with, of so many numbers each, and the step to those of the next lanes."""
    one = (_FACTOR, (numbers[C], numbers[C + 1]))
    s, half = (numbers[0], numbers[1]), int(numbers[LEFT])
    if not half:
        s = _stepped(one, s)
    some = _steps(one, size // 2)
    for lane in range(width):
        numbers[UPPER + lane], numbers[FIRST + lane], numbers[FIRST + MOST + lane] = half, s[0], s[1]
        s, half = _stepped(some, s), half + size % 2
        if half == 2:
            s, half = _stepped(one, s), 0
    some = _then(some, some)
    if size % 2:
        some = _then(some, one)
    some = _steps(some, width // 2)
    for i in range(2):
        numbers[NEXT + i], numbers[NEXT + 2 + i] = some[0][i], some[1][i]


@jit
def draw_masks(masks: Array, n: int, least: float, scale: float, numbers: Array) -> None:
    """Masks of the first n lanes, lane after lane: `scale` where the upper 24 bits of half a word are `least` at least.

    Elsewhere they are 0. What stands in other lanes may be anything. `masks` is (numbers of a lane, lanes), `numbers`
    those of the generator.
    """
    size, width, left = masks.shape[0], VECTOR_BYTES // masks.itemsize, int(numbers[LEFT])
    count = left + n * size
    if n * size == 0:
        return
    if numbers[SIZE] != np.uint64(size):
        _begin(width, size, numbers)
    one = masks.dtype.type(scale)
    for k in range(0, n, width):
        draw_lanes(masks, k, (size + 1 + left) // 2, int(least), one, numbers)
    if left:
        masks[0, 0] = one if numbers[KEPT] >> np.uint64(8) >= np.uint64(least) else masks.dtype.type(0)
    numbers[SIZE] = 0 if n % width else size
    lane = (n - 1) % width
    numbers[0], numbers[1] = numbers[LAST + lane], numbers[LAST + MOST + lane]
    numbers[LEFT] = count % 2
    if count > 2 * left:
        numbers[KEPT] = _upper_half((numbers[0], numbers[1]))
