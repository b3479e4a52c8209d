"""The equations of a cell as programs for one time step: forward, and the derived gradient.

What the way back needs of a step stands in its *kept* pieces, unless it is part of a
state. Factors of the gradient are computed where they are used, in registers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minidl.compiled.emit.programs import Program
from minidl.layers.recurrent.derivatives import Form
from minidl.layers.recurrent.design import MASK, Design
from minidl.layers.recurrent.tracing import Argument

# Numbers of the arrays among a program's arguments; SLOTS are products forward, and their gradients backward.
SLOTS, KEPT, H0, S0, H1, S1, ROWS, DY, G, GIVEN, DROWS = range(11)
Place = tuple[str, int, int]  # how to read it, array, piece


@dataclass(frozen=True)
class CellPrograms:
    """Programs of a cell, as tuples of instructions.

    Parameters
    ----------
    forward : those between products; a product of the gates in `products` follows the first one.
    backward : by gate whose product follows equations, what gives its gradient; last, under "", all the rest.
    kept : how many pieces a step keeps.
    mask : whether the mask of recurrent dropout is the first of them.
    given : by gate of `products`, the kept piece that its weights multiply.
    """

    forward: tuple[Any, ...]
    backward: tuple[tuple[str, Any], ...]
    kept: int
    mask: bool
    given: Mapping[str, int]


class _Writer:
    """A program in which each value of the graph is computed, or read, once."""

    def __init__(self, design: Design, known: Mapping[int, Place]) -> None:
        self.design, self.known, self.program = design, known, Program()
        self.done: dict[int, Argument] = {}

    def value(self, arg: Argument) -> Argument:
        """The number of the instruction that gives this value, or the constant."""
        if isinstance(arg, float):
            return arg
        if arg not in self.done:
            if arg in self.known:
                self.done[arg] = self.program.add(*self.known[arg])
            else:
                node = self.design.graph.nodes[arg]
                self.done[arg] = self.program.add(node.op, *map(self.value, node.args))
        return self.done[arg]

    def form(self, form: Form, given: Mapping[str, int]) -> Argument:
        """Σ base · factor."""
        total: Argument = 0.0
        for number, (base, factor) in enumerate(form.items()):
            term = self.base(base, given)
            if factor != 1.0 or isinstance(factor, int):
                term = self.program.add("multiply", term, self.value(factor))
            total = self.program.add("add", total, term) if number else term
        return total

    def base(self, base: int, given: Mapping[str, int]) -> Argument:
        """dL/d(state), a sum of other bases, or what a product gave back."""
        gradient = self.design.gradient
        if base < gradient.n_given:
            came = self.program.add("load", G, base)
            return came if base else self.program.add("add", came, self.program.add("load", DY, 0))
        key = -1 - base  # among the places of the graph, which are not negative
        if key not in self.done:
            how = gradient.steps[base - gradient.n_given][1]
            if isinstance(how, str):
                self.done[key] = self.program.add("load", GIVEN, list(given).index(how))
            else:
                self.done[key] = self.form(how, given)
        return self.done[key]

    def store(self, array: int, piece: int, value: Argument) -> None:
        """Write a value there."""
        self.program.instructions.append(("store", array, piece, value))

    @property
    def instructions(self) -> tuple[Any, ...]:
        return tuple(self.program.instructions)


def _inputs(design: Design) -> dict[int, Place]:
    """Where the inputs of the equations stand in a step forward."""
    places: dict[str, Place] = {slot: ("load", SLOTS, i) for i, slot in enumerate(design.slots)}
    for number, state in enumerate(design.states):
        places[state] = ("load", S0, number - 1) if number else ("load", H0, 0)
    places |= {name: ("row", ROWS, number) for number, name in enumerate(design.vectors)}
    places[MASK] = ("load", KEPT, 0)
    return {place: places[name] for name, place in design.graph.inputs.items()}


def programs(design: Design) -> CellPrograms:
    """All programs of a cell."""
    graph, inputs = design.graph, _inputs(design)
    slots = {place for place, where in inputs.items() if where[1] == SLOTS}
    outputs: dict[int, Place] = {}
    for number, state in enumerate(design.states):
        outputs.setdefault(graph.outputs[state], ("load", S1, number - 1) if number else ("load", H1, 0))
    multiplied = list(dict.fromkeys(design.products.values()))
    apart = [place for place in design.kept() if place not in outputs and (place in slots or place not in inputs)]
    masked = MASK in graph.inputs
    pieces = {place: number for number, place in enumerate([*multiplied, *sorted({*apart} - {*multiplied})], masked)}
    kept: dict[int, Place] = {place: ("load", KEPT, number) for place, number in pieces.items()}

    forward = []
    if multiplied:
        first = _Writer(design, inputs)
        for place in multiplied:
            first.store(KEPT, pieces[place], first.value(place))
        forward.append(first.instructions)
    rest = _Writer(design, inputs | {place: kept[place] for place in multiplied})
    new = [(rest.value(graph.outputs[state]), state) for state in design.states]
    others = [(rest.value(place), number) for place, number in pieces.items() if place not in multiplied]
    for value, number in others:
        rest.store(KEPT, number, value)
    for number, (value, _) in enumerate(new):
        rest.store(S1 if number else H1, number - 1 if number else 0, value)
    forward.append(rest.instructions)
    given = {gate: pieces[place] for gate, place in design.products.items()}
    readable = {place: where for place, where in inputs.items() if place not in slots} | outputs | kept
    return CellPrograms(tuple(forward), _backward(design, readable, given), masked + len(pieces), masked, given)


def _backward(design: Design, readable: Mapping[int, Place], given: Mapping[str, int]) -> tuple[tuple[str, Any], ...]:
    gradient, found, written = design.gradient, [], set()
    for _, how in gradient.steps:
        if isinstance(how, str):
            writer = _Writer(design, readable)
            value = writer.form(gradient.inputs[how], given)
            writer.store(SLOTS, design.slots.index(how), value)
            written.add(how)
            found.append((how, writer.instructions))
    writer = _Writer(design, readable)
    stores = [(SLOTS, number, slot) for number, slot in enumerate(design.slots) if slot not in written]
    stores += [(G, number, state) for number, state in enumerate(design.states)]
    values = [writer.form(gradient.inputs.get(name, {}), given) for _, _, name in stores]
    values += [writer.form(gradient.inputs.get(name, {}), given) for name in design.vectors]
    for number in range(len(design.vectors)):
        before = writer.program.add("load", DROWS, number)
        values[len(stores) + number] = writer.program.add("add", before, values[len(stores) + number])
    stores += [(DROWS, number, name) for number, name in enumerate(design.vectors)]
    for (array, piece, _), value in zip(stores, values, strict=True):
        writer.store(array, piece, value)
    return (*found, ("", writer.instructions))
