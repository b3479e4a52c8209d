"""How containers run in compiled code: by rules that lay their children out in a row of steps.

A rule belongs to exactly one class, as a kernel does: a class of a user that derives
from a container may do something else. This module does not need numba.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from minidl.core.layer import Layer
from minidl.core.walk import joined
from minidl.layers import Bidirectional, Parallel, Repeat, Residual, Rollout, Sequential


class Piece(NamedTuple):
    """Rows of a slot, so many from one on, and where they go in another: from which row and which feature on."""

    slot: int
    row: int
    rows: int
    to: int
    feature: int


class RuleLayout(Protocol):
    """What a rule uses of `minidl.compiled.layout.Layout`; arrays are known by the numbers of their slots."""

    def layer(self, path: str, layer: Layer, x: int) -> int:
        """Lay out a child that reads slot x; returns the slot of its output."""

    def merge(self, parts: Sequence[int], how: str) -> int:
        """Add slots (``add``), or put their features in a row (``concat``)."""

    def reversed(self, x: int) -> int:
        """A slot with the time steps in reverse order."""

    def shape(self, slot: int) -> tuple[int, ...]:
        """The axes of a slot without the batch."""

    def again(self, path: str, layer: Layer, x: int) -> int:
        """As `layer`, for a child that goes on from the states that it ended with where it was laid out before."""

    def repeated(self, times: int, call: Callable[[int, int], int], x: int) -> list[int]:
        """So many calls, alike but for the first: ``call(number, slot of the one before)`` lays one out."""

    def rows(self, time: int, features: int, pieces: Sequence[Piece]) -> int:
        """A slot (time, features) of rows from others, the later pieces over those before them."""


# rule(layout, path, container, slot of its input) -> slot of its output
Rule = Callable[[RuleLayout, str, Any, int], int]
R = TypeVar("R", bound=Rule)
_RULES: dict[type, Rule] = {}


def register_rule(cls: type) -> Callable[[R], R]:
    """Decorator: this function lays out a container of exactly this class; it uses what `RuleLayout` offers."""

    def decorate(rule: R) -> R:
        _RULES[cls] = rule
        return rule

    return decorate


def rule_of(layer: Layer) -> Rule | None:
    """The rule of a container; None: its class has none, or this object has methods of its own."""
    return None if {"forward", "backward"} & vars(layer).keys() else _RULES.get(type(layer))


def leaves(model: Layer, path: str = "") -> Iterator[tuple[str, Layer]]:
    """Every layer that computes, with its position: ``("0", RecurrentLayer)``, ``("1.0", Dense)``.

    Containers that have a rule are entered; the position of a model that is a single layer is "".
    """
    if rule_of(model) is None:
        yield path, model
    else:
        for name, child in model.children().items():
            yield from leaves(child, joined(path, name))


@register_rule(Sequential)
@register_rule(Repeat)
def _row(layout: RuleLayout, path: str, container: Layer, x: int) -> int:
    for name, child in container.children().items():
        x = layout.layer(joined(path, name), child, x)
    return x


@register_rule(Residual)
def _residual(layout: RuleLayout, path: str, container: Residual, x: int) -> int:
    return layout.merge([x, layout.layer(joined(path, "inner"), container.layer, x)], "add")


@register_rule(Parallel)
def _parallel(layout: RuleLayout, path: str, container: Parallel, x: int) -> int:
    made = [layout.layer(joined(path, name), child, x) for name, child in container.children().items()]
    return layout.merge(made, container.merge)


@register_rule(Bidirectional)
def _bidirectional(layout: RuleLayout, path: str, container: Bidirectional, x: int) -> int:
    f, g = container.children().values()
    there = layout.layer(joined(path, "forward"), f, x)
    back = layout.reversed(layout.layer(joined(path, "backward"), g, layout.reversed(x)))
    return layout.merge([there, back], container.merge)


@register_rule(Rollout)
def _rollout(layout: RuleLayout, path: str, container: Rollout, x: int) -> int:
    whole, features = layout.shape(x)
    time, inner = whole - min(container.later_rows, whole - 1), joined(path, "inner")
    (column,) = container.columns_of([container.target], features, "target")
    last = 0 if container.grow else time - 1
    windows: list[int] = []

    def forecast(number: int, before: int) -> int:
        if not number:
            windows.append(layout.rows(time, features, [Piece(x, 0, time, 0, 0)]))
            return layout.layer(inner, container.layer, windows[0])
        row = [Piece(x, min(time + number - 1, whole - 1), 1, last, 0), Piece(before, 0, 1, last, column)]
        if container.grow:
            return layout.again(inner, container.layer, layout.rows(1, features, row))
        windows.append(layout.rows(time, features, [Piece(windows[-1], 1, time - 1, 0, 0), *row]))
        return layout.layer(inner, container.layer, windows[-1])

    made = layout.repeated(container.steps, forecast, x)
    layout.rows(1, 1, [Piece(slot, 0, 0, 0, 0) for slot in (made[-1], *windows[-1:])])  # read as those before are
    return layout.merge(made, "concat")
