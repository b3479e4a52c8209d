"""The generator PCG64 in vectors: each lane has a state of its own, and draws the masks of one example.

See pcg64.py for the generator, and for what brings the states to where their lanes begin.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from minidl.compiled.emit.vectors import NOTHING, VECTOR_BYTES, EmittedArray, Emitter, intrinsic

FACTOR = 0x2360ED051FC65DA44385DF649FCCF645  # A
_WIDTH = VECTOR_BYTES // 8  # lanes whose states fill a vector
MOST = 2 * _WIDTH  # lanes that are drawn at a time, at most
# What stands where among the numbers: s, lower half first; whether half a word is left, and it; c; A and c from some
# lanes to the next.
LEFT, KEPT, C, SIZE, NEXT = 2, 3, 4, 6, 7
# For each lane whether it begins with the upper half of a word; the states of its first word and of its last. Those of
# the first words are right for what is drawn next if a lane gets as many numbers as stand at SIZE.
UPPER = 11
FIRST, LAST = UPPER + MOST, UPPER + 3 * MOST
NUMBERS = UPPER + 5 * MOST

State = tuple[Any, Any]


class _Words:
    """Vectors of states, both halves of each in vectors of their own, and the words of them."""

    def __init__(self, e: Emitter, numbers: EmittedArray) -> None:
        self.e, self.builder, self.numbers = e, e.builder, numbers

    def loaded(self, first: int) -> State:
        """That of each lane, which stands from here on."""
        low, high = (self.e.load(self.numbers.at(self.e.index(k))) for k in (first, first + MOST))
        return low, high

    def keep(self, s: State, first: int) -> None:
        """Let it stand from here on."""
        for half, k in zip(s, (first, first + MOST), strict=True):
            self.e.store(half, self.numbers.at(self.e.index(k)))

    def spread(self, first: int) -> State:
        """A number of 128 bits in every lane."""
        low, high = (self.e.spread(self.numbers.at(self.e.index(k))) for k in (first, first + 1))
        return low, high

    def stepped(self, s: State, a: State, c: State) -> State:
        """A s + c."""
        add, mul = self.builder.add, self.builder.mul
        high = add(add(self._upper_product(s[0], a[0]), c[1]), add(mul(s[0], a[1]), mul(s[1], a[0])))
        low = add(mul(s[0], a[0]), c[0])
        carried = self.builder.icmp_unsigned("<", low, c[0])
        return low, add(high, self.builder.zext(carried, self.e.vector))

    def _upper_product(self, a: Any, b: Any) -> Any:
        """The upper half of a b, from the products of the factors' halves."""
        add, mul = self.builder.add, self.builder.mul
        (a0, a1), (b0, b1) = ((self._low(number), self._high(number)) for number in (a, b))
        crossed = mul(a0, b1)
        middle = add(add(mul(a1, b0), self._high(mul(a0, b0))), self._low(crossed))
        return add(add(mul(a1, b1), self._high(crossed)), self._high(middle))

    def _low(self, number: Any) -> Any:
        return self.builder.and_(number, self.e.constant(2**32 - 1))

    def _high(self, number: Any) -> Any:
        return self.builder.lshr(number, self.e.constant(32))

    def word(self, s: State) -> Any:
        """Both halves together, turned to the right by the highest 6 bits."""
        kind, word = self.e.vector, self.builder.xor(*s)
        turn = self.builder.lshr(s[1], self.e.constant(58))
        name, shape = f"llvm.fshr.v{self.e.width}i64", ir.FunctionType(kind, [kind] * 3)
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, shape, name), [word, word, turn])

    def halves(self, words: list[Any]) -> tuple[Any, Any]:
        """The lower and the upper halves of some vectors of words, each in one vector."""
        half = ir.IntType(32)
        parts = [self.builder.bitcast(word, ir.VectorType(half, 2 * self.e.width)) for word in words]
        kind = ir.VectorType(half, len(parts) * self.e.width)
        low, high = (
            self.builder.shuffle_vector(
                parts[0], parts[-1], ir.Constant(kind, [2 * i + upper for i in range(kind.count)])
            )
            for upper in range(2)
        )
        return low, high


