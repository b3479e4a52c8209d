"""The name of a compiled function: a hash of everything that its machine code depends on.

Two functions that could differ must never have one name. What cannot be looked into
gets a name that no other process has, so it is compiled in each.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import types
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np

from minidl._version import __version__
from minidl.compiled.machine import processor, setting_values
from minidl.compiled.stack_lines import GeneratedFunction
from minidl.files.plugins import MAX_SOURCE
from minidl.files.reading import read_given

_PACKAGE = "minidl.compiled"
_LIBRARIES = ("numba", "llvmlite", "numpy")
_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic, np.dtype, numba.types.Type)
_THIS_PROCESS = os.urandom(16).hex()


def key_of(source: GeneratedFunction, signature: tuple[Any, ...]) -> str:
    """The name under which a source, compiled for these argument types, is kept."""
    parts = [
        *surroundings(),
        source.text,
        str(signature),
        *(f"{name} {identity(source.names[name])}" for name in sorted(source.names)),
    ]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def surroundings() -> list[str]:
    """Versions, processor and settings: what machine code depends on beside its source."""
    versions = (__version__, *(module.__version__ for module in (numba, llvmlite, np)), sys.version)
    return [*versions, *processor(), *setting_values(numba.config), package_hash()]


@functools.cache
def package_hash() -> str:
    """Of the source of all that writes code."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(hashlib.sha256(read_given(path, MAX_SOURCE)).digest())
    return digest.hexdigest()


def identity(value: Any) -> str:
    """What a kernel computes: its code, and all that it reaches through closures and globals.

    Code of this package is told apart by name; its content is in the package's hash.
    """
    return _identity(value, set())


def _identity(value: Any, seen: set[int]) -> str:
    options = getattr(value, "targetoptions", None)  # of a function that numba compiles
    function = getattr(value, "py_func", getattr(value, "_defn", value))
    if isinstance(function, types.FunctionType):
        return f"{_options(options)}{_function(function, seen)}"
    if isinstance(value, _PLAIN):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return f"array {value.dtype!r} {value.shape} {value.strides} {content}"
    if isinstance(value, (tuple, list)):
        return f"{type(value).__name__}({', '.join(_identity(part, seen) for part in value)})"
    if isinstance(value, types.ModuleType):
        return f"module {value.__name__}"
    if isinstance(value, (type, types.BuiltinFunctionType, np.ufunc)) and _of_libraries(value):
        return f"{value.__module__ if hasattr(value, '__module__') else 'numpy'}.{value.__name__}"
    return f"{type(value).__name__} of {_THIS_PROCESS} {id(value)}"


def _options(options: Any) -> str:
    return "" if options is None else repr(sorted((name, _option(value)) for name, value in options.items()))


def _option(value: Any) -> str:
    flags = getattr(value, "flags", value)  # fastmath is a set, or an object that holds one; its order is random
    return str(sorted(flags) if isinstance(flags, (set, frozenset)) else value)


def _of_libraries(value: Any) -> bool:
    module = getattr(value, "__module__", None) or "numpy"
    return module.split(".")[0] in (*_LIBRARIES, "builtins", "math")


def _function(function: types.FunctionType, seen: set[int]) -> str:
    if id(function) in seen:
        return function.__qualname__
    seen.add(id(function))
    parts = [function.__module__ or "", function.__qualname__, _identity(function.__defaults__, seen)]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        parts.append(f"{name}={_identity(cell.cell_contents, seen)}")
    if not f"{function.__module__}.".startswith((f"{_PACKAGE}.", *(f"{name}." for name in _LIBRARIES))):
        parts += _code(function.__code__, function.__globals__, seen)
    return "(" + " ".join(parts) + ")"


def _code(code: types.CodeType, known: dict[str, Any], seen: set[int]) -> list[str]:
    """A function's instructions and constants, those of functions within it, and what its names stand for."""
    parts = [code.co_code.hex(), repr((code.co_varnames, code.co_names))]
    for constant in code.co_consts:
        parts += _code(constant, known, seen) if isinstance(constant, types.CodeType) else [repr(constant)]
    for name in code.co_names:
        if name not in known:
            continue
        value = known[name]
        parts.append(f"{name}={_identity(value, seen)}")
        if isinstance(value, types.ModuleType) and value.__name__.split(".")[0] not in (*_LIBRARIES, "math"):
            parts += [f"{name}.{n}={_identity(vars(value)[n], seen)}" for n in code.co_names if n in vars(value)]
    return parts
