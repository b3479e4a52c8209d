"""The time loop of cells in NumPy: arrays are (time, feature, batch), and each step is a row of calls prepared before.

Forward, one product gives x_t W_x + b for all steps; in the loop h_{t-1} W_h is added
and the equations run. Backward, the factors of the gradient are computed for all steps
at once, the loop forms few products with them, and the weights' gradients are one
product each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from minidl.core.errors import ConfigError
from minidl.core.layer import Array, read_only
from minidl.layers.recurrent.design import MASK, Design
from minidl.layers.recurrent.operations import CONDITIONS, copy, function_of
from minidl.layers.recurrent.products import Weights
from minidl.layers.recurrent.tracing import Argument

Call = tuple[Callable[..., Any], tuple[Any, ...]]


class Location(NamedTuple):
    """Where a value stands: (hidden, batch), or such an array for each step."""

    array: Array
    timed: bool

    def at(self, t: int, n: int) -> Array:
        """That of a step, for the first n sequences."""
        found = self.array[t] if self.timed else self.array
        return found if found.shape[-1] in (1, n) else found[..., :n]


class Operation(NamedTuple):
    """A call in each step: a function, where its arguments stand or constants, and where the result goes."""

    function: Callable[..., Any]
    args: tuple[Location | float, ...]
    out: Location

    def call(self, t: int, n: int) -> Call:
        """What is called in step t for the first n sequences."""
        args = [arg.at(t, n) if isinstance(arg, Location) else arg for arg in self.args]
        return self.function, (*args, self.out.at(t, n))


class CellArrays:
    """The arrays of one size, what stands where, and the operations of the equations on them.

    Attributes
    ----------
    X : (time, features + 1, batch), the last row 1: x.
    A : (time, slots, hidden, batch), the pieces that products give, and what equations make of them in place.
    S : by state (time + 1, hidden, batch).
    V : by vector (hidden, 1).
    mask : (hidden, batch), what recurrent dropout multiplies before W_h does; None: nothing.
    early, late : operations before and after the products that follow equations.
    """

    def __init__(
        self,
        design: Design,
        weights: Weights,
        size: tuple[int, int, int, int],
        dtype: npt.DTypeLike,
        *,
        masked: bool = False,
    ) -> None:
        batch, time, features, hidden = size
        self.design, self.size, self.dtype = design, size, np.dtype(dtype)
        self.X = np.ones((time, features + 1, batch), dtype)
        self.A = np.empty((time, len(design.slots), hidden, batch), dtype)
        self.S = {state: np.empty((time + 1, hidden, batch), dtype) for state in design.states}
        self.V = {name: np.empty((hidden, 1), dtype) for name in design.vectors}
        self.mask = np.empty((hidden, batch), dtype) if masked else None
        self.weights = weights
        self.calls: list[list[Call]] = []
        self._scratch = np.empty(len(design.slots) * hidden * batch, dtype)
        self.places: dict[int, Location] = self._inputs()
        self.early: list[Operation] = []
        self.late: list[Operation] = []
        self._lay_out()
        self.y = read_only(self.S[design.states[0]][1:].transpose(2, 0, 1))

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise ConfigError("the cache of a recurrent layer's forward cannot be copied or pickled; call forward again.")

    def _inputs(self) -> dict[int, Location]:
        known: dict[str, Location] = {name: Location(self.A[:, i], True) for i, name in enumerate(self.design.slots)}
        known |= {name: Location(state[:-1], True) for name, state in self.S.items()}
        known |= {name: Location(vector, False) for name, vector in self.V.items()}
        known[MASK] = Location(np.ones((1, 1), self.dtype) if self.mask is None else self.mask, False)
        return {place: known[name] for name, place in self.design.graph.inputs.items()}

    def new(self, kept: bool, op: str = "") -> Location:
        """Memory for a result: for every step, or for one at a time."""
        batch, time, _, hidden = self.size
        dtype = np.dtype(bool) if op in CONDITIONS else self.dtype
        return Location(np.empty((time, hidden, batch) if kept else (hidden, batch), dtype), kept)

    def scratch(self, pieces: int, n: int) -> Array:
        """(pieces, hidden, n) in one piece of memory, for what is used at once."""
        hidden = self.size[3]
        return self._scratch[: pieces * hidden * n].reshape(pieces, hidden, n)

    def value(self, arg: Argument) -> Location | float:
        """Where an argument stands, or the constant."""
        return self.places[arg] if isinstance(arg, int) else arg

    def _lay_out(self) -> None:
        """Find a place for each result of the equations, and put the operations in an order of work."""
        design = self.design
        graph, late = design.graph, self._late_nodes()
        kept = design.kept()
        forward = graph.needed([*graph.outputs.values(), *kept])
        done = self._in_place(forward, kept, late)
        ends: dict[int, str] = {}
        for state, place in graph.outputs.items():
            if graph.nodes[place].op != "input" and place not in done:
                ends.setdefault(place, state)
        for place in forward:
            node = graph.nodes[place]
            if node.op == "input" or place in done:
                continue
            if place in ends:
                self.places[place] = Location(self.S[ends[place]][1:], True)
            else:
                self.places[place] = self.new(place in kept, node.op)
            work = self.late if place in late else self.early
            work.append(Operation(function_of(node.op), tuple(map(self.value, node.args)), self.places[place]))
        for state, place in graph.outputs.items():
            if ends.get(place) != state:
                self.late.append(Operation(copy, (self.value(place),), Location(self.S[state][1:], True)))

    def _late_nodes(self) -> set[int]:
        """The nodes that need a gate whose product follows equations."""
        graph = self.design.graph
        late = {graph.inputs[name] for name in self.design.products if name in graph.inputs}
        for place, node in enumerate(graph.nodes):
            if late.intersection(arg for arg in node.args if isinstance(arg, int)):
                late.add(place)
        return late

    def _in_place(self, forward: list[int], kept: set[int], late: set[int]) -> set[int]:
        """Functions of a gate alone that nothing else reads run in its place, those of gates in a row in one call."""
        graph, slots = self.design.graph, self.design.slots
        readers: dict[int, list[int]] = {}
        for place in forward:
            for arg in graph.nodes[place].args:
                if isinstance(arg, int):
                    readers.setdefault(arg, []).append(place)
        rows: list[tuple[str, bool, int, int]] = []
        done = set()
        for i, slot in enumerate(slots):
            gate = graph.inputs.get(slot, -1)
            if gate in kept or len(readers.get(gate, ())) != 1:
                continue
            (place,) = readers[gate]
            node = graph.nodes[place]
            if len(node.args) != 1 or node.op in CONDITIONS:
                continue
            self.places[place] = Location(self.A[:, i], True)
            done.add(place)
            last = rows[-1] if rows else None
            if last is not None and last[:2] == (node.op, place in late) and last[3] == i:
                rows[-1] = (*last[:3], i + 1)
            else:
                rows.append((node.op, place in late, i, i + 1))
        for op, is_late, first, end in rows:
            where = Location(self.A[:, first:end], True)
            (self.late if is_late else self.early).append(Operation(function_of(op), (where,), where))
        return done
