"""The steps that stand for the leads of a forecast, for models that read rows after their window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from minidl.core.arguments import PositiveInt
from minidl.core.errors import ShapeError
from minidl.core.later_rows import LaterRows
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape
from minidl.core.lengths import check_lengths
from minidl.core.registry import register
from minidl.core.workspace import Workspace


@register
@dataclass(eq=False)
class StepsAhead(LaterRows, Layer):
    """y = the last `steps` time steps of x, side by side: the last row of a window, and the steps - 1 rows after it.

    In a stack that puts out a number at every step, number j comes from the row before the one that is forecast,
    and from those before it: a direct forecast that reads what is known ahead, as the calendar is, on its way.

    Parameters
    ----------
    steps : how many rows are forecast. Where a sequence has fewer, its first step stands for those that are missing.

    Shapes
    ------
    x (batch, time + steps - 1, features); y (batch, steps · features).
    """

    steps: PositiveInt
    causal: ClassVar[bool] = False  # it puts out several steps at once, so it cannot be fed step by step

    @property
    def later_rows(self) -> int:
        """steps - 1."""
        return self.steps - 1

    def output_shape(self, input_shape: Shape) -> Shape:
        """The features of all these steps."""
        if len(input_shape) != 2 or input_shape[1] is None:
            raise ShapeError(f"StepsAhead: expected input of shape (time, features), got {input_shape}.")
        return (self.steps * input_shape[1],)

    def output_lengths(self, lengths: Array | None) -> None:
        """None: y has no time axis."""

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """A copy of these steps."""
        if x.ndim != 3 or x.shape[1] == 0:
            raise ShapeError(f"StepsAhead: expected x of shape (batch, time, features), got {x.shape}.")
        if ctx.lengths is not None:
            check_lengths(ctx.lengths, x.shape, "StepsAhead")
        ends = np.full(len(x), x.shape[1]) if ctx.lengths is None else ctx.lengths
        places = np.arange(len(x))[:, None], np.maximum(ends[:, None] + np.arange(-self.steps, 0), 0)
        return x[places].reshape(len(x), -1), (places, x.shape, ctx.workspace)

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """dy at these steps, zero elsewhere."""
        places, shape, ws = cache
        if dy.shape != (shape[0], self.steps * shape[2]):
            raise ShapeError(f"StepsAhead: expected dy of shape {(shape[0], self.steps * shape[2])}, got {dy.shape}.")
        dx = (ws or Workspace()).array("dx", shape, dy.dtype)
        dx[...] = 0
        np.add.at(dx, places, dy.reshape(shape[0], self.steps, shape[2]))
        return dx, {}
