"""The tree of a config: values with the places where they were written, and how messages show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

KeyPath = tuple[str | int, ...]

MERGE_KEY = "<<"
NO_MERGE = "YAML's merge key << is not read; write the keys out, or extend a file that holds them"


class Place(NamedTuple):
    """Where a node was written; lines and columns count from 1, line 0 means the whole source."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(eq=False)
class Node:
    """A mapping (dict of nodes), a sequence (list of nodes) or a scalar, with its place.

    Parameters
    ----------
    value : the children, or the scalar's Python value.
    place : where it starts; None if it was never written in a file.
    key_places : for a mapping, where each key stands.
    included : the tree of the YAML file that this scalar names, once it was read.
    """

    value: Any
    place: Place | None = None
    key_places: dict[str, Place] = field(default_factory=dict)
    included: Node | None = None

    @property
    def kind(self) -> str:
        """``"mapping"``, ``"sequence"`` or ``"scalar"``."""
        if isinstance(self.value, dict):
            return "mapping"
        return "sequence" if isinstance(self.value, list) else "scalar"

    def plain(self) -> Any:
        """The tree as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value


def problem_line(place: Place | None, path: Sequence[str | int], message: str) -> str:
    """``file:line:column: key.path: message``, always on one line."""
    parts = [str(place)] if place else []
    parts += [".".join(_key_text(key) for key in path)] if path else []
    return ": ".join([*parts, "; ".join(message.splitlines())])


def shorten(value: object, length: int = 60) -> str:
    """A value in a message: as YAML has it or its repr, cut to `length` characters."""
    text = {"None": "null", "True": "true", "False": "false"}.get(repr(value), repr(value))
    return text if len(text) <= length else text[: length - 3] + "..."


def shown(node: Node) -> str:
    """A node in a message: its value if it is a scalar, its kind otherwise."""
    return shorten(node.value) if node.kind == "scalar" else f"a {node.kind}"


def _key_text(key: str | int) -> str:
    plain = isinstance(key, int) or (key.isprintable() and key == key.strip() and 0 < len(key) <= 60)
    return str(key) if plain else shorten(key)
