"""A layer with a way around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.core.errors import ShapeError
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape
from minidl.core.registry import register
from minidl.core.workspace import Workspace
from minidl.layers.containers.back import ChildBackward, StateContainer
from minidl.layers.containers.calls import forward_of


@register
@dataclass(eq=False)
class Residual(StateContainer):
    """y = x + f(x),  dL/dx = dy + (dy back through f).

    Parameters
    ----------
    layer : f, which keeps the shape; several layers as a `Sequential`. Its
        parameters are named ``inner.…``.

    Shapes
    ------
    x and y (batch, time, features) or (batch, features), as f takes them.

    References
    ----------
    He et al. (2016), Deep residual learning for image recognition. CVPR.
    """

    layer: Layer

    def children(self) -> Mapping[str, Layer]:
        """f, as "inner"."""
        return {"inner": self.layer}

    def config_path(self, name: str) -> tuple[str | int, ...]:
        """``layer``."""
        return ("layer",)

    def output_shape(self, input_shape: Shape) -> Shape:
        """That of the input."""
        try:
            inner = self.layer.output_shape(input_shape)
        except ShapeError as err:
            raise self.placed(err, "inner") from err
        if tuple(inner) != tuple(input_shape):
            name = type(self.layer).__name__
            raise ShapeError(f"Residual: {name} makes {inner} of {input_shape}; it must keep the shape.", ("layer",))
        return input_shape

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """x + f(x)."""
        (inner,) = self.contexts(ctx)
        fx, cache = forward_of(self.layer, x, inner)
        if fx.shape != x.shape:
            raise ShapeError(f"Residual: {type(self.layer).__name__} made {fx.shape} of {x.shape}.")
        ws = ctx.workspace or Workspace()
        return np.add(x, fx, out=ws.array("y", fx.shape, fx.dtype), casting="same_kind"), ([cache], ctx.workspace)

    def back(self, dy: Array, cache: Any, child_backward: ChildBackward) -> tuple[Array | None, Grads]:
        """dx = dy + (dy back through f); None if f leaves its own out."""
        ws = cache[1] or Workspace()
        dx, own = child_backward(0, self.layer, dy, cache[0][0])
        if dx is not None:
            dx = np.add(dx, dy, out=ws.array("dx", dx.shape, dx.dtype), casting="same_kind")
        return dx, self.summed_gradients({"inner": own}, ws)
