"""What a cell's equations put through tanh and sigmoids, after a forward: where it stands, and what it is called."""

from __future__ import annotations

from collections.abc import Iterator

from minidl.core.layer import Bounded
from minidl.layers.recurrent.cell_loop import CellArrays, Location
from minidl.layers.recurrent.design import Design

_BOUNDS = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}


def bounded_values(arrays: CellArrays) -> dict[str, Bounded]:
    """By name, those that are kept at every step; arrays (batch, time, hidden)."""
    design, found = arrays.design, dict[str, Bounded]()
    for place, node in enumerate(design.graph.nodes[: design.n_forward]):
        where = arrays.places.get(place)
        if node.op in _BOUNDS and isinstance(where, Location) and where.timed:
            name = f"{node.op}({', '.join(_names(design, place))})"
            found[name if name not in found else f"{name} {len(found)}"] = Bounded(
                where.array.transpose(2, 0, 1), *_BOUNDS[node.op]
            )
    return found


def _names(design: Design, place: int) -> list[str]:
    """The gates that go into an operation directly, not through another such function; or the state that does."""
    graph = design.graph
    names = {where: name for name, where in graph.inputs.items()}
    states = {where: state for state, where in graph.outputs.items() if graph.nodes[where].op not in _BOUNDS}

    def inputs(at: int) -> Iterator[str]:
        for arg in graph.nodes[at].args:
            if not isinstance(arg, int):
                continue
            if arg in states:
                yield states[arg]
            elif arg in names:
                yield names[arg]
            elif graph.nodes[arg].op not in _BOUNDS:
                yield from inputs(arg)

    found = dict.fromkeys(inputs(place))
    gates = dict.fromkeys(design.gates[name].name for name in found if name in design.gates)
    return list(gates or found)
