"""The one table from names to classes: what a config may name.

A *kind* is an abstract base (Layer, Loss, Optimizer, Series, ...). ``register``
files a class under its own name in the kind it derives from. Nothing is ever
imported because a config names it; a name that is not in the table is an error
with a suggestion.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import sys
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from minidl.errors import ConfigError, IncompatibleRunError, MinidlError, StorageError
from minidl.files.reading import read_given, user_path, variable_hint

T = TypeVar("T", bound=Callable[..., Any])

_KINDS: dict[type, tuple[str, dict[str, Any]]] = {}
_FUNCTION_KIND: list[type] = []
_DEFAULTS: dict[type, str] = {}
_entry_points_loaded = False
_entry_point_packages: set[str] = set()
_plugins: dict[str, str] = {}
MAX_SOURCE = 1 << 24  # of a plugin
_WRITTEN = "_written_at"  # the attribute in which an object keeps its place in a config
_PREFIX = "minidl_plugin_"  # of the modules made from files given with --plugin


def open_kind(name: str, *, functions: bool = False, default: str | None = None) -> Callable[[type], type]:
    """Class decorator: make an abstract base a kind, called `name` in messages.

    With ``functions=True`` the members of the kind are plain functions (one
    kind only: initializers). `default` is the name of the member that a config
    means where it gives no ``type``.
    """

    def decorate(base: type) -> type:
        _KINDS[base] = (name, {})
        if default is not None:
            _DEFAULTS[base] = default
        if functions:
            _FUNCTION_KIND.append(base)
        return base

    return decorate


def register(item: T) -> T:
    """Decorator: let configs name this class (or initializer function) by its own name.

    Raises
    ------
    ConfigError
        The class derives from no kind, declares arguments without being a
        dataclass, or its name is taken by another one.
    """
    if not isinstance(item, type):
        base = _FUNCTION_KIND[0]
    else:
        bases = [base for base in _KINDS if base not in _FUNCTION_KIND and issubclass(item, base)]
        if not bases:
            kinds = ", ".join(base.__name__ for base in _KINDS if base not in _FUNCTION_KIND)
            raise ConfigError(f"register: {item.__name__} must derive from one of {kinds}.")
        base = bases[0]
        if "__annotations__" in vars(item) and "__dataclass_fields__" not in vars(item):
            raise ConfigError(
                f"register: {item.__name__} declares arguments but is not a dataclass; "
                "put @dataclass(eq=False) below @register."
            )
    name = item.__name__
    kind, entries = _KINDS[base]
    old = entries.get(name)
    same = old is not None and (old.__module__, old.__qualname__) == (item.__module__, item.__qualname__)
    if old is not None and not same:
        raise ConfigError(f"register: a {kind} named {name} exists already, in {old.__module__}; choose another name.")
    entries[name] = item
    return item


def kinds() -> dict[str, type]:
    """Every kind's name and its base, for example ``{"layer": Layer, ...}``."""
    return {name: base for base, (name, _) in _KINDS.items()}


def is_kind(hint: object) -> bool:
    """Whether a type hint is the base of a kind."""
    return isinstance(hint, type) and hint in _KINDS


def kind_name(base: type) -> str:
    """The word for a kind in messages: ``layer`` for Layer."""
    return _KINDS[base][0]


def default_name(base: type) -> str | None:
    """The member of a kind that a config means where it gives no ``type``; None: there is none."""
    return _DEFAULTS.get(base)


def names(base: type) -> list[str]:
    """All registered names of a kind, sorted."""
    load_entry_points()
    return sorted(_KINDS[base][1])


def lookup(base: type, name: str) -> Any:
    """The class (or initializer) registered under `name` in the kind of `base`.

    Raises
    ------
    ConfigError
        No such name; the message suggests the nearest one.
    """
    kind, entries = _KINDS[base]
    if name not in entries:
        load_entry_points()
    if name not in entries:
        raise ConfigError(f"unknown {kind} {name!r}{suggest(name, entries)}")
    return entries[name]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The shortest known name that contains this one, tanh in TanhActivation, or else the nearest, if one is near."""
    lowered = {candidate.lower(): candidate for candidate in sorted(known)}
    holding = [candidate for candidate in lowered if len(name) > 2 and name.lower() in candidate]
    near = sorted(holding, key=len) or difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return lowered[near[0]] if near else None


def suggest(name: str, known: Iterable[str]) -> str:
    """``"; did you mean X?"`` for the nearest known name; or a few known names."""
    known = sorted(known)
    near = nearest(name, known)
    if near:
        return f"; did you mean {near}?"
    return f"; known: {', '.join(known)}" if 0 < len(known) <= 20 else ""


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


def note_place(item: object, place: str) -> None:
    """Remember with an object where in a config it is written, for the messages of what fails in it."""
    vars(item)[_WRITTEN] = place


def plugin_place(err: BaseException) -> str | None:
    """Where a plugin's own code failed; None if none of it was running.

    ``"my.yaml:5:7: model.layers.1: file.py:12, in forward"``, the first two only if
    what failed was made from a config.
    """
    line, written = plugin_line(err), None
    trace = err.__traceback__ if line else None
    while trace is not None:
        owner = trace.tb_frame.f_locals.get("self")
        written = getattr(owner, "__dict__", {}).get(_WRITTEN, written)
        trace = trace.tb_next
    return f"{written}: {line}" if written else line


def plugin_fault(err: BaseException) -> ConfigError | None:
    """What failed in a plugin's own code, as one line with its place; None if none of it was running."""
    place = plugin_place(err)
    if place is None:
        return None
    return ConfigError(f"{place}: {err}" if isinstance(err, MinidlError) else f"{place}: {type(err).__name__}: {err}")


def plugin_line(err: BaseException) -> str | None:
    """``"file.py:12, in forward"``, where a plugin's own code failed; None if none of it was running."""
    files = {getattr(module, "__file__", None) for name, module in list(sys.modules.items()) if _is_plugin(name)}
    found = None
    trace = err.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename in files:
            found = f"{code.co_filename}:{trace.tb_lineno}, in {code.co_name}"
        trace = trace.tb_next
    return found


def _is_plugin(module: str) -> bool:
    return module.startswith(_PREFIX) or module.split(".")[0] in _entry_point_packages


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


def load_entry_points() -> None:
    """Import the modules that installed packages name in the entry-point group ``minidl.plugins``."""
    global _entry_points_loaded
    if _entry_points_loaded:
        return
    _entry_points_loaded = True
    import importlib.metadata  # 40 ms that few processes need

    for point in importlib.metadata.entry_points(group="minidl.plugins"):
        _entry_point_packages.add(point.module.split(".")[0])
        try:
            point.load()
        except Exception as err:
            raise ConfigError(f"plugin {point.name} ({point.value}): {type(err).__name__}: {err}") from err
