"""Plugins: Python files that a user names, which register classes; and whether they are those of a run's start.

A file that somebody hands you never names code that is run: plugins are given
again on the command line. What is recorded only says whether they are the same,
by the SHA-256 of their content; where they lie does not matter. What a plugin
imports, and the plugins of installed packages, are not recorded.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any, TypedDict

from minidl.core.errors import ConfigError, IncompatibleRunError, MinidlError, StorageError
from minidl.core.registry import WRITTEN, from_entry_point
from minidl.core.text import shell_word
from minidl.files.reading import read_given, user_path, variable_hint

_plugins: dict[str, str] = {}
MAX_SOURCE = 1 << 24  # of a plugin
_OTHER_ARGUMENTS = re.compile(r"([\w.]+)\(\) (?:takes|missing|got) ")
_PREFIX = "minidl_plugin_"  # of the modules made from files given with --plugin


class PluginRecord(TypedDict):
    """A plugin as it was at the start."""

    path: str
    sha256: str


# Runs of earlier versions recorded the path only.
Recorded = Sequence[PluginRecord | str]


def plugin_records(paths: Sequence[str | Path]) -> list[PluginRecord]:
    """What is recorded of these plugins: the content that this process has run, or else the file's.

    Raises
    ------
    StorageError
        A file that was not run cannot be read.
    """
    loaded = loaded_plugins()
    digests = {path: loaded.get(str(user_path(path).resolve())) or plugin_digest(path) for path in paths}
    return [{"path": str(path), "sha256": digests[path]} for path in paths]


def plugin_changes(recorded: Recorded) -> list[str]:
    """One line for each recorded plugin whose content is not among those that this process has run."""
    loaded = loaded_plugins()
    names = {Path(file).name for file in loaded}
    lines = []
    for plugin in recorded:
        if isinstance(plugin, str) or plugin["sha256"] in loaded.values():
            continue
        given = Path(plugin["path"]).name in names
        what = "its content has changed since the start" if given else "was used at the start and is not given now"
        lines.append(f"--plugin {plugin['path']}: {what}")
    return lines


def plugin_arguments(recorded: Recorded) -> str:
    """The --plugin arguments of the start, for the next command, or ``a --plugin`` if there were none."""
    paths = [plugin if isinstance(plugin, str) else plugin["path"] for plugin in recorded]
    return " ".join(f"--plugin {shell_word(path)}" for path in paths) or "a --plugin"


def plugin_digest(path: str | Path) -> str:
    """The SHA-256 of a plugin's file as it is now.

    Raises
    ------
    StorageError
        It cannot be read.
    """
    return hashlib.sha256(read_given(path, MAX_SOURCE)).hexdigest()


def load_plugin(path: str | Path, sha256: str | None = None) -> Any:
    """Run a Python file that the user named, so that its classes register themselves; return the module.

    What is run are the bytes that are hashed. A file that was run already is run
    again only if its content has changed.

    Parameters
    ----------
    sha256 : of the content that is meant; None: any.

    Raises
    ------
    ConfigError
        The file does not exist, is no Python file, or fails while it runs.
    IncompatibleRunError
        It has another content than `sha256` says.
    """
    path = user_path(path)
    if not path.is_file() or path.suffix != ".py":
        raise ConfigError(f"--plugin {path}: no such Python file (.py){variable_hint(path)}.")
    try:
        source = read_given(path, MAX_SOURCE)
    except StorageError as err:
        raise ConfigError(f"--plugin {err}") from err
    found = hashlib.sha256(source).hexdigest()
    if sha256 is not None and found != sha256:
        raise IncompatibleRunError(f"--plugin {path}: its content is not that of the start.")
    try:
        file = str(path.resolve())
        name = _PREFIX + path.stem
        if getattr(sys.modules.get(name), "__file__", file) != file:  # another file of the same name
            name += f"_{zlib.crc32(file.encode()):08x}"
        if name not in sys.modules or _plugins.get(file) != found:
            _run_source(name, file, source)
            _plugins[file] = found
        return sys.modules[name]
    except (Exception, SystemExit) as err:
        what = str(err) if isinstance(err, ConfigError) else f"{type(err).__name__} while loading it: {err}"
        raise ConfigError(f"--plugin {path}: {what}") from err


def loaded_plugins() -> dict[str, str]:
    """The SHA-256 of every plugin file that this process has run, by its path where links end."""
    return dict(_plugins)


def plugin_place(err: BaseException) -> str | None:
    """Where a plugin's own code failed; None if none of it was running.

    ``"my.yaml:5:7: model.layers.1: file.py:12, in forward"``, the first two only if
    what failed was made from a config.
    """
    line, written = plugin_line(err), None
    trace = err.__traceback__ if line else None
    while trace is not None:
        owner = trace.tb_frame.f_locals.get("self")
        written = getattr(owner, "__dict__", {}).get(WRITTEN, written)
        trace = trace.tb_next
    return f"{written}: {line}" if written else line


def plugin_fault(err: BaseException) -> ConfigError | None:
    """What failed in a plugin's own code, as one line with its place; None if none of it was running."""
    place = plugin_place(err)
    if place is None:
        return None
    return ConfigError(f"{place}: {err}" if isinstance(err, MinidlError) else f"{place}: {type(err).__name__}: {err}")


