"""What traced operations do to arrays: NumPy's functions, writing to a given place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.core.layer import Array

Function = Callable[..., Any]


def _sigmoid(a: Array, out: Array) -> None:
    e = np.minimum(a, 80)  # beyond 80 it changes nothing, and must not overflow
    np.exp(e, e)
    np.add(e, 1, out)
    np.divide(e, out, out)


def _softplus(a: Array, out: Array) -> None:
    rest = np.abs(a)
    np.negative(rest, rest)
    np.exp(rest, rest)
    np.log1p(rest, rest)
    np.maximum(a, 0, out=out)
    np.add(out, rest, out)


def _maximum(a: Any, b: Any, out: Array) -> None:
    np.maximum(a, b, out=out)


def _minimum(a: Any, b: Any, out: Array) -> None:
    np.minimum(a, b, out=out)


def _where(condition: Array, a: Any, b: Any, out: Array) -> None:
    out[...] = np.where(condition, a, b)


def copy(a: Any, out: Array) -> None:
    """The value itself."""
    out[...] = a


OWN: dict[str, Function] = {
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "maximum": _maximum,
    "minimum": _minimum,
    "where": _where,
}
CONDITIONS = ("greater", "less")


def function_of(op: str) -> Function:
    """``function(*arguments, out)`` of an operation."""
    found: Function = OWN[op] if op in OWN else getattr(np, op)
    return found
