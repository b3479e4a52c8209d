"""A one-step forecast that is fed back into its own window, several times, with the gradient through all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar

import numpy as np

from minidl.core.arguments import NonNegativeInt, PositiveInt
from minidl.core.errors import ShapeError
from minidl.core.later_rows import LaterRows
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape
from minidl.core.lengths import check_lengths, without_padding
from minidl.core.registry import register
from minidl.core.walk import walk
from minidl.core.workspace import Workspace
from minidl.layers.containers.calls import backward_from_of, backward_of, forward_of
from minidl.layers.containers.container import Container
from minidl.layers.select_features import NamedColumns


@register
@dataclass(eq=False)
class Rollout(NamedColumns, LaterRows, Container):
    """y_j = f(x_j) for j = 1 ... steps: x_1 = x, and x_{j+1} is x_j one row on, whose new last row has y_j as target.

    The other columns of the new rows are those of the last row of x; or, with `later`, x has steps - 1 rows
    after the window, and they are those of these rows. So f, which forecasts one row, is trained on several
    of them, each fed back, and a loss of all y_j goes back through all calls:

        dL/dy_j + Σ_{i > j} (dL/dx_i at the row of y_j)  goes back through f(x_j).

    The model puts out one number for each lead, as a direct one does; it has the parameters of f.

    Parameters
    ----------
    layer : f, which makes one number of a window; several layers as a `Sequential`. Its
        parameters are named ``inner.…``.
    steps : how many rows are forecast.
    target : the column that is forecast: its position from 0 on, or its name, which an experiment knows.
    later : whether x has steps - 1 rows after the window, whose target is not looked at. Where a sequence is
        too short for so many and a window of one row, it has fewer, and the last row stays.
    grow : whether the window keeps its first rows as it goes on, so that x_{j+1} has j rows more than x. A
        layer that looks back only then computes each row once: it goes on from its state. It draws the same random
        numbers for each row, so that a `Dropout` that is shared over time has one mask for all of them.

    Shapes
    ------
    x (batch, time, features), with `later` (batch, time + steps - 1, features); y (batch, steps).

    References
    ----------
    Taieb and Atiya (2016), A bias and variance analysis for multistep-ahead time series forecasting.
    IEEE Trans. Neural Networks and Learning Systems 27.
    """

    layer: Layer
    _: KW_ONLY
    steps: PositiveInt
    target: NonNegativeInt | str
    later: bool = False
    grow: bool = False
    of_one_target: ClassVar[bool] = True
    causal: ClassVar[bool] = False  # it reads its window again for each forecast, so it cannot be fed step by step

    @property
    def later_rows(self) -> int:
        """steps - 1 with `later`."""
        return self.steps - 1 if self.later else 0

    @property
    def child_calls(self) -> int:
        """As many as steps; one of all rows where the window grows."""
        return 1 if self.grow else self.steps

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
        unfit = [type(layer).__name__ for _, layer in walk(self.layer) if not layer.causal] if self.grow else []
        if unfit:
            raise ShapeError(f"Rollout: grow: {unfit[0]} looks at later steps too, so it cannot go on.", ("layer",))
        input_shape = self._window(input_shape)
        try:
            inner = self.layer.output_shape(input_shape)
        except ShapeError as err:
            raise self.placed(err, "inner") from err
        if tuple(inner) != (1,):
            name = type(self.layer).__name__
            problem = f"Rollout: {name} makes {inner} of {input_shape}; it must make one number, (1,)."
            raise ShapeError(problem, ("layer",))
        return (self.steps,)

    def _window(self, input_shape: Shape) -> Shape:
        time = input_shape[0]
        return (None if time is None else time - min(self.later_rows, time - 1), *input_shape[1:])

    def child_inputs(self, input_shape: Shape) -> Mapping[str, Shape]:
        """The window, without later rows; with all that are fed back where it grows."""
        time, *features = self._window(input_shape)
        more = self.steps - 1 if self.grow else 0
        return {"inner": (None if time is None else time + more, *features)}

    def child_lengths(self, lengths: Array | None) -> Sequence[Array | None]:
        """Those of the windows."""
        return [None if lengths is None else lengths - np.minimum(self.later_rows, lengths - 1)]

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
        n, _, features = x.shape
        (column,), sequence = self.columns_of([self.target], features, "target"), np.arange(n)
        time, ends, sources = self._places(x.shape, ctx.lengths)
        ws = ctx.workspace or Workspace()
        rows, y, caches = np.zeros(()), np.zeros(()), list[Any]()
        draws = _Draws(ctx.rng if ctx.training else None)
        for j, inner in enumerate(self._contexts_of_steps(ctx)):
            if j and self.grow:
                inner = replace(inner, state=self.layer.final_state(caches[-1]), lengths=None)
                draws.again()
            made, cache = forward_of(self.layer, self._window_of(rows, ends, time, j) if j else x[:, :time], inner)
            if made.shape != (n, 1):
                raise ShapeError(f"Rollout: {type(self.layer).__name__} made {made.shape} of {x.shape}, not {(n, 1)}.")
            if not j:
                y = ws.array("y", (n, self.steps), made.dtype)
                rows = ws.array("rows", (n, time + self.steps, features), np.result_type(x, made))
                rows[:, :time], rows[:, time:] = x[:, :time], 0
            caches.append(cache)
            draws.keep_first()
            y[:, j] = made[:, 0]
            rows[sequence, ends + j] = x[sequence, sources[j]]
            rows[sequence, ends + j, column] = y[:, j]
        if self.grow:
            draws.go_on()
        return y, (caches[-1:], ctx.workspace, caches, x.shape, ctx.lengths, column, ctx.input_gradient)

    def _window_of(self, rows: Array, ends: Array, time: int, j: int) -> Array:
        """What goes into f for forecast j > 0: a window, or the row after those that its state has seen."""
        return rows[np.arange(len(rows)), ends + j - 1][:, None] if self.grow else rows[:, j : j + time]

    def _places(self, shape: Shape, lengths: Array | None) -> tuple[int, Array, Array]:
        """The window's time steps; (batch,) where each one ends; (steps, batch) the rows of x that go on with it."""
        n, whole = shape[0] or 0, shape[1] or 0
        lengths = np.full(n, whole) if lengths is None else lengths
        (ends,) = self.child_lengths(lengths)
        assert ends is not None
        return (
            whole - min(self.later_rows, whole - 1),
            ends,
            np.minimum(ends + np.arange(self.steps)[:, None], lengths - 1),
        )

    def _contexts_of_steps(self, ctx: Context) -> list[Context]:
        (inner,) = self.contexts(ctx)
        ws = ctx.workspace
        return [replace(inner, workspace=ws and ws.child(f"step {j}")) for j in range(self.steps)]

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """From the last forecast to the first; the gradients of f add up."""
        _, ws, caches, shape, lengths, column, wanted = cache
        n, _, features = shape
        if dy.shape != (n, self.steps):
            raise ShapeError(f"Rollout: expected dy of shape {(n, self.steps)}, got {dy.shape}.")
        ws, sequence = ws or Workspace(), np.arange(n)
        time, ends, sources = self._places(shape, lengths)
        drows = ws.array("drows", (n, time + self.steps, features), dy.dtype)
        drows[...] = 0
        total: Grads = {}
        d_state: Any = None
        for j in reversed(range(self.steps)):
            d = dy[:, j] + drows[sequence, ends + j, column]
            if self.grow:
                dx, own, d_state = backward_from_of(self.layer, d[:, None], d_state, caches[j])
            else:
                dx, own = backward_of(0, self.layer, d[:, None], caches[j])
            if dx is None and (j or wanted):
                raise ShapeError(f"Rollout: {type(self.layer).__name__} returned None for dx, which is fed back.")
            if dx is not None and j and self.grow:
                drows[sequence, ends + j - 1] += dx[:, 0]
            elif dx is not None:
                drows[:, j : j + time] += without_padding(dx, None if lengths is None else ends)
            total = self._added(total, own, ws)
        grads = self.summed_gradients({"inner": total}, ws)
        if not wanted:
            return None, grads
        drows[sequence[:, None], ends[:, None] + np.arange(self.steps), column] = 0
        back = ws.array("dx", shape, dy.dtype)
        back[...] = 0
        back[:, :time] = drows[:, :time] * (np.arange(time) < ends[:, None])[:, :, None]
        for j in range(self.steps):
            back[sequence, sources[j]] += drows[sequence, ends + j]
        return without_padding(back, lengths), grads

    def _added(self, total: Grads, own: Grads, ws: Workspace) -> Grads:
        """The sum of both; `own`, where there is none yet."""
        for name, value in total.items():
            own[name] = np.add(value, own[name], out=ws.array(f"rolled {name}", value.shape, value.dtype))
        return own

    def final_state(self, cache: Any) -> Any:
        """None: the next window begins anew."""
        return None


class _Draws:
    """A generator that is to give the same numbers several times, and then those after them; None: there is none."""

    def __init__(self, rng: np.random.Generator | None) -> None:
        self.bits = None if rng is None else rng.bit_generator
        self.before: Any = None if self.bits is None else self.bits.state
        self.after: Any = None

    def keep_first(self) -> None:
        """Remember where it was after the first time."""
        if self.bits is not None and self.after is None:
            self.after = self.bits.state

    def again(self) -> None:
        """Give them again."""
        if self.bits is not None:
            self.bits.state = self.before

    def go_on(self) -> None:
        """Then give those after them."""
        if self.bits is not None:
            self.bits.state = self.after
