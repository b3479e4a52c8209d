"""Plain values of a config (numbers, strings, lists and dicts of them), item by item.

msgspec checks the values; this module only walks into lists and mappings, so
that the very item that is wrong is reported with its own place.
"""

from __future__ import annotations

import collections.abc
import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from minidl.config.tree import MERGE_KEY, NO_MERGE, KeyPath, Node, Place
from minidl.core.arguments import convert
from minidl.core.errors import ConfigError

Report = Callable[[Place | None, KeyPath, str], Any]

_LISTS = (list, set, frozenset, collections.abc.Sequence, collections.abc.Iterable)
_DICTS = (dict, collections.abc.Mapping)
_BOOLEAN_WORDS = {"yes", "no", "on", "off", "y", "n"}


def check_plain(node: Node, hint: Any, path: KeyPath, report: Report) -> Any:
    """The value of `node` as `hint` asks; each problem goes to `report`, and then the value means nothing."""
    failed = False

    def note(place: Place | None, path: KeyPath, message: str) -> None:
        nonlocal failed
        failed = True
        report(place, path, message)

    if isinstance(node.value, dict) and MERGE_KEY in node.value and node.value[MERGE_KEY].kind != "scalar":
        return report(node.key_places.get(MERGE_KEY), path, NO_MERGE)
    for key, child, inner in _items(node, hint):
        check_plain(child, inner, (*path, key), note)
    if failed:
        return None
    value = node.plain()
    try:
        return convert(value, hint)
    except ConfigError as err:
        return report(node.place, path, _explained(str(err), value))


def _items(node: Node, hint: Any) -> Iterator[tuple[str | int, Node, Any]]:
    """Key, node and hint of each item, where the hint says what the items are."""
    if not isinstance(node.value, (list, dict)):
        return
    for option in _options(hint):
        origin, inner = typing.get_origin(option), typing.get_args(option)
        if isinstance(node.value, dict) and origin in _DICTS:
            yield from ((key, child, inner[1]) for key, child in node.value.items())
        elif isinstance(node.value, list) and (origin in _LISTS or (origin is tuple and inner[1:] == (...,))):
            yield from ((i, child, inner[0]) for i, child in enumerate(node.value))
        elif isinstance(node.value, list) and origin is tuple and len(inner) == len(node.value):
            yield from ((i, child, part) for i, (child, part) in enumerate(zip(node.value, inner, strict=True)))


def _options(hint: Any) -> list[Any]:
    """The alternatives of a union, without Annotated; none if two of them take a list or a mapping."""
    while typing.get_origin(hint) is Annotated:
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return [hint]
    parts = [option for part in typing.get_args(hint) for option in _options(part)]
    containers = [part for part in parts if typing.get_origin(part) in (*_LISTS, *_DICTS, tuple)]
    return containers if len(containers) == 1 else []


def _explained(message: str, value: Any) -> str:
    """msgspec's message in a config's words, with the hint that the value asks for."""
    message = re.sub(r"`[^`]*`", lambda types: _in_yaml_words(types[0]), message, count=2)  # expected, got
    if isinstance(value, str) and value.lower() in _BOOLEAN_WORDS and "`bool" in message:
        return f"{message}; write true or false"
    if isinstance(value, str) and value.lower() == "none" and "null`" in message:
        return f"{message}; write null"
    if isinstance(value, str) and re.match("expected `(int|float)", message):
        return message + _as_number(value)
    if isinstance(value, (int, float)) and "expected `str" in message:
        return f"{message}; put it in quotes if text is meant"
    return message


def _as_number(text: str) -> str:
    """What to write where a number is meant and a text stands."""
    plain = text.strip().replace(",", ".")
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", plain, re.ASCII | re.IGNORECASE):
        return ""
    return "; decimals are written with a point" if "," in text else "; leave out the quotes"


def _in_yaml_words(types: str) -> str:
    return types.replace("array", "list").replace("object", "mapping")
