"""Where NaN or Inf came from: called once training has met one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.arrays import first_not_finite
from minidl.errors import NumericalError
from minidl.layer import Array, Layer
from minidl.layers.sequential import Stack
from minidl.training.flat import FlatParameters


def numerical_error(
    where: str,
    model: Layer,
    flat: FlatParameters,
    loss: float,
    x: Array | None = None,
    target: Array | None = None,
    state: Mapping[str, Array] | None = None,
    *,
    indices: Any = None,
) -> NumericalError:
    """The error to raise: where it happened, and the first thing that is not finite.

    Looked for in the order data, parameters, outputs layer by layer, the optimizer's state after its step, gradients.

    Parameters
    ----------
    indices : which examples x and target are; None: 0, 1, 2, ...
    """
    for name, array in (("inputs (x)", x), ("targets (y)", target)):
        found = None if array is None else first_not_finite(array, rows=indices)
        if found is not None:
            finite = "training takes finite numbers only"
            return NumericalError(f"{where}: loss is {loss:g}; the {name} have {found}; {finite}.")
    found = _first(model, flat.views, "parameter")
    if found is None and x is not None:
        found = _first_output(model, x, "")
    found = found or _first_state(state or {})  # its step may have used the gradients as scratch space
    found = found or _first(model, flat.grad_views, "gradient of") or "the gradient's norm overflows"
    hint = "Try a smaller optimizer.learning_rate, or set training.clip_norm."
    return NumericalError(f"{where}: loss is {loss:g}; {found}. {hint}")


def _finite(x: Array) -> bool:
    return bool(np.isfinite(x).all())


def _first(model: Layer, arrays: dict[str, Array], what: str) -> str | None:
    for name, value in arrays.items():
        if not _finite(value):
            count = int((~np.isfinite(value)).sum())
            return f"{what} {name} ({_layer_name(model, name)}) has {count} of {value.size} values NaN or Inf"
    return None


def _first_state(state: Mapping[str, Array]) -> str | None:
    for name, value in state.items():
        if not _finite(value):
            count = int((~np.isfinite(value)).sum())
            return f"the optimizer's {name} has {count} of {value.size} values NaN or Inf"
    return None


def _layer_name(model: Layer, parameter: str) -> str:
    """The class of the innermost layer on a parameter's path; how a user's layer names its own is its business."""
    layer = model
    for part in parameter.split(".")[:-1]:
        children = getattr(layer, "children", None)
        if isinstance(children, list) and part.isdecimal() and int(part) < len(children):
            inner = children[int(part)]
        else:
            inner = getattr(layer, part, None)
        if not isinstance(inner, Layer):
            break
        layer = inner
    return type(layer).__name__


def _first_output(model: Layer, x: Array, prefix: str) -> str | None:
    """The first layer of a chain whose output is not finite; only of containers that are nothing but a chain."""
    if not isinstance(model, Stack) or type(model).forward is not Stack.forward:
        return None
    for i, child in enumerate(model.children):
        try:
            y = child(x)
        except Exception:  # a user's layer; what it says would hide where NaN came from
            return None
        if not _finite(y):
            inner = _first_output(child, x, f"{prefix}{i}.")
            return inner or f"the output of layer {prefix}{i} ({type(child).__name__}) has NaN or Inf"
        x = y
    return None
