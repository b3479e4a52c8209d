"""Equations that are run once on symbols, so that it is known which operations they consist of.

The author of a cell writes ``np.tanh(g) * sigmoid(i)``. On arrays that computes; on a
`Value` it only notes the operation. What is noted, a `Graph`, is all that the library
needs: it runs it step by step, derives the gradient, writes compiled code, prints it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from minidl.core.errors import ConfigError
from minidl.core.text import counted
from minidl.layers.recurrent.operations import computed

Argument = int | float  # the place of a node in its graph, or a constant

# Operations by the name of their NumPy function, and how many arguments each has.
ARGUMENTS = {
    **dict.fromkeys(("add", "subtract", "multiply", "divide", "maximum", "minimum", "greater", "less"), 2),
    **dict.fromkeys(("negative", "tanh", "exp", "expm1", "log", "log1p", "sqrt", "square", "absolute", "sign"), 1),
    **dict.fromkeys(("sin", "cos", "sigmoid", "softplus"), 1),
    "power": 2,
    "where": 3,
}


@dataclass(frozen=True)
class TraceNode:
    """One operation on earlier nodes, or an input, which has no arguments."""

    op: str
    args: tuple[Argument, ...] = ()


@dataclass
class Graph:
    """Operations in an order in which each comes after its arguments; equal ones stand there once.

    Parameters
    ----------
    nodes : all of them.
    inputs : places of the inputs by name.
    outputs : places of the results by name.
    """

    nodes: list[TraceNode] = field(default_factory=list)
    inputs: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, int] = field(default_factory=dict)
    _places: dict[str, int] = field(default_factory=dict, repr=False)

    def entry(self, name: str) -> Value:
        """A new input."""
        self.nodes.append(TraceNode("input"))
        self.inputs[name] = len(self.nodes) - 1
        return Value(self, self.inputs[name])

    def node(self, op: str, *args: Argument) -> Value:
        """The result of an operation; if the graph has it already, that one."""
        key = f"{op}{args}"  # as text, in which the place 1 is not the constant 1.0
        if key not in self._places:
            self.nodes.append(TraceNode(op, args))
            self._places[key] = len(self.nodes) - 1
        return Value(self, self._places[key])

    def needed(self, places: Sequence[int]) -> list[int]:
        """These nodes and all that they are computed from, in order."""
        wanted = set(places)
        for place in range(len(self.nodes) - 1, -1, -1):
            if place in wanted:
                wanted.update(arg for arg in self.nodes[place].args if isinstance(arg, int))
        return sorted(wanted)


class Value(np.lib.mixins.NDArrayOperatorsMixin):
    """A number that equations compute with: an input, or the result of an operation."""

    def __init__(self, graph: Graph, place: int) -> None:
        self.graph, self.place = graph, place

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **more: Any) -> Any:
        name = ufunc.__name__
        if method != "__call__" or more or ARGUMENTS.get(name) != len(inputs):
            how = name if method == "__call__" else f"{name}.{method}"
            instead = "; write a = a + b in place of a += b" if "out" in more else ""
            _refuse(f"numpy.{how}" + (f" with {', '.join(more)}" if more else "") + instead)
        if name == "positive":
            return self
        return record(name, *inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, more: Any) -> Any:
        if function is np.where and len(args) == 3 and not more:
            return record("where", *args)
        return _refuse(f"{function.__module__}.{function.__name__}")

    def __pos__(self) -> Value:
        return self

    def __bool__(self) -> NoReturn:
        _refuse("a condition on a number that is not known yet; write where(condition, a, b)")

    def __float__(self) -> NoReturn:
        _refuse("float(...) of a number that is not known yet; functions of math need one, those of numpy do not")

    def __getitem__(self, key: Any) -> NoReturn:
        _refuse("an index")

    def __iter__(self) -> NoReturn:
        _refuse("a loop over units")

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        _refuse("an assignment to a part of a number")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # NumPy asks for these of everything
            raise AttributeError(name)
        _refuse(f".{name} of a number")

    def __len__(self) -> NoReturn:
        _refuse("len(...)")

    __hash__ = None  # type: ignore[assignment]


def record(op: str, *inputs: Any) -> Any:
    """Note an operation on values and constants; constants are plain numbers."""
    factors = {"multiply": inputs, "divide": inputs[:1]}.get(op, ())
    if any(isinstance(item, (int, float)) and item == 0 for item in factors):
        return 0.0
    graph = next(item.graph for item in inputs if isinstance(item, Value))
    args: list[Argument] = []
    for item in inputs:
        if isinstance(item, Value):
            args.append(item.place)
        elif np.ndim(item) == 0 and isinstance(item, (int, float, np.integer, np.floating)):
            args.append(float(item))
        else:
            _refuse(f"{op} with a {type(item).__name__}, where a plain number or a vector of the cell must be")
    same = _simplified(graph, op, args)
    return graph.node(op, *args) if same is None else same


def _simplified(graph: Graph, op: str, args: list[Argument]) -> Any:
    """What adds 0 or multiplies by 1 computes nothing, so vectors that a cell lacks cost nothing. v² is a square."""
    for one, other in ((args[0], args[-1]), (args[-1], args[0])):
        neutral = isinstance(one, int) and isinstance(other, float) and (op, other) in (("add", 0), ("multiply", 1))
        if neutral:
            return Value(graph, int(one))
    if op in ("subtract", "divide") and args[1] == (op == "divide") and isinstance(args[1], float):
        return Value(graph, int(args[0]))
    if op == "power" and isinstance(args[1], float) and args[1] in (1, 2):
        return Value(graph, int(args[0])) if args[1] == 1 else graph.node("square", args[0])
    return None


def _refuse(what: str) -> NoReturn:
    """Say which operation cannot be traced, and in which line it stands."""
    frame: Any = sys._getframe(1)
    here = (__file__, np.lib.mixins.__file__)
    while frame.f_back is not None and frame.f_code.co_filename in here:
        frame = frame.f_back
    place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
    raise ConfigError(
        f"{place}: {frame.f_code.co_name}: {what}: none of the operations that equations of a cell are made of, each "
        f"number for itself: {', '.join(sorted(ARGUMENTS))}."
    )


def sigmoid(a: Any) -> Any:
    """1 / (1 + exp(-a)), of an array, or in the equations of a cell."""
    return record("sigmoid", a) if isinstance(a, Value) else computed("sigmoid", a)


def softplus(a: Any) -> Any:
    """log(1 + exp(a)), of an array, or in the equations of a cell."""
    return record("softplus", a) if isinstance(a, Value) else computed("softplus", a)


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`: of arrays, or in the equations of a cell."""
    return record("where", condition, a, b) if isinstance(condition, Value) else np.where(condition, a, b)


