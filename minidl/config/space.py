"""The space of a search: which values are tried for keys of a config, under ``search:``.

``optimizer.learning_rate: {low: 1e-4, high: 1e-1, log: true}`` is a range, a list is a
choice. Every end of a range and every value of a choice is put into the config and
checked as if it stood there. Nothing is drawn here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minidl.config.builder import as_node, build
from minidl.config.merge import put
from minidl.config.nodes import MAX_DEPTH
from minidl.config.tree import Node, problem_line, shorten, shown
from minidl.core.arguments import MAX_NUMBER
from minidl.core.errors import ConfigError
from minidl.core.registry import suggest

KEY = "search"
MAX_KEYS, MAX_CHOICES = 50, 100
# Of the data only these may vary; the rest decides which examples are scored.
DATA = ("data.time_steps", "data.derived", "data.scaler")
FIXED = {
    "extends": "names a file; a search changes values",
    "sweep": "is a grid; a search goes without one",
    "search": "is the search itself",
    "seed": "is luck; a search must not choose it",
    "evaluation": "decides how a model is scored, which must be the same in all trials",
    "training.callbacks": "may choose the score by which trials are compared",
    "training.refit": "has no part in a trial, which only trains on the training part",
}
RANGE_KEYS = ("low", "high", "log", "step")


@dataclass(frozen=True)
class Span:
    """A range of numbers.

    Parameters
    ----------
    low, high : its ends, which belong to it; whole numbers if both are.
    log : whether equal factors are equally likely, not equal distances.
    step : from one whole number to the next; None: any number between the ends.
    """

    low: float
    high: float
    log: bool = False
    step: int | None = None

    def holds(self, value: Any) -> bool:
        """Whether a value can be one of a trial."""
        if isinstance(value, bool) or not isinstance(value, int if self.step else (int, float)):
            return False
        return bool(self.low <= value <= self.high) and not (self.step and (value - self.low) % self.step)


@dataclass(frozen=True)
class Choices:
    """Values of any kind, each as JSON text, all different."""

    texts: tuple[str, ...]
    values: tuple[Any, ...]


Space = dict[str, "Span | Choices"]
Point = Mapping[str, Any]


def read_space(root: Node) -> tuple[Space, list[str]]:
    """What ``search:`` says, by key path, and its problems, a line each; empty without the section."""
    node = root.value.get(KEY) if isinstance(root.value, dict) else None
    if node is None:
        return {}, []
    problems: list[str] = []
    space: Space = {}
    if not isinstance(node.value, dict):
        return {}, []  # whoever builds the config reports it
    if len(node.value) > MAX_KEYS:
        return {}, [problem_line(node.place, (KEY,), f"{len(node.value)} keys; at most {MAX_KEYS} are allowed")]
    if "sweep" in root.value:
        problems.append(problem_line(node.place, (KEY,), "stands beside sweep:; a config has one of them"))
    for key, child in node.value.items():
        reason = _fixed(key)
        if reason:
            problems.append(problem_line(node.key_places.get(key), (KEY, key), reason))
            continue
        found = _dimension(child)
        if isinstance(found, (Span, Choices)):
            space[key] = found
        else:
            problems += [problem_line(place or node.place, (KEY, key, *path), text) for place, path, text in found]
    return space, problems


def space_problems(root: Node, target: type, known: Sequence[str] = ()) -> list[str]:
    """What is wrong with ``search:``, a line each; every end and choice is tried as a value of its key.

    Parameters
    ----------
    target : what the tree describes.
    known : problems of the tree without its search.
    """
    space, problems = read_space(root)
    seen = {_message(line) for line in known}
    for key, dimension in space.items():
        node = root.value[KEY].value[key]
        tried = node.value if isinstance(dimension, Choices) else [node.value["low"], node.value["high"]]
        for value in tried:
            try:
                build(target, put(without_search(root), key, value))
            except ConfigError as err:
                new = [line for line in err.lines if _message(line) not in seen]
                seen.update(map(_message, new))
                problems += new
    return problems


def seeing(search: Mapping[str, Any], scaler: Any) -> Iterator[tuple[str, ...]]:
    """Where a search lets a scaler be fitted on all rows, of the test part too: paths in the config.

    Parameters
    ----------
    search : as it stands in the config.
    scaler : of the config's data, as plain values.
    """

    def sees(value: Any) -> bool:
        return (value.get("fit_on") if isinstance(value, dict) else value) == "all"

    if search and sees(scaler):
        yield "data", "scaler", "fit_on"
    for key, tried in search.items():
        if _inside(key, "data.scaler") and isinstance(tried, list) and any(map(sees, tried)):
            yield KEY, key


def _message(line: str) -> str:
    """A problem's line without its place."""
    return line.partition(": ")[2]


