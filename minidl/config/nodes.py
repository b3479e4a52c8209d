"""YAML text to a tree of nodes, each of which knows its file, line and column.

PyYAML's parser gives events; the tree is built here, so that a repeated key, a
tag or a bomb of aliases is refused while it is read. Plain scalars follow the
core schema of YAML 1.2 (see scalars.py). Nothing here knows what a config means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from minidl.config.scalars import resolve
from minidl.config.tree import Node, Place, problem_line, shorten, shown
from minidl.core.errors import ConfigError, StorageError
from minidl.files.reading import read_given

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_NODES = 20_000
MAX_LINES = 20_000
MAX_LINE = 50_000
MAX_OPEN_BRACKETS = 200  # also of those in comments and strings, which are not told apart here


def parse_file(path: str | Path) -> Node:
    """Read one YAML file.

    Raises
    ------
    ConfigError
        It cannot be read, is larger than 1 MB, is not UTF-8, or is not the
        plain YAML that a config may be; each problem has its line and column.
    """
    try:
        return parse_bytes(read_given(path, MAX_BYTES, expected="a YAML file"), str(path))
    except StorageError as err:
        raise ConfigError(str(err)) from err


def parse_bytes(data: bytes, name: str) -> Node:
    """As `parse_file`, for the content of a file."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        before = data[: err.start].decode("utf-8-sig", errors="replace")
        place = _place_at(name, before, len(before))
        raise ConfigError(f"{place}: byte 0x{data[err.start]:02x} is not UTF-8; save the file as UTF-8.") from err
    return parse_text(text, name)


def parse_text(text: str, name: str = "<text>") -> Node:
    """Read YAML from a string; `name` stands for the file in messages.

    Raises
    ------
    ConfigError
        As for `parse_file`.
    """
    node = parse_value(text, name)
    if node.value is None:
        raise ConfigError(f"{Place(name, 1, 1)}: the file is empty.")
    return node


def parse_value(text: str, name: str) -> Node:
    """As `parse_text`, but an empty text is the value null."""
    if len(text) > MAX_BYTES:
        raise ConfigError(f"{name}: is larger than 1 MB, which no config needs to be.")
    composer = _Composer(name)
    _check_extent(text, composer)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            composer.take(event)
    except yaml.reader.ReaderError as err:
        place = _place_at(name, text, err.position)
        composer.stop(place, f"invalid YAML: the character U+{ord(text[err.position]):04X} is not allowed")
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        context = f" ({err.context})" if err.context else ""
        quoted = "cannot start any token" in str(err.problem) and "\\t" not in str(err.problem)
        quoted = quoted or str(err.context).endswith(("directive", "alias"))
        hint = "; put such a text in quotes" if quoted else ""
        if str(err.problem).startswith("mapping values are not allowed"):
            hint = "; this line or the one above is indented wrongly, or several keys in a line lack their braces {...}"
        composer.stop(_place(name, mark) if mark else Place(name, 1, 1), f"invalid YAML: {err.problem}{context}{hint}")
    except ConfigError:
        raise
    except (yaml.YAMLError, ValueError, OverflowError):  # PyYAML lets chr() of a bad escape fail
        composer.stop(composer.last, "invalid YAML: an escape or a directive holds a number that is too large")
    return composer.finish()


def _check_extent(text: str, composer: _Composer) -> None:
    """Refuse at once what would keep PyYAML busy for long: endless lines, countless lines, towers of brackets."""
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        composer.stop(Place(composer.name, MAX_LINES + 1, 1), f"more than {MAX_LINES:,} lines")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            composer.stop(Place(composer.name, number, MAX_LINE + 1), f"a line of more than {MAX_LINE:,} characters")
    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth = depth + 1 if bracket[0] in "[{" else max(0, depth - 1)
        if depth > MAX_OPEN_BRACKETS:
            composer.stop(_place_at(composer.name, text, bracket.start()), f"nested deeper than {MAX_DEPTH} levels")


@dataclass(eq=False)
class _Open:
    """A mapping or sequence whose end was not read yet."""

    node: Node
    anchor: str | None
    nodes_before: int
    height: int = 1
    key: tuple[str | None, Place] | None = None  # of the value that comes next
    label: str | None = None  # the last key that was read
    is_key: bool = False


