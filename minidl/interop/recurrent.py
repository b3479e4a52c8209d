"""Recurrent layers as loops over ONNX operations, those of a cell from its traced equations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minidl.core.errors import ConfigError
from minidl.core.layer import Array, Layer
from minidl.interop.graph import OnnxGraph
from minidl.layers import Cell, RecurrentLayer
from minidl.layers.recurrent.design import MASK, Design, design
from minidl.layers.recurrent.operations import CONDITIONS
from minidl.layers.recurrent.tracing import Argument

Emit = Callable[[OnnxGraph, Layer, str], str]

# Operations whose name in ONNX is another one; that of tanh is Tanh.
OTHER = {
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "maximum": "Max",
    "minimum": "Min",
    "negative": "Neg",
    "absolute": "Abs",
    "power": "Pow",
}


def of_elman(graph: OnnxGraph, layer: RecurrentLayer, x: str, emit: Emit) -> str:
    """h_t = f(x_t W_xh + h_{t-1} W_hh + b_h)."""
    params, body, h, a = layer.params, graph.body(), graph.name("h"), graph.name("a")
    fed = _affine(graph, x, params["W_xh"], params.get("b_h"))
    total = body("Add", a, body("MatMul", h, body.constant(params["W_hh"])))
    start = graph.start(x, np.zeros(layer.hidden_size))
    return graph.loop(body, [start], [fed], [emit(body, layer.activation, total)], ([h], [a]))


def of_cell(graph: OnnxGraph, cell: Cell, x: str) -> str:
    """The equations of a cell at each step.

    Raises
    ------
    ConfigError
        The class has a forward of its own.
    """
    if not cell.is_its_equations():
        raise ConfigError(f"{type(cell).__name__}: it computes something else than its equations.")
    params, H, gates = cell.params, cell.hidden_size, cell.all_gates()
    part = {gate.name: slice(i * H, (i + 1) * H) for i, gate in enumerate(gates)}
    b = params.get("b")
    fed = [_affine(graph, x, params["W_x"][:, own], None if b is None else b[own]) for own in part.values()]
    body = graph.body()
    state = {name: graph.name(name) for name in cell.states}
    given = {gate.name: graph.name(gate.name) for gate in gates}
    traced = design(cell, gates, cell.states, list(cell.all_vectors()))
    ends = _OneStep(body, cell, traced, state, given).ends()
    start = [graph.start(x, params.get(f"{name}_0", np.zeros(H))) for name in state]
    return graph.loop(body, start, fed, ends, (list(state.values()), list(given.values())))


def _affine(graph: OnnxGraph, x: str, W: Array, b: Array | None) -> str:
    product = graph("MatMul", x, graph.constant(W))
    return product if b is None else graph("Add", product, graph.constant(b))


class _OneStep:
    """One time step: the products with W_h, and the equations in their order."""

    def __init__(
        self, body: OnnxGraph, cell: Cell, design: Design, state: dict[str, str], given: dict[str, str]
    ) -> None:
        self.body, self.cell, self.design = body, cell, design
        self.known = {**state, **given}
        if MASK in design.graph.inputs:
            self.known[MASK] = body.constant(1.0)  # nothing is left out
        for name, (parameter, row) in design.vectors.items():
            self.known[name] = body.constant(cell.params[parameter].reshape(-1, cell.hidden_size)[row])
        self.values: dict[int, str] = {}
        h, recurrent = state[cell.states[0]], [gate for gate in cell.all_gates() if gate.recurrent]
        for i, gate in enumerate(recurrent if cell.recurrent != "diagonal" else ()):
            if gate.apart:
                found = self._product(h, i)
                if cell.bias:
                    among = [one.name for one in recurrent if one.apart].index(gate.name)
                    b_h = cell.params["b_h"].reshape(-1, cell.hidden_size)[among]
                    found = body("Add", found, body.constant(b_h))
                self.known[f"{gate.name}_h"] = found
            elif not gate.of:
                self.known[gate.name] = body("Add", given[gate.name], self._product(h, i))
        self.late = {gate.name: i for i, gate in enumerate(recurrent) if gate.name in design.products}
        self.known |= {f"{gate.name}_x": given[gate.name] for gate in cell.all_gates() if gate.apart}

    def _product(self, h: str, i: int) -> str:
        """h times the part of W_h that belongs to gate i, as a whole matrix."""
        W_h, H = self.cell.params["W_h"], self.cell.hidden_size
        blocks = W_h if W_h.ndim == 3 else W_h[None]
        D = H // len(blocks)
        W = np.zeros((H, H), W_h.dtype)
        for k, block in enumerate(blocks):
            W[k * D : (k + 1) * D, k * D : (k + 1) * D] = block[:, i * D : (i + 1) * D]
        return self.body("MatMul", h, self.body.constant(W))

    def ends(self) -> list[str]:
        """The names of the state after the step."""
        graph = self.design.graph
        entries = {place: name for name, place in graph.inputs.items()}
        for place in graph.needed([*graph.outputs.values(), *self.design.products.values()]):
            node = graph.nodes[place]
            if node.op != "input":
                self.values[place] = self._operation(node.op, node.args)
                continue
            name = entries[place]
            self.values[place] = self.known[name]
            if name in self.late:
                product = self._product(self.values[self.design.products[name]], self.late[name])
                self.values[place] = self.body("Add", self.known[name], product)
        # one name each: a state may be another one as it is
        return [self.body("Identity", self._number(place)) for place in graph.outputs.values()]

    def _operation(self, op: str, args: tuple[Argument, ...]) -> str:
        body = self.body
        if op == "where":
            return body("Where", self._condition(args[0]), self._number(args[1]), self._number(args[2]))
        a = [self._number(arg) for arg in args]
        if op == "square":
            return body("Mul", a[0], a[0])
        if op == "expm1":
            return body("Sub", body("Exp", a[0]), body.constant(1.0))
        if op == "log1p":
            return body("Log", body("Add", a[0], body.constant(1.0)))
        if op == "softplus":  # onnxruntime has its Softplus in float32 alone
            rest = body("Exp", body("Neg", body("Abs", a[0])))
            return body(
                "Add", body("Max", a[0], body.constant(0.0)), body("Log", body("Add", rest, body.constant(1.0)))
            )
        return body(OTHER.get(op, op.capitalize()), *a)

    def _is_condition(self, arg: Argument) -> bool:
        return isinstance(arg, int) and self.design.graph.nodes[arg].op in CONDITIONS

    def _number(self, arg: Argument) -> str:
        if not isinstance(arg, int):
            return self.body.constant(arg)
        found = self.values[arg]
        return self.body("Cast", found, to=self.body.kind) if self._is_condition(arg) else found

    def _condition(self, arg: Argument) -> str:
        if isinstance(arg, int) and self._is_condition(arg):
            return self.values[arg]
        return self.body("Cast", self._number(arg), to=9)  # a truth value: not 0
