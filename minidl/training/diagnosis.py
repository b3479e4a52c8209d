"""Where NaN or Inf came from: called once training has met one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minidl.core.arrays import first_not_finite
from minidl.core.errors import NumericalError
from minidl.core.layer import Array, Context, Layer
from minidl.core.walk import owner, walk
from minidl.data.batch import Batch
from minidl.training.flat import FlatParameters


def numerical_error(
    where: str,
    model: Layer,
    flat: FlatParameters,
    loss: float,
    batch: Batch | None = None,
    state: Mapping[str, Array] | None = None,
    *,
    indices: Any = None,
    start: Any = None,
) -> NumericalError:
    """The error to raise: where it happened, and the first thing that is not finite.

    Looked for in the order data, parameters, outputs layer by layer, the optimizer's state after its step, gradients.

    Parameters
    ----------
    batch : what the step was about; see `prepared`.
    indices : which examples were asked for; None: 0, 1, 2, ...
    start : the state that the step started from; see `Context`.
    """
    if batch is not None:
        found = _first_example(batch, indices)
        if found is not None:
            return NumericalError(f"{where}: loss is {loss:g}; {found}; training takes finite numbers only.")
    found = _first(model, flat.views, "parameter")
    if found is None and batch is not None:
        found = _first_output(model, batch, start)
    found = found or _first_state(state or {})  # its step may have used the gradients as scratch space
    found = found or _first(model, flat.grad_views, "gradient of") or "the gradient's norm overflows"
    hint = "Try a smaller optimizer.learning_rate or training.clip_norm."
    return NumericalError(f"{where}: loss is {loss:g}; {found}. {hint}")


def _first_example(batch: Batch, indices: Any) -> str | None:
    if batch.order is not None:
        indices = batch.order if indices is None else indices[batch.order]
    for name, array in (("inputs (x)", batch.x), ("targets (y)", batch.target)):
        found = first_not_finite(array, rows=indices)
        if found is not None:
            return f"the {name} have {found}"
    return None


def _finite(x: Array) -> bool:
    return bool(np.isfinite(x).all())


def _first(model: Layer, arrays: dict[str, Array], what: str) -> str | None:
    for name, value in arrays.items():
        if not _finite(value):
            count = int((~np.isfinite(value)).sum())
            return f"{what} {name} ({type(owner(model, name)).__name__}) has {count} of {value.size} values NaN or Inf"
    return None


def _first_state(state: Mapping[str, Array]) -> str | None:
    for name, value in state.items():
        if not _finite(value):
            count = int((~np.isfinite(value)).sum())
            return f"the optimizer's {name} has {count} of {value.size} values NaN or Inf"
    return None


class _FoundError(Exception):
    """A layer's output is not finite."""


def _first_output(model: Layer, batch: Batch, start: Any) -> str | None:
    """The first layer whose output is not finite, in the order in which the outputs come about, whatever the model.

    The layers of a copy look at what they put out; nobody else sees the copy.
    """
    try:
        twin = copy.deepcopy(model)
        for path, layer in walk(twin):
            if path:
                name = f"the output of layer {path} ({type(layer).__name__})"
                vars(layer)["forward"] = _watched(layer.forward, name)
        twin.forward(batch.x, Context(lengths=batch.lengths, state=start))
    except _FoundError as found:
        return str(found)
    except Exception:  # of a user's layer: what it says would hide where NaN came from
        return None
    return None


def _watched(forward: Callable[..., tuple[Array, Any]], name: str) -> Callable[..., tuple[Array, Any]]:
    def watched(x: Array, *rest: Any, **more: Any) -> tuple[Array, Any]:
        y, cache = forward(x, *rest, **more)
        if not _finite(y):
            raise _FoundError(f"{name} has NaN or Inf")
        return y, cache

    return watched
