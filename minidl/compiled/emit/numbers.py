"""Numbers while code is written: arithmetic on them writes instructions, for all lanes of a vector at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from minidl.compiled.emit.vectors import Emitter

# A product and a sum may become one instruction; the sign of 0 may be lost. NaN and infinities keep their meaning.
FLAGS = ("contract", "nsz")
Operand: TypeAlias = "Number | float"


def _arithmetic(instruction: str, *, swapped: bool = False) -> Callable[[Number, Operand], Number]:
    """An operator of two numbers."""

    def operator(self: Number, other: Operand) -> Number:
        values = [self.value, self._other(other)]
        write = getattr(self.emitter.builder, instruction)
        return self._with(write(*(reversed(values) if swapped else values), flags=FLAGS))

    return operator


class Number:
    """Floating-point numbers, whole numbers or truth values, in a function that is being compiled."""

    def __init__(self, emitter: Emitter, value: Any, known: float | None = None) -> None:
        self.emitter = emitter
        self.value: Any = value
        self.known = known  # the same constant in every lane

    @property
    def single(self) -> bool:
        """Whether numbers of this code are float32."""
        return bool(self.emitter.itemsize == 4)

    def constant(self, number: float) -> Number:
        """This number in every lane."""
        return Number(self.emitter, self.emitter.constant(number), number)

    def whole(self, number: int) -> Number:
        """This whole number in every lane."""
        return Number(self.emitter, self.emitter.whole_constant(number))

    def _other(self, other: Operand) -> Any:
        return (other if isinstance(other, Number) else self.constant(other)).value

    def _with(self, value: Any) -> Number:
        return Number(self.emitter, value)

    __add__ = __radd__ = _arithmetic("fadd")
    __sub__, __rsub__ = _arithmetic("fsub"), _arithmetic("fsub", swapped=True)
    __mul__ = __rmul__ = _arithmetic("fmul")
    __truediv__, __rtruediv__ = _arithmetic("fdiv"), _arithmetic("fdiv", swapped=True)

    def __neg__(self) -> Number:
        return self._with(self.emitter.builder.fneg(self.value, flags=FLAGS))

    def __gt__(self, other: Operand) -> Number:
        return self._with(self.emitter.builder.fcmp_ordered(">", self.value, self._other(other)))

    def __lt__(self, other: Operand) -> Number:
        return self._with(self.emitter.builder.fcmp_ordered("<", self.value, self._other(other)))

    def is_nan(self) -> Number:
        """Truth values: where this is no number."""
        return self._with(self.emitter.builder.fcmp_unordered("uno", self.value, self.value))

    def is_not_zero(self) -> Number:
        """Truth values."""
        return self._with(self.emitter.builder.fcmp_unordered("!=", self.value, self._other(0.0)))

    def equals(self, other: Operand) -> Number:
        """Truth values; NaN equals nothing."""
        return self._with(self.emitter.builder.fcmp_ordered("==", self.value, self._other(other)))

    def choose(self, a: Operand, b: Operand) -> Number:
        """Of truth values: a where they hold, else b; one of both is a `Number`."""
        like = a if isinstance(a, Number) else b
        assert isinstance(like, Number)
        return self._with(self.emitter.builder.select(self.value, like._other(a), like._other(b)))

    def bits(self) -> Number:
        """The bits as whole numbers."""
        return self._with(self.emitter.builder.bitcast(self.value, self.emitter.whole))

    def from_bits(self) -> Number:
        """Of whole numbers: the floating-point numbers that have these bits."""
        return self._with(self.emitter.builder.bitcast(self.value, self.emitter.vector))

    def plus(self, other: Number) -> Number:
        """Of whole numbers: the sum."""
        return self._with(self.emitter.builder.add(self.value, other.value))

    def minus(self, other: Number) -> Number:
        """Of whole numbers: the difference."""
        return self._with(self.emitter.builder.sub(self.value, other.value))

    def masked(self, bits: int) -> Number:
        """Of whole numbers: these bits of them."""
        return self._with(self.emitter.builder.and_(self.value, self.whole(bits).value))

    def shifted(self, places: int) -> Number:
        """Of whole numbers: to the left, or, if `places` is negative, to the right with their sign."""
        shift, by = self.emitter.builder.shl, self.whole(abs(places)).value
        return self._with((shift if places > 0 else self.emitter.builder.ashr)(self.value, by))

    def as_float(self) -> Number:
        """Of whole numbers: as floating-point numbers."""
        return self._with(self.emitter.builder.sitofp(self.value, self.emitter.vector))

    def called(self, name: str, *others: Operand) -> Number:
        """An instruction or function of LLVM on floating-point numbers, by name."""
        return self._with(self.emitter.called(name, self.value, *map(self._other, others)))
