"""A model as a file of ONNX: every shipped layer but `Rollout`, and every cell that is its equations.

A model that was exported computes whole windows, as `model(x)` does: x (batch, time, features) of any batch and
length, from the start state that the model has. It does not train, and gives no state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from onnx import checker, helper

from minidl._version import __version__
from minidl.core.errors import ConfigError
from minidl.core.layer import Layer, Shape
from minidl.interop.graph import OnnxGraph
from minidl.interop.recurrent import of_cell, of_elman
from minidl.layers import (
    Bidirectional,
    Cell,
    Container,
    Dense,
    Dropout,
    Embedding,
    IdentityActivation,
    LastStep,
    LayerNorm,
    MaxOverTime,
    MeanOverTime,
    Parallel,
    RecurrentLayer,
    ReluActivation,
    Repeat,
    Residual,
    SelectFeatures,
    Sequential,
    SigmoidActivation,
    Softmax,
    StepsAhead,
    TanhActivation,
)

OPSET, IR = 17, 8


def exported(model: Layer) -> bytes:
    """The content of the file; see `minidl.interop.to_onnx`."""
    if not isinstance(model, Container):
        raise ConfigError(f"{type(model).__name__}: expected a container of layers, such as a Sequential.")
    if model.input_shape is None or model.dtype is None:
        raise ConfigError(f"{type(model).__name__}: it was not built yet; call build(input_shape, rng) first.")
    graph, features = OnnxGraph(model.dtype), model.input_shape[-1]
    open_ended: Shape = (None, features) if len(model.input_shape) == 2 else (features,)  # any number of time steps
    graph.nodes.append(helper.make_node("Identity", [_emit(graph, model, "x")], ["y"]))
    shapes = [
        ["batch", *("time" if n is None else n for n in shape)]
        for shape in (open_ended, model.output_shape(open_ended))
    ]
    x_and_y = [helper.make_tensor_value_info(name, graph.kind, shape) for name, shape in zip("xy", shapes, strict=True)]
    made = helper.make_graph(graph.nodes, type(model).__name__, x_and_y[:1], x_and_y[1:], graph.constants)
    opset = [helper.make_opsetid("", OPSET)]
    whole = helper.make_model(
        made, opset_imports=opset, producer_name="minidl", producer_version=__version__, ir_version=IR
    )
    checker.check_model(whole)
    content: bytes = whole.SerializeToString(deterministic=True)
    return content


def _emit(graph: OnnxGraph, layer: Layer, x: str) -> str:
    """The name of a layer's output for that of its input."""
    if isinstance(layer, Cell):
        return of_cell(graph, layer, x)
    if type(layer) not in _FORMS:
        raise ConfigError(f"{type(layer).__name__}: a layer that is not exported to ONNX; those are: {_known()}.")
    return _FORMS[type(layer)](graph, layer, x)


def _known() -> str:
    return ", ".join(sorted(["cells", *(kind.__name__ for kind in _FORMS)]))


def _row(graph: OnnxGraph, layer: Any, x: str) -> str:
    for child in layer.children().values():
        x = _emit(graph, child, x)
    return x


def _merged(graph: OnnxGraph, merge: str, parts: list[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return graph("Sum", *parts) if merge == "add" else graph("Concat", *parts, axis=-1)


def _parallel(graph: OnnxGraph, layer: Parallel, x: str) -> str:
    return _merged(graph, layer.merge, [_emit(graph, branch, x) for branch in layer.children().values()])


def _reversed(graph: OnnxGraph, x: str) -> str:
    return graph("Slice", x, graph.whole(-1), graph.whole(-(2**62)), graph.whole(1), graph.whole(-1))


def _bidirectional(graph: OnnxGraph, layer: Bidirectional, x: str) -> str:
    f, g = layer.children().values()
    back = _reversed(graph, _emit(graph, g, _reversed(graph, x)))
    return _merged(graph, layer.merge, [_emit(graph, f, x), back])


def _dense(graph: OnnxGraph, layer: Dense, x: str) -> str:
    y = graph("MatMul", x, graph.constant(layer.params["W"]))
    return graph("Add", y, graph.constant(layer.params["b"])) if layer.bias else y


def _embedding(graph: OnnxGraph, layer: Embedding, x: str) -> str:
    symbols = graph("Cast", graph("Round", x), to=7)  # whole numbers
    rows = graph("Gather", graph.constant(layer.params["W"]), symbols, axis=0)
    kept = graph("Slice", graph("Shape", x), graph.whole(0), graph.whole(-1))
    features = len(layer.params["W"][0])
    last = graph("Mul", graph("Gather", graph("Shape", x), graph.whole(-1)), graph.whole(features))
    return graph("Reshape", rows, graph("Concat", kept, last, axis=0))


def _layer_norm(graph: OnnxGraph, layer: LayerNorm, x: str) -> str:
    g, b = (graph.constant(layer.params[name]) for name in "gb")
    return graph("LayerNormalization", x, g, b, axis=-1, epsilon=layer.epsilon)


def _steps_ahead(graph: OnnxGraph, layer: StepsAhead, x: str) -> str:
    last = graph("Slice", x, graph.whole(-layer.steps), graph.whole(2**62), graph.whole(1))
    return graph("Reshape", last, graph.whole(0, -1))


def _last(graph: OnnxGraph, layer: Layer, x: str) -> str:
    return graph("Squeeze", graph("Gather", x, graph.whole(-1), axis=1), graph.whole(1))


def _plain(op: str, **attributes: Any) -> Callable[[OnnxGraph, Any, str], str]:
    return lambda graph, layer, x: graph(op, x, **attributes)


_FORMS: Mapping[type, Callable[[OnnxGraph, Any, str], str]] = {
    Sequential: _row,
    Repeat: _row,
    Residual: lambda graph, layer, x: graph("Add", x, _row(graph, layer, x)),
    Parallel: _parallel,
    Bidirectional: _bidirectional,
    RecurrentLayer: lambda graph, layer, x: of_elman(graph, layer, x, _emit),
    Dense: _dense,
    Embedding: _embedding,
    LayerNorm: _layer_norm,
    LastStep: _last,
    StepsAhead: _steps_ahead,
    MeanOverTime: _plain("ReduceMean", axes=[1], keepdims=0),
    MaxOverTime: _plain("ReduceMax", axes=[1], keepdims=0),
    SelectFeatures: lambda graph, layer, x: graph("Gather", x, graph.whole(*layer.places), axis=-1),
    Softmax: _plain("Softmax", axis=-1),
    Dropout: lambda graph, layer, x: x,
    TanhActivation: _plain("Tanh"),
    SigmoidActivation: _plain("Sigmoid"),
    ReluActivation: _plain("Relu"),
    IdentityActivation: lambda graph, layer, x: x,
}
