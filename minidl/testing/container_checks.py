"""Checks of `check_layer` for what a caller may leave out, and for layers that are made of layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.core.layer import INFERENCE, Array, Context
from minidl.core.walk import joined, own_parameters, walk
from minidl.core.workspace import Workspace
from minidl.testing.check_subject import Subject


def without_input_gradient(s: Subject) -> None:
    """with input_gradient=False the parameters' gradients stay as they are"""
    _, cache = s.layer.forward(s.x())
    y, lean = s.layer.forward(s.x(), Context(input_gradient=False))
    dy = np.random.default_rng(3).normal(size=y.shape)
    dx, grads = s.layer.backward(dy, cache)
    lean_dx, lean_grads = s.layer.backward(dy, lean)
    assert grads.keys() == lean_grads.keys(), f"gradients {sorted(lean_grads)}, with dx {sorted(grads)}"
    different = [name for name, value in grads.items() if not np.array_equal(value, lean_grads[name])]
    assert not different, f"the gradients of {different} are others"
    if lean_dx is not None and dx is not None:
        assert np.array_equal(lean_dx, dx), "dx is another one; it may only be left out"


def bound_parameters(s: Subject) -> None:
    """bound arrays are used, and are the parameters of whoever they belong to"""
    arrays = {name: 1.5 * value + 0.1 for name, value in s.layer.params.items()}
    twin = Subject(s.layer, s.input_shape)
    s.layer.bind(arrays)
    for name, value in arrays.items():
        assert s.layer.params[name] is value, f"params[{name!r}] is not the array that was bound"
        twin.layer.params[name][...] = value
    differing = s.run(s.x()).differing(twin.run(s.x()))
    assert not differing, f"{differing} differ from those of parameters with the same values"


def children_by_name(s: Subject) -> None:
    """parameters are those of the children, named by their places"""
    places = [
        (layer, joined(path, name), id(value))
        for path, layer in walk(s.layer)
        for name, value in own_parameters(layer).items()
    ]
    of_children = {array for layer, _, array in places if layer is not s.layer}
    names: dict[int, str] = {}
    for layer, name, array in places:  # a layer that stands twice is named by its first place
        if layer is not s.layer or array not in of_children:
            names.setdefault(array, name)
    found = {id(value): name for name, value in s.layer.params.items()}
    assert found == names, f"parameters {sorted(found.values())}; those of the children are {sorted(names.values())}"


def children_get_the_context(s: Subject) -> None:
    """children get the call's context, each a workspace of its own"""
    seen: list[tuple[str, Context]] = []
    for name, child in s.layer.children().items():
        if "forward" not in vars(child):  # it may stand twice
            vars(child)["forward"] = _noting(child.forward, name, seen)
    rng, lengths = np.random.default_rng(0), np.array([5, 3, 2])
    ragged = len(s.input_shape) == 2
    ctx = Context(training=True, rng=rng, workspace=Workspace(), lengths=lengths if ragged else None)
    s.layer.forward(s.x(time=5), ctx)
    for name, got in seen:
        assert (got.training, got.rng) == (True, rng), f"{name}: training or rng is not the caller's"
        assert got.workspace is not None, f"{name}: the lent workspace is not handed on"
    spaces = [id(ctx.workspace), *(id(got.workspace) for _, got in seen)]
    assert len(set(spaces)) == len(spaces), "children share a workspace"


def _noting(forward: Callable[..., Any], name: str, seen: list[tuple[str, Context]]) -> Callable[..., Any]:
    def noting(x: Array, ctx: Context = INFERENCE) -> Any:
        seen.append((name, ctx))
        return forward(x, ctx)

    return noting