def placed(root: Node, point: Point) -> Node:
    """The tree without ``search:`` and with these values, parts before what is in them.

    Raises
    ------
    ConfigError
        A key path leads nowhere.
    """
    tree = without_search(root)
    for key in sorted(point, key=lambda key: key.count(".")):
        tree = put(tree, key, as_node(point[key]))
    return tree


def without_search(root: Node) -> Node:
    """The tree of a config without its ``search:``."""
    children = {key: child for key, child in root.value.items() if key != KEY}
    return Node(children, root.place, {key: place for key, place in root.key_places.items() if key != KEY})


def _fixed(key: str) -> str:
    """Why a key cannot be searched; "" if it can."""
    parts = key.split(".")
    if not all(part.strip() for part in parts) or len(parts) > MAX_DEPTH:
        return "expected a key path, for example optimizer.learning_rate"
    for fixed, why in FIXED.items():
        if _inside(key, fixed) or _inside(fixed, key):
            return f"cannot be searched: {'it' if key == fixed else fixed} {why}"
    if parts[0] == "data" and not any(_inside(key, free) for free in DATA):
        return f"cannot be searched: it may decide which examples are scored; of the data only {', '.join(DATA)} can be"
    return ""


def _inside(key: str, other: str) -> bool:
    return key == other or key.startswith(f"{other}.")


Problem = tuple[Any, tuple[str | int, ...], str]


def _dimension(node: Node) -> Span | Choices | list[Problem]:
    if isinstance(node.value, list):
        return _choices(node)
    if not isinstance(node.value, dict):
        return [(node.place, (), f"expected a range {{low, high}} or a list of values; got {shown(node)}")]
    problems: list[Problem] = []
    for key, place in node.key_places.items():
        if key not in RANGE_KEYS:
            problems.append((place, (key,), f"unknown key {shorten(key)} of a range{suggest(key, RANGE_KEYS)}"))
    missing = [key for key in ("low", "high") if key not in node.value]
    if missing:
        problems.append((node.place, (), f"a range needs {' and '.join(missing)}"))
    problems += [problem for key in RANGE_KEYS for problem in _wrong(key, node.value.get(key))]
    if problems:
        return problems
    return _span({key: child.value for key, child in node.value.items()}, node)


def _wrong(key: str, node: Node | None) -> Iterator[Problem]:
    """What is wrong with one value of a range by itself."""
    if node is None:
        return
    value = node.value
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if key == "log" and not isinstance(value, bool):
        yield node.place, (key,), f"expected true or false; got {shown(node)}"
    elif key == "step" and not (number and isinstance(value, int) and 1 <= value <= MAX_NUMBER):
        yield node.place, (key,), f"expected a whole number from 1; got {shown(node)}"
    elif key in ("low", "high") and not (number and abs(value) <= MAX_NUMBER):
        yield node.place, (key,), f"expected a number from -{MAX_NUMBER:,} to {MAX_NUMBER:,}; got {shown(node)}"


def _span(values: dict[str, Any], node: Node) -> Span | list[Problem]:
    low, high, log, step = values["low"], values["high"], values.get("log", False), values.get("step")
    whole = isinstance(low, int) and isinstance(high, int)
    place = node.value["low"].place
    if not low < high:
        return [(place, ("low",), f"expected less than high, which is {high:g}; got {low:g}")]
    if log and low <= 0:
        return [(place, ("low",), f"expected more than 0, as log is true; got {low:g}")]
    if step is not None and not whole:
        return [(node.value["step"].place, ("step",), "is for whole numbers; low and high are not both whole")]
    if step is not None and log:
        return [(node.value["step"].place, ("step",), "goes with log: false only")]
    if step is not None and (high - low) % step:
        last = high - (high - low) % step
        return [
            (node.value["step"].place, ("step",), f"does not lead from {low} to {high}; from {low} to {last} it does")
        ]
    return Span(low, high, log, (step or 1) if whole else None)


def _choices(node: Node) -> Choices | list[Problem]:
    values = [child.plain() for child in node.value]
    if not 2 <= len(values) <= MAX_CHOICES:
        return [(node.place, (), f"expected a list of 2 to {MAX_CHOICES} values; got {len(values)}")]
    texts = [json.dumps(value, sort_keys=True) for value in values]
    for i, text in enumerate(texts):
        if text in texts[:i]:
            return [(node.value[i].place, (i,), f"{shorten(values[i])} stands in this list already")]
    return Choices(tuple(texts), tuple(values))
