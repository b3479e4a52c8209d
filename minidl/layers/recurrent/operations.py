"""What traced operations do to arrays: NumPy's functions, writing to a given place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.core.layer import Array
from minidl.layers.activations import SigmoidActivation

Function = Callable[..., Any]


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
    "sigmoid": SigmoidActivation().function,
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


def computed(op: str, a: Any) -> Any:
    """An operation of one argument on an array or number, as a new one."""
    a = np.asarray(a)
    out = np.empty(a.shape, np.result_type(a, np.float32))
    function_of(op)(a, out)
    return out[()]
