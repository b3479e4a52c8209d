"""The gradient of traced equations, in reverse mode.

The gradient is linear in what comes back from the next step: each result is a sum of
*bases*, known only in the loop over time, times *factors*, which depend on the forward
values alone. So factors are computed for all steps at once, and what is left in the
loop are few products. With dh and dc of an LSTM, for example,

    dc_total = dc + dh · [o (1 - tanh²c)]      da_i = dc_total · [g i (1 - i)]   ...

where everything in brackets is a factor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl.layers.recurrent.tracing import Argument, Graph, Value, sigmoid, where

# A linear form: by base, its factor, a place in the graph or a constant.
Form = dict[int, Argument]
Rule = Callable[..., tuple[Any, ...]]


def _larger(a: Any, b: Any, y: Any) -> tuple[Any, Any]:
    """Where both are equal the second one counts, and a constant never does: max(a, 0) has slope 0 at 0."""
    first = where(a > b, 1.0, 0.0)
    return first, (where(b > a, 1.0, 0.0) if not isinstance(a, Value) else 1.0 - first)


def _smaller(a: Any, b: Any, y: Any) -> tuple[Any, Any]:
    first = where(a < b, 1.0, 0.0)
    return first, (where(b < a, 1.0, 0.0) if not isinstance(a, Value) else 1.0 - first)


def _power(a: Any, b: Any, y: Any) -> tuple[Any, Any]:
    slope = b * a ** (b - 1.0) if isinstance(a, Value) else None
    return slope, (y * np.log(a) if isinstance(b, Value) else None)


# By operation: the partial derivatives by each argument, from the arguments and the result.
RULES: dict[str, Rule] = {
    "add": lambda a, b, y: (1.0, 1.0),
    "subtract": lambda a, b, y: (1.0, -1.0),
    "multiply": lambda a, b, y: (b, a),
    "divide": lambda a, b, y: (1.0 / b, -y / b),
    "maximum": _larger,
    "minimum": _smaller,
    "power": _power,
    "where": lambda c, a, b, y: (None, where(c, 1.0, 0.0), where(c, 0.0, 1.0)),
    "greater": lambda a, b, y: (None, None),
    "less": lambda a, b, y: (None, None),
    "negative": lambda a, y: (-1.0,),
    "tanh": lambda a, y: (1.0 - y * y,),
    "sigmoid": lambda a, y: (y * (1.0 - y),),
    "softplus": lambda a, y: (sigmoid(a),),
    "exp": lambda a, y: (y,),
    "expm1": lambda a, y: (y + 1.0,),
    "log": lambda a, y: (1.0 / a,),
    "log1p": lambda a, y: (1.0 / (a + 1.0),),
    "sqrt": lambda a, y: (0.5 / y,),
    "square": lambda a, y: (2.0 * a,),
    "absolute": lambda a, y: (np.sign(a),),
    "sign": lambda a, y: (None,),
    "sin": lambda a, y: (np.cos(a),),
    "cos": lambda a, y: (-np.sin(a),),
}


@dataclass
class Gradient:
    """What the loop backward computes; factors are nodes of the graph, which has grown by them.

    Parameters
    ----------
    graph : of the forward pass.
    n_given : so many bases are given: dL/d(state), one for each output.
    steps : what makes further bases, in order: ``(base, form)`` is a sum, ``(base, gate)`` the product of this
        gate's gradient with its recurrent weights.
    inputs : the gradient of each input.
    outputs : by place, the whole gradient of each output: what is given, and what other outputs make of it.
    """

    graph: Graph
    n_given: int
    steps: list[tuple[int, Form | str]] = field(default_factory=list)
    inputs: dict[str, Form] = field(default_factory=dict)
    outputs: dict[int, Form] = field(default_factory=dict)
    _known: dict[str, int] = field(default_factory=dict)

    def new_base(self, how: Form | str) -> int:
        """A base that is made of others; the same sum is made once."""
        key = str(sorted(how.items())) if isinstance(how, dict) else ""  # as text, see `Graph.node`
        if key and key in self._known:
            return self._known[key]
        base = self.n_given + len(self.steps)
        self.steps.append((base, how))
        if key:
            self._known[key] = base
        return base

    def uses(self) -> list[int]:
        """Places of factors that are not constants, as often as the loop reads them."""
        forms = [*self.inputs.values(), *(how for _, how in self.steps if isinstance(how, dict))]
        return [factor for form in forms for factor in form.values() if isinstance(factor, int)]

    def factors(self) -> list[int]:
        """Places of all factors that are not constants."""
        return sorted(set(self.uses()))


def derive(
    graph: Graph, states: Sequence[str], products: Mapping[str, int], written: Mapping[int, Form] | None = None
) -> Gradient:
    """The gradient of the outputs `states`.

    Parameters
    ----------
    products : by gate whose recurrent product follows some of the equations, the place of what it multiplies.
    written : by place, gradients that are known already; None: those of the outputs.
    """
    found = Gradient(graph, len(states))
    forms: dict[int, Form] = {place: dict(form) for place, form in (written or {}).items()}
    for base, state in enumerate(states if written is None else ()):
        _add(graph, forms, graph.outputs[state], {base: 1.0})
    names = {place: name for name, place in graph.inputs.items()}
    for place in range(len(graph.nodes) - 1, -1, -1):
        form, node = forms.pop(place, None), graph.nodes[place]
        if form is None:
            continue
        if node.op == "input":
            name = names[place]
            found.inputs[name] = form
            if name in products:
                _add(graph, forms, products[name], {found.new_base(name): 1.0})
            continue
        args = [Value(graph, arg) if isinstance(arg, int) else arg for arg in node.args]
        partials = RULES[node.op](*args, Value(graph, place))
        if len(form) > 1 and any(isinstance(partial, Value) for partial in partials):
            form = {found.new_base(form): 1.0}
        if place in graph.outputs.values():
            found.outputs[place] = form
        for arg, partial in zip(node.args, partials, strict=True):
            if isinstance(arg, int) and partial is not None:
                _add(graph, forms, arg, {base: _product(graph, factor, partial) for base, factor in form.items()})
    return found


def _add(graph: Graph, forms: dict[int, Form], place: int, more: Form) -> None:
    form = forms.setdefault(place, {})
    for base, factor in more.items():
        form[base] = _sum(graph, form[base], factor) if base in form else factor


def _sum(graph: Graph, a: Argument, b: Argument) -> Argument:
    if isinstance(a, float) and isinstance(b, float):
        return a + b
    for one, other in ((a, b), (b, a)):
        if isinstance(other, int) and graph.nodes[other].op == "negative":
            return graph.node("subtract", one, graph.nodes[other].args[0]).place
    return graph.node("add", a, b).place


def _product(graph: Graph, factor: Argument, partial: Any) -> Argument:
    other: Argument = partial.place if isinstance(partial, Value) else float(partial)
    if isinstance(factor, float) and isinstance(other, float):
        return factor * other
    for one, rest in ((factor, other), (other, factor)):
        if one == 1.0 and isinstance(one, float):
            return rest
        if one == -1.0 and isinstance(one, float):
            return graph.node("negative", rest).place
    return graph.node("multiply", factor, other).place
