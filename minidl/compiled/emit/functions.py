"""exp, tanh, the logistic function and the larger of two numbers, for loops that LLVM makes vector instructions of.

The C library's take one number at a time, 18 ns each. These have no branch; see
elementary.py for how they compute, and tests/layers/test_elementwise.py for their error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.compiled.emit import elementary
from minidl.compiled.emit.numbers import Number
from minidl.compiled.emit.vectors import OneNumber, intrinsic


def _of_one(function: Callable[[Number], Number]) -> Any:
    """A function of compiled code: of a float32 or float64 number, in its precision."""

    @intrinsic
    def of_one(typing: Any, x: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return function(Number(OneNumber(context, builder, x), args[0])).value

        return x(x), emit

    return of_one


def _of_two(function: Callable[[Number, Number], Number]) -> Any:
    """The same of two numbers of one type."""

    @intrinsic
    def of_two(typing: Any, a: Any, b: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            e = OneNumber(context, builder, a)
            return function(*(Number(e, value) for value in args)).value

        return a(a, a), emit

    return of_two


exp = _of_one(elementary.exp)
tanh = _of_one(elementary.tanh)
sigmoid = _of_one(elementary.sigmoid)
maximum = _of_two(elementary.maximum)
