"""NumPy's generator PCG64 in compiled code, and masks of dropout from it, to the bit those of `draw_mask`.

The state s is a number of 128 bits, and s ← A s + c (mod 2¹²⁸) a step; c is the generator's own. A word of 64 bits
is the exclusive or of both halves of s, rotated. k steps are one too, with another A and c: so four words
are computed beside each other, where one after the other the processor would wait. A float32 of NumPy takes half
a word, the lower one first, and leaves the other half for the next.

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

from minidl.compiled.emit.vectors import intrinsic, view
from minidl.compiled.jit import jit
from minidl.core.layer import Array

_A = 0x2360ED051FC65DA44385DF649FCCF645
_HALF, _WORD = ir.IntType(64), ir.IntType(128)
# What `numbers_of` puts first: s, lower half first; whether half a word is left, and it; then A and c of 1 to 4 steps.
_LEFT, _KEPT, _STEPS = 2, 3, 4
NUMBERS = _STEPS + 4 * 4


def numbers_of(rng: np.random.Generator) -> list[int]:
    """The generator's state as compiled code takes it, `NUMBERS` whole numbers."""
    state: Any = rng.bit_generator.state
    a, c, steps = 1, 0, []
    for _ in range(4):
        a, c = _A * a % 2**128, (_A * c + state["state"]["inc"]) % 2**128
        steps += [*_halves(a), *_halves(c)]
    return [*_halves(state["state"]["state"]), state["has_uint32"], state["uinteger"], *steps]


def set_numbers(rng: np.random.Generator, numbers: Array) -> None:
    """Put a generator into the state in which compiled code left these numbers of it."""
    low, high, left, kept = map(int, numbers[:_STEPS])
    state: Any = rng.bit_generator.state
    rng.bit_generator.state = {
        **state,
        "state": {**state["state"], "state": high << 64 | low},
        "has_uint32": left,
        "uinteger": kept,
    }


def _halves(number: int) -> tuple[int, int]:
    return number % 2**64, number >> 64


@intrinsic
def _stepped(typing: Any, low: Any, high: Any, numbers: Any, k: Any) -> Any:
    """A s + c, with the A and c that stand at number k."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(numbers)(context, builder, args[2])

        def whole(low: Any, high: Any) -> Any:
            return builder.or_(builder.zext(low, _WORD), builder.shl(builder.zext(high, _WORD), _WORD(64)))

        given = [builder.load(builder.gep(array.data, [builder.add(args[3], args[3].type(i))])) for i in range(4)]
        found = builder.add(builder.mul(whole(args[0], args[1]), whole(*given[:2])), whole(*given[2:]))
        halves = [builder.trunc(part, _HALF) for part in (found, builder.lshr(found, _WORD(64)))]
        return context.make_tuple(builder, signature.return_type, halves)

    return types.UniTuple(types.uint64, 2)(types.uint64, types.uint64, numbers, types.int64), emit


@jit
def _output(low: int, high: int) -> Any:
    """The word of a state: both halves together, turned to the right by its highest 6 bits."""
    word, turn = low ^ high, high >> np.uint64(58)
    return word >> turn | word << (np.uint64(64) - turn & np.uint64(63))


@jit
def _draw_words(words: Array, numbers: Array) -> None:
    """Fill an array with the generator's next words."""
    low, high, n = numbers[0], numbers[1], len(words)
    for k in range(0, n - 3, 4):
        for i in range(3):
            words[k + i] = _output(*_stepped(low, high, numbers, _STEPS + 4 * i))
        low, high = _stepped(low, high, numbers, _STEPS + 12)
        words[k + 3] = _output(low, high)
    for k in range(n // 4 * 4, n):
        low, high = _stepped(low, high, numbers, _STEPS)
        words[k] = _output(low, high)
    numbers[0], numbers[1] = low, high


@jit
def draw_masks(masks: Array, n: int, least: float, scale: float, random: Array) -> None:
    """The next n numbers of masks: `scale` where the upper 24 bits of half a word are `least` at least, else 0.

    `random` has the generator's numbers, and room for n / 2 words behind them.
    """
    if n == 0:
        return
    first, bound, one, none = 0, np.uint32(least), masks.dtype.type(scale), masks.dtype.type(0)
    if random[_LEFT]:
        masks[0] = one if np.uint32(random[_KEPT]) >> np.uint32(8) >= bound else none
        first = 1
    words = view(random, NUMBERS, ((n - first + 1) // 2,))
    _draw_words(words, random)
    halves, drawn = words.view(np.uint32), view(masks, first, (n - first,))
    for i in range(n - first):
        drawn[i] = one if halves[i] >> np.uint32(8) >= bound else none
    random[_LEFT] = (n - first) % 2
    if len(words):
        random[_KEPT] = words[-1] >> np.uint64(32)
