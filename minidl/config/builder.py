"""A tree of nodes becomes checked objects; every problem is reported, with its place.

Works for any Configurable: components are looked up in the registry, sections
are found by their type hints, and plain values are checked by msgspec. Nothing
is imported because a config names it.
"""

from __future__ import annotations

import difflib
import functools
import os
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from minidl.config.keys import key_paths, unknown_key_hint, unknown_name_hint, wanted
from minidl.config.merge import include, names_file
from minidl.config.nodes import MAX_DEPTH, MAX_NODES
from minidl.config.tree import KeyPath, Node, Place, problem_line, shorten, shown
from minidl.config.values import check_plain
from minidl.core.arguments import Configurable, argument_hints, component_hint, required_arguments
from minidl.core.errors import ConfigError, MinidlError
from minidl.core.registry import default_name, is_kind, lookup, names, nearest, note_place, suggest
from minidl.core.text import listed
from minidl.files.plugins import plugin_line

MAX_PROBLEMS = 50
MAX_CHAIN = 20  # files that include one another
MAX_FILES = 500  # included files in all


def build(target: type, node: Node) -> Any:
    """The object that a tree describes.

    Parameters
    ----------
    target : a section (a Configurable such as Experiment), or the base of a kind (Layer).
    node : the tree, as `load_node` or `parse_file` gives it.

    Raises
    ------
    ConfigError
        One line for each problem, ``file:line:column: key.path: what is wrong``,
        at most 50 of them.
    """
    return _Builder().run(target, node)


def construct(target: type, mapping: Mapping[str, Any]) -> Any:
    """The object that plain dicts and lists describe, as `to_config` gives them.

    `target` itself need not be registered; the components inside must be.

    Raises
    ------
    ConfigError
        As for `build`, with the key path only.
    """
    return build(target, as_node(mapping))


def locate(node: Node, path: Sequence[str | int]) -> Place | None:
    """Where the node at `path` stands, or the innermost node on the way that was written."""
    place = node.place
    for key in path:
        node = _opened(node)
        children = dict(enumerate(node.value)) if isinstance(node.value, list) else node.value
        if not isinstance(children, dict) or key not in children:
            break
        node = children[key]
        place = _opened(node).place or place
    return place


def _opened(node: Node) -> Node:
    while node.included is not None:
        node = node.included
    return node


def problem_at(node: Node, path: Sequence[str | int], message: str) -> str:
    """One line as the builder reports it, for a problem that showed only later.

    `path` leads from `node`, for example ``("model", "layers", 2)`` from the
    root of an experiment: the key and then a `ShapeError`'s path.
    """
    return problem_line(locate(node, path), path, message)


_BAD: Any = object()  # what a part that was reported stands for


class _LimitError(Exception):
    """The tree is beyond its limits; nothing more is read."""


