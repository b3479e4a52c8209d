"""How kernels are compiled: the same options everywhere."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

# error_model: division without a zero check, without which a loop does not
# become vector instructions. fastmath: products and sums may become one
# instruction; NaN and infinities keep their meaning, for NaN must be found.
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


def numba_installed() -> bool:
    """Whether numba can be imported; it is not."""
    return importlib.util.find_spec("numba") is not None


def jit(function: F, **options: Any) -> F:
    """Compile a kernel function with numba when it is first used.

    Without numba the function stays as it is; nobody calls it then.
    """
    if not numba_installed():
        return function
    import numba

    compiled: F = numba.njit(**{**OPTIONS, **options})(function)
    return compiled


def registered(name: str) -> types.ModuleType:
    """The module of this name, an empty one if there is none: numba's loader asks for that of every function."""
    return sys.modules.setdefault(name, types.ModuleType(name))


def jit_sum(function: F) -> F:
    """As `jit`, for a function that is one large sum: its terms may be added in any order.

    Write ``for k in range(a.size)``: a loop over the array itself does not become vector instructions.
    """
    return jit(function, fastmath={"contract", "nsz", "reassoc"})
