"""Several files become one tree: shipped names, ``extends``, included files, ``--set``.

Every node of the resulting tree keeps the place where it was written, so an
error in an inherited or included part points into the file that holds it.
Nodes are never changed; merging makes new ones.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from minidl.config.nodes import MAX_DEPTH, parse_file, parse_value
from minidl.config.tree import KeyPath, Node, Place, problem_line, shorten, shown
from minidl.core.errors import ConfigError
from minidl.core.registry import nearest, suggest_some
from minidl.core.text import printable, shell_word
from minidl.files.reading import user_path, variable_hint

MAX_EXTENDS = 20
_SUFFIXES = (".yaml", ".yml")


def shipped(kind: str) -> dict[str, Path]:
    """The files that come with minidl, by name; `kind` is ``"configs"`` or ``"models"``."""
    package = Path(__file__).parents[1]
    folder = package / "shipped" / kind
    if not folder.is_dir():  # a checkout, where they stand at the top
        folder = package.parent / kind
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_config(name_or_path: str | Path) -> Path:
    """The file of an experiment: an existing path, or the name of a shipped config.

    Raises
    ------
    ConfigError
        There is neither; the message suggests the nearest name.
    """
    return _find("configs", name_or_path)


def find_model(name_or_path: str | Path) -> Path:
    """As `find_config`, for a file that holds a model only."""
    return _find("models", name_or_path)


def load_node(config: str | Path, overrides: Sequence[str] = ()) -> Node:
    """The tree of a config, with what it extends merged and each ``key.path=value`` of `overrides` applied.

    Files that stand in for a part (``model: ../models/rnn_deep.yaml``) are read
    here where an override reaches into them, and by the builder otherwise.

    Raises
    ------
    ConfigError
        A file cannot be found or read, or an override is malformed or leads nowhere.
    """
    return override(read_tree(find_config(config)), overrides)


def override(root: Node, overrides: Sequence[str]) -> Node:
    """`root` with each ``key.path=value`` applied.

    Raises
    ------
    ConfigError
        An override is malformed or leads nowhere.
    """
    if isinstance(overrides, (str, Mapping)):
        raise ConfigError(f"overrides: expected a list, such as ['training.epochs=5'], got {shorten(overrides)}.")
    problems: list[str] = []
    for setting in overrides:
        try:
            root = _override(root, setting)
        except ConfigError as err:
            problems += err.lines
    if problems:
        raise ConfigError(*problems)
    return root


def put(root: Node, key: str, value: Node) -> Node:
    """`root` with a tree at ``key.path``.

    Raises
    ------
    ConfigError
        The path leads nowhere.
    """
    return _assign(root, key.split("."), value, ())


def read_tree(path: Path, *, chain: tuple[Path, ...] = ()) -> Node:
    """Parse a file and merge it over the one that it extends. `chain` are the files that extend this one."""
    root = parse_file(path)
    if not isinstance(root.value, dict) or "extends" not in root.value:
        return root
    named = root.value["extends"]
    if not isinstance(named.value, str):
        raise _error(named, ("extends",), f"expected the path of one YAML file, got {shown(named)}")
    own = Node(
        {key: child for key, child in root.value.items() if key != "extends"},
        root.place,
        {key: place for key, place in root.key_places.items() if key != "extends"},
    )
    base_path = _named_file(named, ("extends",), "configs")
    chain = (*chain, path.resolve())
    if base_path.resolve() in chain:
        names = " -> ".join(file.name for file in (*chain, base_path))
        raise _error(named, ("extends",), f"the files extend each other in a circle: {names}")
    if len(chain) > MAX_EXTENDS:
        raise _error(named, ("extends",), f"more than {MAX_EXTENDS} files extend one another")
    base = _read_named(named, ("extends",), base_path, chain)
    if base.kind != "mapping":
        raise _error(named, ("extends",), f"{base_path} must hold a mapping, got {shown(base)}")
    return merge(base, own)


def merge(base: Node, new: Node, path: KeyPath = ()) -> Node:
    """`new` laid over `base`: mappings merge key by key, anything else replaces.

    Two mappings of different ``type`` are not merged: the arguments of one
    class mean nothing to another.
    """
    if isinstance(new.value, dict) and names_file(base):
        base = include(base, path)
    if not isinstance(new.value, dict) or not isinstance(base.value, dict):
        return new
    types = [node.value["type"].value for node in (base, new) if "type" in node.value]
    if len(types) == 2 and types[0] != types[1]:
        return new
    children = dict(base.value)
    for key, child in new.value.items():
        children[key] = merge(children[key], child, (*path, key)) if key in children else child
    return Node(children, new.place, {**base.key_places, **new.key_places})


def names_file(node: Node) -> bool:
    """Whether a scalar may be the path of a YAML file that stands in its place."""
    return isinstance(node.value, str) and node.value.endswith(_SUFFIXES) and node.place is not None


def include(node: Node, path: KeyPath) -> Node:
    """The tree of the file that `node` names, read once.

    Raises
    ------
    ConfigError
        The file is missing (with the place of `node`) or wrong (with its own places).
    """
    if node.included is None:
        node.included = _read_named(node, path, _named_file(node, path, "models"), ())
    return node.included


def _override(root: Node, override: str) -> Node:
    """`root` with one ``key.path=value`` applied."""
    label = override if override.isprintable() and len(override) <= 100 else shorten(override, 100)
    name = f"--set {label}"
    keys, equals, text = override.partition("=")
    parts = [part.strip() for part in keys.split(".")]
    if not equals or not all(parts):
        raise ConfigError(f"{name}: expected key.path=value, for example model.layers.0.hidden_size=8")
    if len(parts) > MAX_DEPTH:
        raise ConfigError(f"{name}: nested deeper than {MAX_DEPTH} levels")
    try:
        value = _placed(parse_value(text.strip(), name), Place(name))
    except ConfigError as err:
        lines = [re.sub(r":\d+:\d+: ", ": ", line.removeprefix(name), count=1) for line in err.lines]
        raise ConfigError(*(name + line for line in lines)) from err
    return _assign(root, parts, value, ())


def _assign(node: Node, keys: Sequence[str], value: Node, path: KeyPath) -> Node:
    """A copy of `node` in which the node at `keys` is `value`."""
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if names_file(node):
        node = include(node, path)
    if node.value is None:
        node = Node({}, value.place)
    if isinstance(node.value, str) and node.value.isidentifier() and node.value[0].isupper():
        node = Node({"type": node}, node.place)  # a class with its defaults
    if isinstance(node.value, dict):
        old = node.value.get(key, Node(None, value.place))
        children = {**node.value, key: _assign(old, rest, value, (*path, key))}
        places = {key: value.place} if value.place and key not in node.value else {}
        return Node(children, node.place, {**node.key_places, **places})
    if not isinstance(node.value, list):
        raise _error(value, path, f"is {shown(node)}, which has no {key!r}")
    count = len(node.value)
    if key not in map(str, range(count)):
        valid = f"an index up to {count - 1}" if count else "nothing, for the list is empty"
        raise _error(value, path, f"has {count} item{'s' * (count != 1)}; expected {valid}, got {key!r}")
    items = list(node.value)
    items[int(key)] = _assign(items[int(key)], rest, value, (*path, int(key)))
    return Node(items, node.place)


def _placed(node: Node, place: Place) -> Node:
    """The same tree, all of it at one place."""
    if isinstance(node.value, dict):
        children = {key: _placed(child, place) for key, child in node.value.items()}
        return Node(children, place, dict.fromkeys(children, place))
    if isinstance(node.value, list):
        return Node([_placed(child, place) for child in node.value], place)
    return Node(node.value, place)


def _read_named(node: Node, path: KeyPath, file: Path, chain: tuple[Path, ...]) -> Node:
    try:
        return read_tree(file, chain=chain)
    except ConfigError as err:
        if str(err).startswith(printable(f"{file}: ")):  # the file as a whole, not a place in it
            raise _error(node, path, str(err)) from err
        raise


def _named_file(node: Node, path: KeyPath, kind: str) -> Path:
    """The file that a node names, relative to the file that the node stands in, else a shipped one."""
    written = node.place is not None and node.place.line > 0
    folder = Path(node.place.file).parent if node.place and written else Path()
    raw = folder / user_path(node.value)
    if os.path.isfile(raw):
        tidy = Path(os.path.normpath(raw))
        return tidy if os.path.isfile(tidy) and os.path.samefile(raw, tidy) else raw
    if os.path.exists(raw):
        raise _error(node, path, f"{raw} is not a file")
    known = shipped(kind)
    if node.value in (*known, *(file.name for file in known.values())):
        return known[Path(node.value).stem]
    hint = variable_hint(raw) or _suggest_file(raw, [file.name for file in known.values()])
    raise _error(node, path, f"no such file: {shorten(str(raw), 200)[1:-1]}{hint}")


def _find(kind: str, given: str | Path) -> Path:
    path, name = user_path(given), str(given)
    known = shipped(kind)
    if os.path.isfile(path):
        return path
    if name.removesuffix(".yaml") in known:
        return known[name.removesuffix(".yaml")]
    label = shorten(name, 200)[1:-1]
    if "=" in name and not path.exists():
        raise ConfigError(f"{label}: no such file; a config's values are set with --set {shell_word(name)}")
    if os.path.isdir(path):
        run = f", such as {label}/config.yaml; minidl resume goes on with a run" * (path / "config.yaml").exists()
        raise ConfigError(f"{label}: is a folder; a YAML file was expected{run}.")
    if os.path.exists(path):
        return path  # a pipe or a device, which parse_file refuses
    word, near = kind.removesuffix("s"), _suggest_file(path)
    if path.name == name and "$" not in name and not name.endswith(_SUFFIXES):
        hint = suggest_some(name, known, f"minidl list {kind}")
        beside = any(os.path.isfile(f"{path}{suffix}") for suffix in _SUFFIXES)
        hint = near if beside or (near and "did you mean" not in hint) else hint
        raise ConfigError(f"{label}: no such file, and no {word} of that name comes with minidl{hint}")
    raise ConfigError(f"{label}: no such file{variable_hint(path) or near or '.'}")


def _suggest_file(path: Path, others: Iterable[str] = ()) -> str:
    """A suggestion from the YAML files in the same folder and these others, by their names without the ending."""
    try:
        beside = [other.name for other in path.parent.iterdir() if other.suffix in _SUFFIXES]
    except (OSError, ValueError):
        beside = []
    files = {Path(name).stem: name for name in [*others, *sorted(beside)]}
    near = nearest(path.stem, files)
    return f"; did you mean {files[near]}?" if near else ""


def _error(node: Node, path: KeyPath, message: str) -> ConfigError:
    return ConfigError(problem_line(node.place, path, message))
