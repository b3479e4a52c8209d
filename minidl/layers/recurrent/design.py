"""What is known of a cell once its equations are traced: gates in the order of the work, and which step does what."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minidl.core.errors import ConfigError
from minidl.layers.recurrent.derivatives import Gradient, derive
from minidl.layers.recurrent.tracing import Graph, trace


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
    vectors : the cell's own parameter vectors.
    products : by gate whose W_h follows equations, the place of what it multiplies.
    """

    graph: Graph
    gradient: Gradient
    slots: list[str]
    gates: dict[str, Gate]
    n_front: int
    n_middle: int
    states: Sequence[str]
    vectors: Sequence[str]
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


def _in_order(gates: Sequence[Gate]) -> tuple[list[tuple[str, Gate]], int, int]:
    front, middle, back = [], [], []
    for gate in gates:
        if gate.apart:
            front.append((f"{gate.name}_x", gate))
            back.append((f"{gate.name}_h", gate))
        elif gate.recurrent and not gate.of:
            middle.append((gate.name, gate))
        else:
            front.append((gate.name, gate))
    return [*front, *middle, *back], len(front), len(middle)


def design(cell: Any, gates: Sequence[Gate], states: Sequence[str], vectors: Sequence[str]) -> Design:
    """Trace a cell's equations and derive their gradient.

    Raises
    ------
    ConfigError
        The equations ask for what there is not, or contain an operation that cannot be traced.
    """
    slots, n_front, n_middle = _in_order(gates)
    graph, products = Graph(), {}
    late = [gate.name for gate in gates if gate.of]
    known = [name for name, gate in slots if not gate.of] + [*states, *vectors]
    for gate in gates:
        if gate.of:
            method = getattr(cell, gate.of)
            trace(method, _asked(method, known), [f"of {gate.name}"], graph)
            products[gate.name] = graph.outputs.pop(f"of {gate.name}")
    equations = cell.equations
    trace(equations, _asked(equations, [*known, *late]), [f"new {state}" for state in states], graph)
    graph.outputs = {state: graph.outputs[f"new {state}"] for state in states}
    n_forward = len(graph.nodes)
    gradient = derive(graph, states, products)
    names = [name for name, _ in slots]
    return Design(graph, gradient, names, dict(slots), n_front, n_middle, states, vectors, products, n_forward)


def _asked(equations: Callable[..., Any], known: Sequence[str]) -> list[str]:
    """The names of the arguments of equations; one that has a default is given only if there is such a value."""
    found = []
    for name, parameter in inspect.signature(equations).parameters.items():
        if name in known:
            found.append(name)
        elif parameter.default is inspect.Parameter.empty:
            raise ConfigError(
                f"{equations.__qualname__}: there is no {name!r}; gates, states and vectors: {', '.join(known)}."
            )
    return found