class _Masks:
    """The numbers of some lanes' masks, a row after the other; each is kept where half a word is large enough."""

    def __init__(self, e: Emitter, words: _Words, out: EmittedArray, lane: Any, least: Any, scale: Any) -> None:
        self.e, self.builder, self.words, self.out, self.lane = e, e.builder, words, out, lane
        self.one, self.none = _spread(e.builder, scale, e.width), ir.Constant(e.vector, None)
        self.least = _spread(e.builder, e.builder.trunc(least, ir.IntType(32)), e.width)
        parts = [first * _WIDTH for first in range(e.width // _WIDTH)]
        self.begin, self.parts = [words.loaded(FIRST + part) for part in parts], parts
        upper = words.halves([words.loaded(UPPER + part)[0] for part in parts])[0]
        self.begins_upper = e.builder.icmp_unsigned("!=", upper, ir.Constant(upper.type, None))
        self.states = [[cgutils.alloca_once(e.builder, words.e.vector) for _ in range(2)] for _ in parts]
        self.before = cgutils.alloca_once(e.builder, self.begins_upper.type)

    def now(self) -> list[State]:
        """The state of the word that was drawn last."""
        return [(self.builder.load(low), self.builder.load(high)) for low, high in self.states]

    def draw(self, states: list[State]) -> State:
        """Whether the lower and the upper half of the states' words are large enough."""
        for state, slots in zip(states, self.states, strict=True):
            for half, slot in zip(state, slots, strict=True):
                self.builder.store(half, slot)
        shift = ir.Constant(self.least.type, [8] * self.e.width)
        low, high = (
            self.builder.icmp_unsigned(">=", self.builder.lshr(half, shift), self.least)
            for half in self.words.halves([self.words.word(state) for state in states])
        )
        return low, high

    def put(self, row: Any, kept: Any) -> None:
        """Write a row."""
        self.e.store(self.builder.select(kept, self.one, self.none), self.out.at(row, self.lane))

    def write(self, n_words: Any) -> None:
        """Draw so many words for each lane, and write its row of the mask for each of their halves."""
        e, builder = self.e, self.builder
        last_row = builder.sub(self.out.shape[0], e.index(1))
        low, high = self.draw(self.begin)
        self.put(e.index(0), builder.select(self.begins_upper, high, low))
        builder.store(high, self.before)
        a = self.words.e.constant(FACTOR % 2**64), self.words.e.constant(FACTOR >> 64)
        c = self.words.spread(C)
        with e.loop(e.index(1), n_words) as k:
            low, high = self.draw([self.words.stepped(state, a, c) for state in self.now()])
            row = builder.mul(k, e.index(2))
            # Where no row is left, the one before is written here, and right after it as it should be.
            self.put(e.smaller(row, last_row), builder.select(self.begins_upper, high, low))
            self.put(builder.sub(row, e.index(1)), builder.select(self.begins_upper, low, builder.load(self.before)))
            builder.store(high, self.before)
        row = builder.sub(builder.mul(n_words, e.index(2)), e.index(1))
        with builder.if_then(builder.icmp_signed("<=", row, last_row)):
            self.put(row, builder.load(self.before))

    def end(self) -> None:
        """Leave the last states, and those that the next lanes begin with."""
        following = self.words.spread(NEXT), self.words.spread(NEXT + 2)
        for part, first, last in zip(self.parts, self.begin, self.now(), strict=True):
            self.words.keep(last, LAST + part)
            self.words.keep(self.words.stepped(first, *following), FIRST + part)


@intrinsic
def draw_lanes(typing: Any, masks: Any, k: Any, n_words: Any, least: Any, scale: Any, numbers: Any) -> Any:
    """Draw the masks of a vector of lanes, from lane k on: so many words each, the first of which may be half."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emitter(context, builder, masks.dtype)
        words = Emitter(context, builder, types.uint64)
        out, given = e.array(masks, args[0]), words.array(numbers, args[5])
        lanes = _Masks(e, _Words(words, given), out, args[1], *args[3:5])
        lanes.write(args[2])
        lanes.end()
        return context.get_dummy_value()

    whole = types.int64
    return NOTHING(masks, whole, whole, whole, masks.dtype, numbers), emit


def _spread(builder: Any, number: Any, width: int) -> Any:
    """This number in every lane."""
    kind, index = ir.VectorType(number.type, width), ir.IntType(32)
    nothing = ir.Constant(kind, ir.Undefined)
    zeros = ir.Constant(ir.VectorType(index, width), [0] * width)
    return builder.shuffle_vector(builder.insert_element(nothing, number, index(0)), nothing, zeros)
