"""Compiled functions on disk, so that only the first process that needs one waits for the compiler.

A file holds one function for one machine. Its name is a hash of all that the machine
code depends on (see identity.py), so nothing in the cache is ever out of date; it is
only no longer asked for. Files are written aside and renamed, and carry a checksum: any
number of processes may write and read at once, and a damaged file is compiled anew.

The folder is ``MINIDL_CACHE``, or ``minidl`` in the user's cache folder. The files are
pickles: whoever can write to one can run code as the user. So the cache is used only if
folder and file are the user's alone (see `minidl.files.private`); otherwise a line says
so, and nothing is read or written there.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba.core.compiler import CompileResult
from numba.core.compiler_lock import global_compiler_lock
from numba.core.runtime import rtsys

from minidl.compiled.compiling import compiled_apart, machine_code, number_functions, python_function
from minidl.compiled.identity import key_of
from minidl.compiled.jit import jit
from minidl.compiled.stack_lines import GeneratedFunction
from minidl.core.errors import MinidlError, StorageError
from minidl.core.text import printable
from minidl.files.private import not_private, write_private
from minidl.files.reading import read_inside

Notify = Callable[[str], None]

MAX_FILE = 1 << 26
_DIGEST = 32
_loaded: dict[str, Any] = {}


def folder() -> Path:
    """Where compiled functions are kept.

    Raises
    ------
    StorageError
        ``MINIDL_CACHE`` or the system's own variable is not an absolute path, or there is no home folder.
    """
    if sys.platform == "win32":
        places = ("MINIDL_CACHE", "LOCALAPPDATA", "~/AppData/Local")
    elif sys.platform == "darwin":
        places = ("MINIDL_CACHE", "", "~/Library/Caches")
    else:
        places = ("MINIDL_CACHE", "XDG_CACHE_HOME", "~/.cache")
    chosen, general, default = places
    name = next((name for name in (chosen, general) if os.environ.get(name)), None)
    text = default if name is None else os.environ[name]
    try:
        path = Path(text).expanduser()
    except RuntimeError as err:
        raise StorageError("there is no home folder") from err
    if not path.is_absolute():
        raise StorageError(f"{name or 'the home folder'} is {printable(text)}, which is not an absolute path")
    return path if name == chosen else path / "minidl"


def compiled(source: GeneratedFunction, signature: tuple[Any, ...], notify: Notify) -> Any:
    """The function of a source for these argument types: from this process, from disk, or compiled now.

    Parameters
    ----------
    notify : gets one line when the compiler runs, or when the cache is not used.
    """
    key = key_of(source, signature)
    with global_compiler_lock:
        if key not in _loaded:
            _loaded[key] = _from_disk_or_compiler(source, signature, key, notify)
        return _loaded[key]


def _from_disk_or_compiler(source: GeneratedFunction, signature: tuple[Any, ...], key: str, notify: Notify) -> Any:
    function = jit(python_function(source.text, source.names, key))
    problem, code = None, None
    try:
        code = read(key)
    except MinidlError as err:
        problem = str(err).rstrip(".")
    if code is None or not _load(function, code):
        notify("compiling the model, once for this kind of stack; it can take half a minute ...")
        code = compiled_apart(source.text, source.names, signature, key)
        if code is None or not _load(function, code):
            # This process has compiled others, so in another one the same numbers may be those of other functions.
            number_functions(os.urandom(16).hex())
            function.compile(signature)
            code = machine_code(function)
        problem = problem or _save(code, key, source.text)
    if problem:
        hint = "MINIDL_CACHE sets another folder"
        notify(f"the compiled model is not kept for the next time, nor read from there: {problem} ({hint})")
    function.disable_compile()
    return function


def read(key: str) -> bytes | None:
    """The machine code of this name, as it was written; None: there is none, or it is damaged.

    Raises
    ------
    MinidlError
        Somebody else could have written it: the cache must not be used.
    """
    path = _private_folder() / f"{key}.bin"
    if not os.path.lexists(path):
        return None
    content = read_inside(path.parent, path.name, MAX_FILE, private=True)
    payload = content[_DIGEST:]
    return payload if _digest(key, payload) == content[:_DIGEST] else None


def _digest(key: str, payload: bytes) -> bytes:
    """Of a file's content and its name, so that one is not read for the other."""
    return hashlib.sha256(key.encode() + payload).digest()


def _private_folder() -> Path:
    path = folder()
    problem = not_private(path)
    if problem is not None:
        raise StorageError(problem)
    return path


def _load(function: Any, content: bytes) -> bool:
    """Give `function` its machine code; False if it cannot be used."""
    try:
        # Machine code needs numba's run-time support; the compiler's own tables (`refresh`) take many times as long.
        rtsys.initialize(function.targetctx)
        result = CompileResult._rebuild(function.targetctx, *pickle.loads(content))
        function.targetctx.insert_user_function(result.entry_point, result.fndesc, [result.library])
        function.add_overload(result)
    except Exception:  # whatever is wrong with a cache, the answer is to compile
        return False
    return True


def _save(code: bytes, key: str, text: str) -> str | None:
    """Write the machine code, and the text beside it to be read; returns what went wrong."""
    try:
        path = _private_folder()
        for missing in reversed([place for place in (path, *path.parents) if not os.path.lexists(place)]):
            missing.mkdir(mode=0o700, exist_ok=True)
        path = _private_folder()
        write_private(path / f"{key}.py", text.encode())
        write_private(path / f"{key}.bin", _digest(key, code) + code)
    except MinidlError as err:
        return str(err).rstrip(".")
    except OSError as err:
        return f"{printable(path)}: {err.strerror or err}"
    return None
