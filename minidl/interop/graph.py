"""A graph of ONNX operations that grows: each operation gives the name of its result."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

from minidl.core.layer import Array


class OnnxGraph:
    """Operations in order, and the constants that they use.

    The body of a loop is a graph of its own (`body`); it may use the constants of the one around it.
    """

    def __init__(self, dtype: npt.DTypeLike, around: OnnxGraph | None = None) -> None:
        self.dtype = np.dtype(dtype)
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = [] if around is None else around.constants
        self._count: list[int] = [0] if around is None else around._count

    @property
    def kind(self) -> Any:
        """The number by which ONNX knows the dtype."""
        return helper.np_dtype_to_tensor_dtype(self.dtype)

    def body(self) -> OnnxGraph:
        """That of a loop."""
        return OnnxGraph(self.dtype, self)

    def name(self, what: str) -> str:
        """A new one."""
        self._count[0] += 1
        return f"{what}_{self._count[0]}"

    def constant(self, value: Array | float) -> str:
        """Numbers in the graph's dtype."""
        return self._stored(np.asarray(value, self.dtype))

    def whole(self, *values: int) -> str:
        """A row of whole numbers."""
        return self._stored(np.array(values, np.int64))

    def _stored(self, value: Array) -> str:
        name = self.name("constant")
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name))
        return name

    def __call__(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = self.name(op.lower())
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def loop(
        self, body: OnnxGraph, start: list[str], fed: list[str], ends: list[str], names: tuple[list[str], list[str]]
    ) -> str:
        """Run a body for each time step of (batch, time, features) arrays; returns its first result at all steps.

        Parameters
        ----------
        start : the state before the first step.
        fed : arrays of which each step gets its part.
        ends : the state after a step, as the body names it.
        names : how the body calls the state and the parts that it gets.
        """
        entries = [helper.make_tensor_value_info(name, self.kind, None) for name in (*names[0], *names[1])]
        y = body("Identity", ends[0])
        results = [helper.make_tensor_value_info(name, self.kind, None) for name in (*ends, y)]
        inner = helper.make_graph(body.nodes, self.name("step"), entries, results)
        outputs = [self.name("state") for _ in ends] + [self.name("states")]
        more: dict[str, Any] = {"scan_input_axes": [1] * len(fed), "scan_output_axes": [1]}
        node = helper.make_node("Scan", [*start, *fed], outputs, body=inner, num_scan_inputs=len(fed), **more)
        self.nodes.append(node)
        return outputs[-1]

    def start(self, x: str, value: Array) -> str:
        """A state (hidden,) for each sequence of x."""
        batch = self("Gather", self("Shape", x), self.whole(0), axis=0)
        shape = self("Concat", batch, self.whole(len(value)), axis=0)
        return self("Expand", self.constant(value[None]), shape)
