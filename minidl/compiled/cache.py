"""Compiled functions on disk, so that only the first process that needs one waits for the compiler.

A file holds one function for one machine. Its name is a hash of all that the
machine code depends on: the function's text and everything it calls, the versions
of minidl, numba, llvmlite, NumPy and Python, and the processor. So nothing in the
cache is ever out of date; it is only no longer asked for. Files are written aside
and renamed, and carry a checksum: any number of processes may write and read at
once, and a damaged file is compiled anew.

The folder is ``MINIDL_CACHE``, or ``minidl`` in the user's cache folder. Whoever
can write to it can run code as the user; so it is made for the user alone.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding
import numba
import numpy as np
from numba.core import serialize
from numba.core.compiler import CompileResult
from numba.core.compiler_lock import global_compiler_lock

from minidl._version import __version__
from minidl.compiled.jit import jit
from minidl.compiled.source import Source

Notify = Callable[[str], None]

_PACKAGE = "minidl.compiled"
_DIGEST = hashlib.sha256().digest_size
_loaded: dict[str, Any] = {}


def folder() -> Path:
    """Where compiled functions are kept."""
    chosen = os.environ.get("MINIDL_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "minidl"


def compiled(source: Source, signature: tuple[Any, ...], notify: Notify) -> Any:
    """The function of a source for these argument types: from this process, from disk, or compiled now.

    Parameters
    ----------
    notify : gets one line when the compiler runs, or when the result cannot be kept.
    """
    key = _key(source, signature)
    with global_compiler_lock:
        if key not in _loaded:
            _loaded[key] = _from_disk_or_compiler(source, signature, key, notify)
        return _loaded[key]


def _from_disk_or_compiler(source: Source, signature: tuple[Any, ...], key: str, notify: Notify) -> Any:
    path = _path(key)
    function = jit(_python_function(source, key))
    if path is not None and _load(function, path):
        function.disable_compile()
        return function
    notify("compiling the model, once for this kind of stack; it takes some seconds ...")
    function.compile(signature)
    function.disable_compile()
    problem = "no home folder" if path is None else _save(function, path, source.text)
    if problem:
        notify(f"the compiled model is not kept for the next time: {problem} (MINIDL_CACHE sets another folder)")
    return function


def _path(key: str) -> Path | None:
    try:
        return folder() / f"{key}.bin"
    except RuntimeError:  # no home folder
        return None


def _python_function(source: Source, key: str) -> Any:
    """The source as a function of a module that is registered, which numba's loader asks for."""
    name = f"minidl_compiled_{key}"
    module = types.ModuleType(name)
    vars(module).update(source.names)
    exec(compile(source.text, f"<{name}>", "exec"), vars(module))
    sys.modules[name] = module
    return next(value for value in vars(module).values() if getattr(value, "__module__", None) == name)


def _load(function: Any, path: Path) -> bool:
    """Give `function` its machine code from disk; False if there is none that can be used."""
    try:
        content = path.read_bytes()
        if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
            return False
        function.targetctx.refresh()
        result = CompileResult._rebuild(function.targetctx, *pickle.loads(content[_DIGEST:]))
        function.targetctx.insert_user_function(result.entry_point, result.fndesc, [result.library])
        function.add_overload(result)
    except Exception:  # whatever is wrong with a cache, the answer is to compile
        return False
    return True


def _save(function: Any, path: Path, text: str) -> str | None:
    """Write the machine code, and the text beside it to be read; returns what went wrong."""
    try:
        (result,) = function.overloads.values()
        payload = serialize.dumps(result._reduce())
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _replace(path.with_suffix(".py"), text.encode())
        _replace(path, hashlib.sha256(payload).digest() + payload)
    except OSError as err:
        return f"{path.parent}: {err.strerror or err}"
    return None


def _replace(path: Path, content: bytes) -> None:
    descriptor, new = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise


def _key(source: Source, signature: tuple[Any, ...]) -> str:
    parts = [
        __version__,
        *(module.__version__ for module in (numba, llvmlite, np)),
        sys.version,
        llvmlite.binding.get_host_cpu_name(),
        llvmlite.binding.get_host_cpu_features().flatten(),
        _package_hash(),
        source.text,
        str(signature),
        *(f"{name} {_identity(source.names[name], set())}" for name in sorted(source.names)),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _package_hash() -> str:
    root = Path(__file__).parent
    contents = (path.read_bytes() for path in sorted(root.rglob("*.py")))
    return hashlib.sha256(b"".join(contents)).hexdigest()


def _identity(value: Any, seen: set[int]) -> str:
    """What a kernel computes: its code, and all that it reaches through closures and globals.

    Code of this package is told apart by name; its content is in the package's hash.
    """
    function = getattr(value, "py_func", value)
    if not isinstance(function, types.FunctionType):
        own = str(getattr(type(value), "__module__", "")).startswith(("numba.", "numpy", _PACKAGE))
        return (
            getattr(value, "__name__", type(value).__name__)
            if own or isinstance(value, types.ModuleType)
            else repr(value)
        )
    if id(function) in seen:
        return function.__qualname__
    seen.add(id(function))
    code = function.__code__
    parts = [function.__module__, function.__qualname__, repr(function.__defaults__)]
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        parts.append(f"{name}={_identity(cell.cell_contents, seen)}")
    if not function.__module__.startswith(_PACKAGE):
        parts += [code.co_code.hex(), repr([c for c in code.co_consts if not isinstance(c, types.CodeType)])]
        known = function.__globals__
        parts += [f"{name}={_identity(known[name], seen)}" for name in code.co_names if name in known]
    return "(" + " ".join(parts) + ")"
