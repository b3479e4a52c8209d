"""What is known of a cell once its equations are traced: gates in the order of the work, and which step does what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minidl.core.errors import ConfigError
from minidl.layers.recurrent.derivatives import Form, Gradient, derive
from minidl.layers.recurrent.tracing import Graph, Value, asked, trace

MASK = "mask of recurrent dropout"


@dataclass(frozen=True)
class Gate:
    """A product of the inputs, and usually of the state, that goes into a cell's equations.

    Parameters
    ----------
    name : of the argument of `equations`: x_t W_x + h_{t-1} W_h + b.
    apart : the equations get both parts, as ``name_x`` = x_t W_x + b and ``name_h`` = h_{t-1} W_h + b_h.
    recurrent : False: x_t W_x + b alone.
    of : the method of the cell that gives what W_h multiplies in place of h_{t-1}; it runs before the equations,
        which get this gate afterwards.
    """

    name: str
    apart: bool = False
    recurrent: bool = True
    of: str = ""

    @property
    def arguments(self) -> list[str]:
        """Its names in the equations."""
        return [f"{self.name}_x", f"{self.name}_h"] if self.apart else [self.name]


@dataclass
class Design:
    """The traced cell.

    Parameters
    ----------
    graph : forward, and the factors of the gradient.
    gradient : how the loop backward uses these.
    slots : the pieces of width H that products write, in order: those of x alone first, then sums of both
        products, then those of the state alone; so each product has its pieces in a row.
    columns : by slot, its gate.
    states : the state's parts; the first is the output.
    vectors : numbers of each unit that the equations use: by name, their parameter, and which row of it.
    products : by gate whose W_h follows equations, the place of what it multiplies.
    """

    graph: Graph
    gradient: Gradient
    slots: list[str]
    gates: dict[str, Gate]
    n_front: int
    n_middle: int
    states: Sequence[str]
    vectors: Mapping[str, tuple[str, int]]
    products: Mapping[str, int]
    n_forward: int

    @property
    def h_slots(self) -> slice:
        """Those that h_{t-1} is multiplied for."""
        return slice(self.n_front, len(self.slots))

    @property
    def x_slots(self) -> slice:
        """Those that x_t is multiplied for."""
        return slice(0, self.n_front + self.n_middle)

    def kept(self) -> set[int]:
        """The results of the equations that the way back needs at every step."""
        factors = self.gradient.factors()
        later = [place for place in self.graph.needed(factors) if place >= self.n_forward]
        read = {arg for place in later for arg in self.graph.nodes[place].args if isinstance(arg, int)}
        return {*self.products.values(), *(place for place in {*read, *factors} if place < self.n_forward)}

    def named(self, slots: slice) -> list[str]:
        """The gates that these slots belong to."""
        return [self.gates[slot].name for slot in self.slots[slots]]


def _in_order(gates: Sequence[Gate], diagonal: bool) -> tuple[list[tuple[str, Gate]], int, int]:
    front, middle, back = [], [], []
    for gate in gates:
        if gate.apart:
            front.append((f"{gate.name}_x", gate))
            back += [] if diagonal else [(f"{gate.name}_h", gate)]
        elif gate.recurrent and not gate.of and not diagonal:
            middle.append((gate.name, gate))
        else:
            front.append((gate.name, gate))
    return [*front, *middle, *back], len(front), len(middle)


def design(
    cell: Any, gates: Sequence[Gate], states: Sequence[str], vectors: Sequence[str], *, by_hand: bool = True
) -> Design:
    """Trace a cell's equations and derive their gradient.

    A diagonal W_h is a vector for each gate, and its product with the state one more equation; recurrent dropout
    is a factor in it. The gradient of the equations is the hand-written one if there is one and `by_hand`.

    Raises
    ------
    ConfigError
        The equations ask for what there is not, or contain an operation that cannot be traced.
    """
    diagonal = cell.recurrent == "diagonal"
    slots, n_front, n_middle = _in_order(gates, diagonal)
    graph, places = Graph(), {name: (name, 0) for name in vectors}
    products: dict[str, int] = {}
    late = {gate.name for gate in gates if gate.of}
    known = {name: graph.entry(name) for name in [*(slot for slot, _ in slots), *states, *vectors] if name not in late}
    if diagonal and cell.recurrent_dropout:
        known[MASK] = graph.entry(MASK)
    recurrent = [gate for gate in gates if gate.recurrent]
    for gate in sorted(recurrent, key=lambda gate: bool(gate.of)):
        given = known[states[0]]
        if gate.of:
            early = {name: value for name, value in known.items() if name not in late}
            (given,) = trace(getattr(cell, gate.of), early, [gate.name])
            known[gate.name] = graph.entry(gate.name)  # after what it is a product of, as `derive` needs
        if diagonal:
            _multiply(cell, gate, given, known, places)
        elif gate.of:
            products[gate.name] = given.place
    results = trace(cell.equations, known, states)
    graph.outputs = {state: result.place for state, result in zip(states, results, strict=True)}
    n_forward = len(graph.nodes)
    written = _by_hand(cell, known, graph.outputs) if by_hand and cell.equations_backward else None
    gradient = derive(graph, states, products, written)
    names = [name for name, _ in slots]
    return Design(graph, gradient, names, dict(slots), n_front, n_middle, states, places, products, n_forward)


def _multiply(cell: Any, gate: Gate, given: Value, known: dict[str, Value], places: dict[str, tuple[str, int]]) -> None:
    """Put the product of what is given with the gate's diagonal into the gate."""
    gates = cell.all_gates()

    def vector(parameter: str, among: Sequence[Gate]) -> Value:
        number = among.index(gate)
        places[f"{parameter} {number}"] = (parameter, number)
        return given.graph.entry(f"{parameter} {number}")

    product = vector("W_h", [one for one in gates if one.recurrent]) * (given * known[MASK] if MASK in known else given)
    if gate.apart:
        known[f"{gate.name}_h"] = product + vector("b_h", [one for one in gates if one.apart]) if cell.bias else product
    else:
        known[gate.name] = known[gate.name] + product


def _by_hand(cell: Any, known: Mapping[str, Value], outputs: Mapping[str, int]) -> dict[int, Form]:
    """The gradient that a cell's `equations_backward` gives, by place.

    It is linear in what comes in: with 1 for one of these and 0 for the others it gives this one's factors.

    Raises
    ------
    ConfigError
        It gives other gradients than those of what `equations` ask for.
    """
    name, needed = f"{type(cell).__name__}.equations_backward", asked(cell.equations, known)
    graph = next(iter(known.values())).graph
    values = {**known, **{f"{state}_next": Value(graph, place) for state, place in outputs.items()}}
    forms: dict[int, Form] = {}
    for base, state in enumerate(outputs):
        incoming = {f"d{other}": float(other == state) for other in outputs}
        found = cell.equations_backward(**asked(cell.equations_backward, {**values, **incoming}))
        if not isinstance(found, dict) or found.keys() != needed.keys():
            raise ConfigError(f"{name}: expected a dict of the gradients {', '.join(needed)}.")
        for argument, factor in found.items():
            if isinstance(factor, Value) or factor != 0:
                place = factor.place if isinstance(factor, Value) else float(factor)
                forms.setdefault(needed[argument].place, {})[base] = place
    return forms
