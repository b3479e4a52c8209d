"""A one-step forecast that is fed back into its own window, several times, with the gradient through all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar

import numpy as np

from minidl.core.arguments import NonNegativeInt, PositiveInt
from minidl.core.errors import ShapeError
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape
from minidl.core.lengths import check_lengths, without_padding
from minidl.core.registry import register
from minidl.core.workspace import Workspace
from minidl.layers.containers.calls import backward_of, forward_of
from minidl.layers.containers.container import Container
from minidl.layers.select_features import NamedColumns


@register
@dataclass(eq=False)
class Rollout(NamedColumns, Container):
    """y_j = f(x_j) for j = 1 ... steps: x_1 = x, and x_{j+1} is x_j one row on, whose new last row has y_j as target.

    The other columns of the new rows are those of the last row of x. So f, which forecasts one row, is
    trained on several of them, each fed back, and a loss of all y_j goes back through all calls:

        dL/dy_j + Σ_{i > j} (dL/dx_i at the row of y_j)  goes back through f(x_j).

    The model puts out one number for each lead, as a direct one does; it has the parameters of f.

    Parameters
    ----------
    layer : f, which makes one number of a window; several layers as a `Sequential`. Its
        parameters are named ``inner.…``.
    steps : how many rows are forecast.
    target : the column that is forecast: its position from 0 on, or its name, which an experiment knows.

    Shapes
    ------
    x (batch, time, features); y (batch, steps).

    References
    ----------
    Taieb and Atiya (2016), A bias and variance analysis for multistep-ahead time series forecasting.
    IEEE Trans. Neural Networks and Learning Systems 27.
    """

    layer: Layer
    _: KW_ONLY
    steps: PositiveInt
    target: NonNegativeInt | str
    causal: ClassVar[bool] = False  # it reads its window again for each forecast, so it cannot be fed step by step

    @property
    def child_calls(self) -> int:
        """As many as steps."""
        return self.steps

    def children(self) -> Mapping[str, Layer]:
        """f, as "inner"."""
        return {"inner": self.layer}

    def config_path(self, name: str) -> tuple[str | int, ...]:
        """``layer``."""
        return ("layer",)

    def output_shape(self, input_shape: Shape) -> Shape:
        """One number a step."""
        if len(input_shape) != 2:
            raise ShapeError(f"Rollout: expected windows of shape (time, features), got {input_shape}.")
        self.columns_of([self.target], input_shape[-1], "target")
        try:
            inner = self.layer.output_shape(input_shape)
        except ShapeError as err:
            raise self.placed(err, "inner") from err
        if tuple(inner) != (1,):
            name = type(self.layer).__name__
            problem = f"Rollout: {name} makes {inner} of {input_shape}; it must make one number, (1,)."
            raise ShapeError(problem, ("layer",))
        return (self.steps,)

    def output_lengths(self, lengths: Array | None) -> Array | None:
        """None: there is no time axis any more."""
        return None

    def wants_input_gradient(self, i: int, ctx: Context) -> bool:
        """What is fed back needs it."""
        return ctx.input_gradient or self.steps > 1

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """Every forecast in turn, from a window that holds those before it."""
        if x.ndim != 3:
            raise ShapeError(f"Rollout: expected x of shape (batch, time, features), got {x.shape}.")
        if ctx.lengths is not None:
            check_lengths(ctx.lengths, x.shape, "Rollout")
        n, time, features = x.shape
        (column,), sequence = self.columns_of([self.target], features, "target"), np.arange(n)
        ends = np.full(n, time) if ctx.lengths is None else ctx.lengths
        ws, held = ctx.workspace or Workspace(), x[sequence, ends - 1]
        rows, caches, y = np.zeros(()), [], np.zeros(())
        for j, inner in enumerate(self._contexts_of_steps(ctx)):
            window = rows[:, j : j + time] if j else x
            made, cache = forward_of(self.layer, window, inner)
            if made.shape != (n, 1):
                raise ShapeError(f"Rollout: {type(self.layer).__name__} made {made.shape} of {x.shape}, not {(n, 1)}.")
            if not j:
                y = ws.array("y", (n, self.steps), made.dtype)
                rows = ws.array("rows", (n, time + self.steps, features), np.result_type(x, made))
                rows[:, :time], rows[:, time:] = x, 0
            caches.append(cache)
            y[:, j] = made[:, 0]
            rows[sequence, ends + j] = held
            rows[sequence, ends + j, column] = y[:, j]
        return y, (caches[-1:], ctx.workspace, caches, x.shape, ctx.lengths, column, ctx.input_gradient)

    def _contexts_of_steps(self, ctx: Context) -> list[Context]:
        (inner,) = self.contexts(ctx)
        ws = ctx.workspace
        return [replace(inner, workspace=ws and ws.child(f"step {j}")) for j in range(self.steps)]

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """From the last forecast to the first; the gradients of f add up."""
        _, ws, caches, (n, time, features), lengths, column, wanted = cache
        if dy.shape != (n, self.steps):
            raise ShapeError(f"Rollout: expected dy of shape {(n, self.steps)}, got {dy.shape}.")
        ws, sequence = ws or Workspace(), np.arange(n)
        ends = np.full(n, time) if lengths is None else lengths
        drows = ws.array("drows", (n, time + self.steps, features), dy.dtype)
        drows[...] = 0
        total: Grads = {}
        for j in reversed(range(self.steps)):
            d = dy[:, j] + drows[sequence, ends + j, column]
            dx, own = backward_of(self.layer, d[:, None], caches[j])
            if dx is None and (j or wanted):
                raise ShapeError(f"Rollout: {type(self.layer).__name__} returned None for dx, which is fed back.")
            if dx is not None:
                drows[:, j : j + time] += without_padding(dx, lengths)
            total = self._added(total, own, ws)
        grads = self.summed_gradients({"inner": total}, ws)
        if not wanted:
            return None, grads
        drows[sequence[:, None], ends[:, None] + np.arange(self.steps), column] = 0
        for j in range(self.steps):
            drows[sequence, ends - 1] += drows[sequence, ends + j]
        return without_padding(drows[:, :time], lengths), grads

    def _added(self, total: Grads, own: Grads, ws: Workspace) -> Grads:
        """The sum of both; `own`, where there is none yet."""
        for name, value in total.items():
            own[name] = np.add(value, own[name], out=ws.array(f"rolled {name}", value.shape, value.dtype))
        return own

    def final_state(self, cache: Any) -> Any:
        """None: the next window begins anew."""
        return None