@contextmanager
def plugin_faults() -> Iterator[None]:
    """Within it what fails in a plugin's own code becomes a ConfigError with its place.

    For code that runs in another process: a traceback does not come back from there.
    """
    try:
        yield
    except MinidlError:
        raise
    except Exception as err:
        fault = plugin_fault(err)
        if fault is None:
            raise
        raise fault from err


def plugin_line(err: BaseException) -> str | None:
    """``"file.py:12, in forward"``, where a plugin's own code failed, or what of it could not be called; else None."""
    modules = [module for name, module in list(sys.modules.items()) if _is_plugin(name)]
    files = {getattr(module, "__file__", None) for module in modules}
    found = _uncallable(err, modules)
    trace = err.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename in files:
            found = f"{code.co_filename}:{trace.tb_lineno}, in {code.co_name}"
        trace = trace.tb_next
    return found


def _uncallable(err: BaseException, modules: Sequence[Any]) -> str | None:
    """The function of a plugin that takes other arguments than it is given, and in what it should be like."""
    named = _OTHER_ARGUMENTS.match(str(err)) if isinstance(err, TypeError) else None
    *path, name = named[1].split(".") if named else [""]
    for module in modules if named else ():
        owner = module
        for part in path:
            owner = getattr(owner, part, None)
        code = getattr(getattr(owner, name, None), "__code__", None)
        if code is not None:
            bases = [vars(base)[name] for base in getattr(owner, "__mro__", ())[1:] if name in vars(base)]
            like = f", which is called as {name}({', '.join(signature(bases[0]).parameters)})" if bases else ""
            return f"{code.co_filename}:{code.co_firstlineno}, in {name}{like}"
    return None


def _is_plugin(module: str) -> bool:
    return module.startswith(_PREFIX) or from_entry_point(module)


def load_source(name: str, file: str) -> Any:
    """The module called `name`: loaded already, importable, or else run from its file under that name."""
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == file:
        return sys.modules[name]
    if not name.startswith(_PREFIX) and name != "__main__":
        try:
            return importlib.import_module(name)
        except ImportError:
            pass
    return _run_source("minidl_main" if name == "__main__" else name, file, read_given(file, MAX_SOURCE))


def _run_source(name: str, file: str, source: bytes) -> Any:
    """A new module of this name, made by running these bytes of its file and no others, as a cache may hold."""
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None:
        raise ConfigError(f"{file}: not a Python file.")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        exec(compile(source, file, "exec", dont_inherit=True), vars(module))
    except BaseException:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise
    return module
