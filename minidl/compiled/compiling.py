"""The compiler, in a process of its own.

What it needs while it works, some 100 MB and many seconds, is given back when that process
ends. It gets the text and what the text calls through a pipe, and sends machine code back;
it ends as soon as its parent does, for then the pipe closes.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import itertools
import os
import pickle
import subprocess
import sys
import threading
from typing import Any, BinaryIO

import llvmlite.binding
from numba.core import bytecode, serialize
from numba.core.dispatcher import Dispatcher

from minidl.compiled.identity import surroundings
from minidl.compiled.jit import jit, registered

# The path of the parent, not the folder that it was started in, is where modules come from.
_START = "import sys; sys.path[:] = sys.argv[1:]; from minidl.compiled.compiling import main; main()"
# Functions that only compiled code calls are not made callable from Python, which takes a sixth of the time.
_NOT_FROM_PYTHON = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_LENGTH = 8


def python_function(text: str, names: dict[str, Any], key: str) -> Any:
    """The function of a text, in a module of its own."""
    name = f"minidl_compiled_{key}"
    module = registered(name)
    vars(module).update(names)
    exec(compile(text, f"<{name}>", "exec"), vars(module))
    return next(value for value in vars(module).values() if getattr(value, "__module__", None) == name)


def number_functions(name: str) -> None:
    """Number what numba compiles next from a number on that no other name has.

    The numbers are in the names of all functions of machine code. Where that of two processes is loaded, names must
    differ: of two functions of one name the first would be called for both.
    """
    bytecode.FunctionIdentity._unique_ids = itertools.count(
        int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    )


def machine_code(function: Any) -> bytes:
    """That of the only signature that a function was compiled for; the cache's content."""
    (result,) = function.overloads.values()
    (name, kind, (machine, bitcode)), *rest = result._reduce()
    code: bytes = serialize.dumps(((name, kind, (machine, _names(bitcode))), *rest))
    return code


def _names(bitcode: bytes) -> bytes:
    """A module of LLVM that defines what this one does, without what it is: all that is left to do with its names.

    Nothing more is compiled with the text of a whole stack, which takes some 10 ms to read.
    """
    module = llvmlite.binding.parse_bitcode(bitcode)
    names = [v.name for v in (*module.functions, *module.global_variables) if not v.is_declaration]
    text = "\n".join(f'@"{name}" = global i8 0' for name in names)
    found: bytes = llvmlite.binding.parse_assembly(text).as_bitcode()
    return found


def compiled_apart(text: str, names: dict[str, Any], signature: tuple[Any, ...], key: str) -> bytes | None:
    """Machine code for these argument types; None: it has to be compiled here.

    That is so where no process can be started, where it was killed, where another process would
    compile for other settings, and where what the text calls cannot be sent.
    """
    task = io.BytesIO()
    try:
        _Pickler(task, protocol=pickle.HIGHEST_PROTOCOL).dump((surroundings(), text, names, signature, key))
        process = subprocess.Popen(
            [sys.executable, "-c", _START, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a terminal's signals are the parent's to answer
        )
    except (OSError, ValueError, TypeError, pickle.PicklingError):
        return None
    code = b""
    with contextlib.suppress(BrokenPipeError), process:  # it may end at once
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(task.tell().to_bytes(_LENGTH, "big") + task.getvalue())
        process.stdin.flush()
        code = process.stdout.read()
    return code if process.returncode == 0 else None


class _Pickler(serialize.NumbaPickler):  # type: ignore[misc]
    """Sends functions by their content, for many are in no file."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Dispatcher):
            return _inner_function, (value.py_func.__module__, value.py_func, value.targetoptions)
        return super().reducer_override(value)


def _inner_function(module: str, function: Any, options: dict[str, Any]) -> Any:
    """A function that the text calls, in a module of the same name as there."""
    if module.startswith("minidl."):
        importlib.import_module(module)
    else:
        registered(module)
    return jit(function, **options, **_NOT_FROM_PYTHON)


def main() -> None:
    """Compile what comes in, and write its machine code out."""
    out, sys.stdout = sys.stdout.buffer, sys.stderr  # whatever else prints
    pipe = sys.stdin.buffer
    task = pipe.read(int.from_bytes(pipe.read(_LENGTH), "big"))
    threading.Thread(target=_end_with_parent, args=(pipe,), daemon=True).start()
    there, text, names, signature, key = pickle.loads(task)
    if there != surroundings():
        sys.exit(1)
    function = jit(python_function(text, names, key))
    number_functions(key)
    function.compile(signature)
    out.write(machine_code(function))
    out.flush()
    os._exit(0)


def _end_with_parent(pipe: BinaryIO) -> None:
    pipe.read(1)
    os._exit(1)