def placed(equations: Callable[..., Any]) -> str:
    """The name of equations, with the file and line where they stand."""
    code = getattr(equations, "__code__", None)
    place = f"{Path(code.co_filename).name}:{code.co_firstlineno}: " if code else ""
    return place + getattr(equations, "__qualname__", "equations")


def asked(equations: Callable[..., Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the known values that equations ask for by name; what has a default only if there is such a value."""
    name, found = placed(equations), {}
    for argument, parameter in inspect.signature(equations).parameters.items():
        if argument in known:
            found[argument] = known[argument]
        elif parameter.default is inspect.Parameter.empty:
            raise ConfigError(f"{name}: there is no {argument!r}; gates, states and vectors: {', '.join(known)}.")
    return found


def trace(equations: Callable[..., Any], known: Mapping[str, Value], outputs: Sequence[str]) -> list[Value]:
    """Run equations on those of the known values that they ask for by name; returns their results.

    An argument that has a default is given only if there is such a value.

    Raises
    ------
    ConfigError
        They ask for something else, an operation is none of `ARGUMENTS`, or there are not as many results as outputs.
    """
    name, found = placed(equations), equations(**asked(equations, known))
    if found is None:
        raise ConfigError(f"{name}: it returns nothing; expected {', '.join(outputs)}.")
    results = list(found) if isinstance(found, (tuple, list)) else [found]
    if len(results) != len(outputs):
        raise ConfigError(
            f"{name}: expected {counted(len(outputs), 'result')} ({', '.join(outputs)}), got {len(results)}."
        )
    for output, result in zip(outputs, results, strict=True):
        if not isinstance(result, (Value, int, float, np.ndarray, np.number)):
            raise ConfigError(f"{name}: expected {output} in terms of gates and states, got {result!r}.")
        if not isinstance(result, Value):
            raise ConfigError(f"{name}: {output} does not depend on anything.")
    return results
