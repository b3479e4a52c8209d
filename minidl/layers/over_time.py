"""Layers from all time steps to one row: their mean, or the largest value of each feature.

Both have a state, what they know of the steps before, so that a window can come in
parts, or one step at a time.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.core.errors import ShapeError
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape
from minidl.core.lengths import check_lengths, inside, without_padding
from minidl.core.registry import register
from minidl.core.states import by_name
from minidl.core.workspace import Workspace


@dataclass(eq=False)
class OverTime(Layer):
    """One number for each feature, of all time steps of a sequence.

    Shapes: x (batch, time, features), y (batch, features).
    """

    def output_shape(self, input_shape: Shape) -> Shape:
        """The features alone."""
        if len(input_shape) != 2:
            who = type(self).__name__
            raise ShapeError(f"{who}: expected input of shape (time, features), got {input_shape}.")
        return input_shape[1:]

    def output_lengths(self, lengths: Array | None) -> None:
        """None: y has no time axis."""

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """One row a sequence."""
        who = type(self).__name__
        if x.ndim != 3 or x.shape[1] == 0:
            raise ShapeError(f"{who}: expected x of shape (batch, time, features), got {x.shape}.")
        if ctx.lengths is not None:
            check_lengths(ctx.lengths, x.shape, who)
        return self.gather(x if x.dtype.kind == "f" else x.astype(float), ctx)

    @abstractmethod
    def gather(self, x: Array, ctx: Context) -> tuple[Array, Any]:
        """y and the cache, of an x that is known to fit."""

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """Each step's share; see the class."""
        return self.backward_from(dy, None, cache)[:2]


@register
@dataclass(eq=False)
class MeanOverTime(OverTime):
    """y = 1/T Σ_t x_t over the time steps of each sequence,  dx_t = dy / T.

    State: the sum so far, s of (batch, features), and the number of steps, n of (batch, 1). With a state
    y = (s + Σ_t x_t) / (n + T), and ds = dx_t.

    Shapes: x (batch, time, features), y (batch, features).
    """

    def gather(self, x: Array, ctx: Context) -> tuple[Array, Any]:
        """See the class."""
        T = np.full((len(x), 1), x.shape[1]) if ctx.lengths is None else ctx.lengths[:, None]
        total = without_padding(x, ctx.lengths).sum(axis=1)
        before: Any = (0, 0) if ctx.state is None else ctx.state
        total, steps = total + before[0], T + before[1]
        return (total / steps).astype(x.dtype, copy=False), (x, total, steps, ctx.lengths, ctx.workspace)

    def backward_from(self, dy: Array, d_final: Any, cache: Any) -> tuple[Array | None, Grads, Any]:
        """The same share for each step and the sum before them, and 0 in the padding; see `Layer.backward_from`."""
        x, total, steps, lengths, ws = cache
        d_total, d_steps = dy / steps, -(dy * total).sum(axis=1, keepdims=True) / steps**2
        if d_final is not None:
            shapes = {"sum": total.shape, "steps": steps.shape}
            behind = by_name(d_final, shapes, "MeanOverTime: expected a gradient of the final state")
            d_total, d_steps = d_total + behind["sum"], d_steps + behind["steps"]
        dx = (ws or Workspace()).array("dx", x.shape, x.dtype)
        dx[...] = d_total[:, None]
        if lengths is not None:
            dx[~inside(lengths, x.shape[1])] = 0
        return dx, {}, (d_total, d_steps)

    def final_state(self, cache: Any) -> Any:
        """The sum and the number of steps."""
        return cache[1], cache[2]


@register
@dataclass(eq=False)
class MaxOverTime(OverTime):
    """y = max_t x_t of each feature;  dx_t = dy at the first step that has the largest value, and 0 elsewhere.

    State: the largest values so far, (batch, features); what is not dx_t is the gradient of these.

    Shapes: x (batch, time, features), y (batch, features).
    """

    def gather(self, x: Array, ctx: Context) -> tuple[Array, Any]:
        """See the class."""
        steps = x
        if ctx.lengths is not None:
            steps = np.where(inside(ctx.lengths, x.shape[1])[..., None], x, x.dtype.type(-np.inf))
        place = steps.argmax(axis=1)[:, None]
        y = np.take_along_axis(steps, place, axis=1)[:, 0]
        here = np.ones(y.shape, bool) if ctx.state is None else y > ctx.state
        if ctx.state is not None:
            y = np.where(here, y, ctx.state)
        return y, (x, y.copy(), place, here, ctx.workspace)

    def backward_from(self, dy: Array, d_final: Any, cache: Any) -> tuple[Array | None, Grads, Any]:
        """dy where the largest value stands, which may be in the start state; see `Layer.backward_from`."""
        x, _, place, here, ws = cache
        if d_final is not None:
            what = "MaxOverTime: expected a gradient of the final state"
            dy = dy + by_name(d_final, {"values": dy.shape}, what)["values"]
        dx = (ws or Workspace()).array("dx", x.shape, x.dtype)
        dx[...] = 0
        np.put_along_axis(dx, place, np.where(here, dy, 0)[:, None], axis=1)
        return dx, {}, np.where(here, 0, dy)

    def final_state(self, cache: Any) -> Any:
        """The largest values."""
        return cache[1]
