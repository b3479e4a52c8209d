"""Numbers while code is written: arithmetic on them writes instructions, for all lanes of a vector at once."""

from __future__ import annotations

from typing import Any, TypeAlias

from llvmlite import ir

from minidl.compiled.emit.vectors import Emitter

# A product and a sum may become one instruction; the sign of 0 may be lost. NaN and infinities keep their meaning.
FLAGS = ("contract", "nsz")
Operand: TypeAlias = "Number | float"


class Number:
    """A vector of floating-point numbers, whole numbers or truth values, in a function that is being compiled."""

    def __init__(self, emitter: Emitter, value: Any, known: float | None = None) -> None:
        self.emitter, self.value, self.known = emitter, value, known  # known: the same constant in every lane

    @property
    def single(self) -> bool:
        """Whether numbers of this code are float32."""
        return bool(self.emitter.itemsize == 4)

    def constant(self, number: float) -> Number:
        """This number in every lane."""
        e = self.emitter
        return Number(e, ir.Constant(e.vector, [e.number(number)] * e.width), number)

    def whole(self, number: int) -> Number:
        """This whole number in every lane."""
        kind = self._whole_type()
        return Number(self.emitter, ir.Constant(kind, [kind.element(number)] * kind.count))

    def _whole_type(self) -> Any:
        return ir.VectorType(ir.IntType(8 * self.emitter.itemsize), self.emitter.width)

    def _other(self, other: Operand) -> Any:
        return (other if isinstance(other, Number) else self.constant(other)).value

    def _with(self, value: Any) -> Number:
        return Number(self.emitter, value)

    def __add__(self, other: Operand) -> Number:
        return self._with(self.emitter.builder.fadd(self.value, self._other(other), flags=FLAGS))

    __radd__ = __add__

    def __sub__(self, other: Operand) -> Number:
        return self._with(self.emitter.builder.fsub(self.value, self._other(other), flags=FLAGS))

    def __rsub__(self, other: Operand) -> Number:
        return self._with(self.emitter.builder.fsub(self._other(other), self.value, flags=FLAGS))

    def __mul__(self, other: Operand) -> Number:
        return self._with(self.emitter.builder.fmul(self.value, self._other(other), flags=FLAGS))

    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> Number:
        return self._with(self.emitter.builder.fdiv(self.value, self._other(other), flags=FLAGS))

    def __rtruediv__(self, other: Operand) -> Number:
        return self._with(self.emitter.builder.fdiv(self._other(other), self.value, flags=FLAGS))

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
        return self._with(self.emitter.builder.bitcast(self.value, self._whole_type()))

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
        e = self.emitter
        values = [self.value, *(self._other(other) for other in others)]
        return self._with(e.builder.call(e._named(f"llvm.{name}.", e.vector, [e.vector] * len(values)), values))
