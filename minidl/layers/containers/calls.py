"""A container's calls of its children, and whether what they return is what the layer protocol says."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.core.errors import ShapeError
from minidl.core.layer import Array, Context, Grads, Layer


def forward_of(child: Layer, x: Array, ctx: Context) -> tuple[Array, Any]:
    """The child's (y, cache).

    Raises
    ------
    ShapeError
        It returned something else.
    """
    made = child.forward(x, ctx)
    if type(made) is not tuple or len(made) != 2 or not isinstance(made[0], np.ndarray):
        raise ShapeError(f"{type(child).__name__}: forward must return (y, cache), y an array.")
    return made


def backward_of(i: int, child: Layer, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
    """The (dx, gradients) of a container's child number i, a `ChildBackward`.

    Raises
    ------
    ShapeError
        It returned something else.
    """
    made = child.backward(dy, cache)
    if type(made) is not tuple or len(made) != 2 or not isinstance(made[1], dict):
        raise ShapeError(
            f"{type(child).__name__}: backward must return (dx, gradients), gradients a dict by parameter name."
        )
    return made


def backward_from_of(child: Layer, dy: Array, d_final: Any, cache: Any) -> tuple[Array | None, Grads, Any]:
    """The child's (dx, gradients, dL/d(start state)).

    Raises
    ------
    ShapeError
        It returned something else.
    """
    made = child.backward_from(dy, d_final, cache)
    if type(made) is not tuple or len(made) != 3 or not isinstance(made[1], dict):
        raise ShapeError(f"{type(child).__name__}: backward_from must return (dx, gradients, dL/d(start state)).")
    return made
