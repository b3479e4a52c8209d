"""Layers that change the time axis: from all time steps to the last one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.core.errors import ShapeError
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape, read_only
from minidl.core.lengths import check_lengths
from minidl.core.registry import register
from minidl.core.workspace import Workspace


@register
@dataclass(eq=False)
class LastStep(Layer):
    """y = x at the last time step of each sequence: makes a stack many-to-one.

    Backward puts dy at the last step and zeros before it (textbook equation 14).

    Shapes: x (batch, time, features), y (batch, features).
    """

    def output_shape(self, input_shape: Shape) -> Shape:
        """The features alone."""
        if len(input_shape) != 2:
            raise ShapeError(f"LastStep: expected input of shape (time, features), got {input_shape}.")
        return input_shape[1:]

    def output_lengths(self, lengths: Array | None) -> None:
        """None: y has no time axis."""

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """The view x[:, -1]; a copy where sequences differ in length."""
        if x.ndim != 3 or x.shape[1] == 0:
            raise ShapeError(f"LastStep: expected x of shape (batch, time, features), got {x.shape}.")
        if ctx.lengths is None:
            return read_only(x[:, -1]), (x, ctx.workspace, None)
        check_lengths(ctx.lengths, x.shape, "LastStep")
        last = np.arange(len(x)), ctx.lengths - 1
        return x[last], (x, ctx.workspace, last)

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """Zeros, and dy at the last step; in the memory layout of x, which the layer below prefers."""
        x, ws, last = cache
        if last is not None:
            dx = (ws or Workspace()).array("ragged dx", x.shape, np.result_type(x, dy))
            dx[...] = 0
            dx[last] = dy
            return dx, {}
        # Only the last step is ever written, so a lent buffer keeps its zeros.
        dtype = np.result_type(x, dy)
        dx = (ws or Workspace()).plan("dx", (x.shape, x.strides, dtype), np.zeros_like, x, dtype)
        dx[:, -1] = dy
        return dx, {}