@dataclass(eq=False)
class _Composer:
    """Builds the tree from events; keeps the count, the depth and the problems."""

    name: str
    open: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Node, int, int]] = field(default_factory=dict)  # node, its size, its height
    problems: list[str] = field(default_factory=list)
    count: int = 0
    root: Node | None = None
    last: Place = field(init=False)

    def __post_init__(self) -> None:
        self.last = Place(self.name, 1, 1)

    def take(self, event: Any) -> None:
        self.last = place = _place(self.name, event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            self.stop(place, "a second document starts here; a config is one document")
        if getattr(event, "tag", None) is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.report(place, f"the tag {shorten(tag)[1:-1]} is not allowed; a config holds plain values only")
        if isinstance(event, yaml.AliasEvent):
            self.alias(event.anchor, place)
        elif isinstance(event, yaml.ScalarEvent):
            self.scalar(event, place)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self.start({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor, place)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.end()

    def alias(self, anchor: str | None, place: Place) -> None:
        if any(frame.anchor == anchor for frame in self.open):
            self.stop(place, f"the alias *{anchor} stands inside what it refers to")
        if anchor is None or anchor not in self.anchors:
            self.stop(place, f"the alias *{anchor} refers to nothing above it")
        node, size, height = self.anchors[anchor]
        self.grow(place, size, height)
        self.add(node, place, height)

    def scalar(self, event: yaml.ScalarEvent, place: Place) -> None:
        value: Any = event.value
        try:
            value = resolve(value) if event.style is None else value
        except ValueError as err:
            self.report(place, str(err))
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            self.report(place, "half of a surrogate pair is not a character")
            value = ""
        node = Node(value, place)
        self.grow(place, 1, 0)
        if event.anchor is not None:
            self.anchors[event.anchor] = (node, 1, 0)
        self.add(node, place, 0)

    def start(self, value: dict[str, Node] | list[Node], anchor: str | None, place: Place) -> None:
        self.grow(place, 1, 1)
        node = Node(value, place)
        is_key = bool(self.open) and self.open[-1].node.kind == "mapping" and self.open[-1].key is None
        if not is_key:
            self.add(node, place, 0)
        self.open.append(_Open(node, anchor, self.count - 1, is_key=is_key))

    def end(self) -> None:
        frame = self.open.pop()
        if frame.anchor is not None:
            self.anchors[frame.anchor] = (frame.node, self.count - frame.nodes_before, frame.height)
        if not self.open:
            return
        self.open[-1].height = max(self.open[-1].height, frame.height + 1)
        if frame.is_key and frame.node.place:
            self.add(frame.node, frame.node.place, 0)

    def grow(self, place: Place, nodes: int, height: int) -> None:
        self.count += nodes
        if self.count > MAX_NODES:
            self.stop(place, f"more than {MAX_NODES:,} values, counting what aliases repeat")
        if len(self.open) + height > MAX_DEPTH:
            self.stop(place, f"nested deeper than {MAX_DEPTH} levels")

    def add(self, node: Node, place: Place, height: int) -> None:
        if not self.open:
            self.root = node
            return
        frame = self.open[-1]
        frame.height = max(frame.height, height + 1)
        if frame.node.kind == "sequence":
            frame.node.value.append(node)
        elif frame.key is None:
            frame.label = self.checked_key(frame, node, place)
            frame.key = (frame.label, place)
        else:
            key, key_place = frame.key
            frame.key = None
            if key is not None:
                frame.node.value[key] = node
                frame.node.key_places[key] = key_place

    def checked_key(self, frame: _Open, node: Node, place: Place) -> str | None:
        """The key if it is a new string; None, reported, otherwise."""
        key = node.value
        if not isinstance(key, str):
            comma = "; decimals are written with a point" if isinstance(key, (int, float)) else ""
            self.report(place, f"a key must be a string, got {shown(node)}{comma}")
            return None
        if key in frame.node.key_places:
            first = frame.node.key_places[key]
            self.report(place, f"the key {shorten(key)} is repeated; it stands in line {first.line} already")
            return None
        return key

    def path(self) -> Iterator[str | int]:
        """The key path of the value that comes next."""
        for frame in self.open:
            inside = frame is not self.open[-1]
            if frame.node.kind == "sequence":
                yield len(frame.node.value) - inside
            elif frame.label is not None and (inside or frame.key is not None):
                yield frame.label

    def report(self, place: Place, message: str) -> None:
        self.problems.append(problem_line(place, tuple(self.path()), message))

    def stop(self, place: Place, message: str) -> NoReturn:
        self.problems.append(problem_line(place, (), message))
        raise ConfigError(*self.problems)

    def finish(self) -> Node:
        if self.problems:
            raise ConfigError(*self.problems)
        return self.root or Node(None, Place(self.name, 1, 1))


def _place(name: str, mark: Any) -> Place:
    return Place(name, mark.line + 1, mark.column + 1)


def _place_at(name: str, text: str, position: int) -> Place:
    before = text[:position]
    return Place(name, before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)