class _Builder:
    """Builds one tree; `chain` are the files being included, innermost last."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.chain: list[str] = []
        self.visited = 0
        self.files_read = 0

    def run(self, target: type, node: Node) -> Any:
        self.target = target
        try:
            item = self.component(target, node, ())
        except _LimitError:
            item = _BAD
        if self.problems:
            rest = len(self.problems) - MAX_PROBLEMS
            shown = self.problems[:MAX_PROBLEMS] + ([f"(+{rest} more)"] if rest > 0 else [])
            raise ConfigError(*shown)
        return item

    def report(self, place: Place | None, path: KeyPath, message: str) -> Any:
        self.problems.append(problem_line(place, path, message))
        return _BAD

    def value(self, hint: Any, node: Node, path: KeyPath) -> Any:
        """The value of one argument."""
        asked = component_hint(hint)
        if asked is None:
            before = len(self.problems)
            value = check_plain(node, hint, path, self.report)
            return value if len(self.problems) == before else _BAD
        base, many = asked
        if node.value is None and type(None) in typing.get_args(hint):
            return None
        return self.components(base, node, path) if many else self.component(base, node, path)

    def components(self, base: type, node: Node, path: KeyPath) -> Any:
        """A list of components."""
        if not isinstance(node.value, list):
            if names_file(node):
                return self.from_file(node, path, lambda tree: self.components(base, tree, path))
            return self.report(node.place, path, f"expected a list, each item {wanted(base)}; got {shown(node)}")
        items = [self.component(base, child, (*path, i)) for i, child in enumerate(node.value)]
        return _BAD if any(item is _BAD for item in items) else items

    def component(self, base: type, node: Node, path: KeyPath) -> Any:
        """A component or a section."""
        self.visited += 1
        if self.visited > MAX_NODES:
            self.stop(node, path, f"more than {MAX_NODES:,} parts, counting included files")
        if len(path) > MAX_DEPTH:
            self.stop(node, path, f"nested deeper than {MAX_DEPTH} levels, counting included files")
        if names_file(node):
            return self.from_file(node, path, lambda tree: self.component(base, tree, path))
        kind = next((parent for parent in base.__mro__ if is_kind(parent)), None)
        if kind is None:
            return self.section(base, node, path)
        if isinstance(node.value, str):
            return self.named(kind, base, node, path)
        if not isinstance(node.value, dict) or not issubclass(base, Configurable):
            known = suggest("", names(kind))
            return self.report(node.place, path, f"expected {wanted(base)}; got {shown(node)}{known}")
        cls = self.class_of(kind, base, node, path)
        return _BAD if cls is _BAD else self.instance(cls, node, path, "type")

    def from_file(self, node: Node, path: KeyPath, read: Callable[[Node], Any]) -> Any:
        """What `read` makes of the file that a node names."""
        self.files_read += 1
        if len(self.chain) >= MAX_CHAIN or self.files_read > MAX_FILES:
            self.stop(node, path, f"more than {MAX_FILES} files are included, or {MAX_CHAIN} inside one another")
        try:
            tree = include(node, path)
        except ConfigError as err:
            self.problems.extend(err.lines)
            return _BAD
        file = os.path.realpath(tree.place.file) if tree.place else ""
        if file in self.chain:
            return self.report(node.place, path, f"the file {node.value} includes itself")
        self.chain.append(file)
        result = read(tree)
        self.chain.pop()
        return result

    def section(self, cls: type, node: Node, path: KeyPath) -> Any:
        """A part whose class is fixed by its key."""
        if not isinstance(node.value, dict):
            return self.report(node.place, path, f"expected {wanted(cls)}; got {shown(node)}")
        return self.instance(cls, node, path)

    def named(self, kind: type, base: type, node: Node, path: KeyPath) -> Any:
        """A bare name: a function, or a class with its defaults."""
        item = self.registered(kind, base, node, path)
        if item is _BAD or not isinstance(item, type):
            return item
        missing = required_arguments(item)
        if missing:
            written = ", ".join(f"{name}: ..." for name in missing)
            needs = f"{item.__name__} needs {listed(missing)}; write {{type: {item.__name__}, {written}}}"
            return self.report(node.place, path, needs)
        return self.made(item, {}, node, path)

    @functools.cached_property
    def key_paths(self) -> dict[str, str]:
        """Where each key of the whole config stands; needed for messages only."""
        return {} if is_kind(self.target) else key_paths(self.target)

    def class_of(self, kind: type, base: type, node: Node, path: KeyPath) -> Any:
        """The class that a mapping's ``type`` names."""
        named = node.value.get("type")
        if named is None and not is_kind(base):
            return base
        if named is None:
            default = default_name(base)
            cls = None if default is None else lookup(base, default)
            known = {} if cls is None else argument_hints(cls)
            for key, place in node.key_places.items():
                if key not in known and difflib.get_close_matches(key.lower(), ["type"], cutoff=0.7):
                    return self.report(place, (*path, key), f"unknown key {shorten(key)}; did you mean type?")
            return cls or self.report(node.place, path, f"type is missing; expected {wanted(base)}")
        path = (*path, "type")
        if not isinstance(named.value, str):
            return self.report(named.place, path, f"expected the name of a class; got {shown(named)}")
        if not is_kind(base) and named.value == base.__name__:
            return base
        return self.registered(kind, base, named, path)

    def registered(self, kind: type, base: type, node: Node, path: KeyPath) -> Any:
        """What is registered under the name that a scalar holds."""
        try:
            item = lookup(kind, node.value)
        except ConfigError as err:
            return self.report(node.place, path, f"{err}{unknown_name_hint(node.value, kind, node.place is not None)}")
        if isinstance(item, type) and not issubclass(item, base):
            return self.report(node.place, path, f"expected {wanted(base)}; got {node.value}")
        return item

    def instance(self, cls: type, node: Node, path: KeyPath, *not_arguments: str) -> Any:
        """The object of a class that is known, from the mapping of its arguments."""
        hints = argument_hints(cls)
        before = len(self.problems)
        unknown = self.unknown_keys(cls, node, path, not_arguments)
        missing = [name for name in required_arguments(cls) if name not in node.value]
        missing = [name for name in missing if f"; did you mean {name}?" not in unknown.values()]
        if missing:
            self.report(node.place, path, f"{cls.__name__} needs {listed(missing)}")
        arguments = {}
        for key, child in node.value.items():
            if key in hints:
                arguments[key] = self.value(hints[key], child, (*path, key))
            elif key in unknown:
                message = f"unknown key {shorten(key)} of {cls.__name__}{unknown[key]}"
                self.report(node.key_places.get(key), (*path, key), message)
        return _BAD if len(self.problems) > before else self.made(cls, arguments, node, path)

    def unknown_keys(self, cls: type, node: Node, path: KeyPath, not_arguments: Sequence[str]) -> dict[str, str]:
        """The keys of a mapping that are no arguments, each with what was probably meant."""
        hints, found = argument_hints(cls), {}
        for key in node.value:
            if key not in hints and key not in not_arguments:
                known = {**hints, **dict.fromkeys(name for name in not_arguments if nearest(key, [name]))}
                found[key] = unknown_key_hint(key, known, self.key_paths, ".".join(map(str, (*path, key))))
        return found

    def made(self, cls: type, arguments: dict[str, Any], node: Node, path: KeyPath) -> Any:
        """Call the constructor; what it refuses is reported where the argument stands."""
        try:
            item = cls(**arguments)
        except (MinidlError, ValueError, TypeError) as err:
            message = str(err) if isinstance(err, MinidlError) else f"{cls.__name__}: {err}{_plugin(err)}"
        except Exception as err:  # a fault of the class, which may be a plugin's
            message = f"{cls.__name__}: {type(err).__name__} while it was constructed: {err}{_plugin(err)}"
        else:
            place = node.place if node.place and node.place.line else None  # none for --set
            note_place(item, problem_line(place, path, "").removesuffix(": "))
            return item
        about = message.removeprefix(f"{cls.__name__}: ")
        name, colon, rest = about.partition(": ")
        keys = tuple(int(key) if key.isdecimal() else key for key in name.split("."))
        if colon and keys[0] in argument_hints(cls):
            return self.report(locate(node, keys), (*path, *keys), rest)
        return self.report(node.place, path, message)

    def stop(self, node: Node, path: KeyPath, message: str) -> NoReturn:
        self.problems.insert(0, problem_line(node.place, path, message))  # however many there are
        raise _LimitError


def _plugin(err: Exception) -> str:
    line = plugin_line(err)
    return f" ({line})" if line else ""


def as_node(value: Any) -> Node:
    """Plain Python values as a tree without places."""
    if isinstance(value, Mapping):
        return Node({key: as_node(child) for key, child in value.items()})
    if isinstance(value, (list, tuple)):
        return Node([as_node(child) for child in value])
    return Node(value)
