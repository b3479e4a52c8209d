"""The base of recurrent layers whose step is not elementwise: its author writes one step forward and one back.

Units may see each other, as where they are normalised inside the recurrence. The loop
over time is a plain one in NumPy; who can write `Cell.equations` is served faster.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import PositiveInt
from minidl.core.errors import ShapeError
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape, built, n_features
from minidl.core.lengths import check_lengths
from minidl.core.states import by_name, handed_on
from minidl.layers.recurrent.cell_forward import counts


@dataclass(eq=False, repr=False)
class SteppedCell(Layer):
    """A recurrent layer that is given by one step and its backward step.

    Parameters
    ----------
    hidden_size : number of units, at least 1.

    Attributes
    ----------
    states : names of the state's parts; the first is the output.

    Shapes
    ------
    x (batch, time, input_size); y (batch, time, hidden_size). State: an array (batch, hidden_size), or a tuple of them
    if there are several.
    """

    hidden_size: PositiveInt

    states: ClassVar[Sequence[str]] = ("h",)

    @abstractmethod
    def weights(self, input_size: int, rng: np.random.Generator, dtype: npt.DTypeLike) -> dict[str, Array]:
        """The parameters at the start, by name."""

    @abstractmethod
    def step(self, x: Array, *state: Array) -> tuple[tuple[Array, ...], Any]:
        """The states after a step, (n, hidden_size) each, and a cache, for x (n, input_size) and the states before."""

    @abstractmethod
    def step_backward(self, d_state: tuple[Array, ...], cache: Any) -> tuple[Array, tuple[Array, ...], Grads]:
        """dL/dx, dL/d(states before) and gradients of the parameters, from dL/d(states after)."""

    def output_shape(self, input_shape: Shape) -> Shape:
        """Units in place of features."""
        if len(input_shape) != 2 or input_shape[1] is None:
            who = type(self).__name__
            raise ShapeError(f"{who}: expected input of shape (time, features), got {input_shape}.")
        return (input_shape[0], self.hidden_size)

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Shape:
        """Allocate `weights`; see `Layer.build`."""
        output = self.output_shape(input_shape)
        self.params = self.weights(n_features(input_shape), rng, dtype)
        self._input_size = n_features(input_shape)
        return output

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """All h_t, from the start state ``ctx.state`` (None: zeros)."""
        who, dtype, H = type(self).__name__, next(iter(built(self).values())).dtype, self.hidden_size
        if x.ndim != 3 or x.shape[2] != self._input_size or 0 in x.shape:
            expected = f"(batch, time, {self._input_size}) with at least one time step"
            raise ShapeError(f"{who}: expected x of shape {expected}, got {x.shape}.")
        if ctx.lengths is not None:
            check_lengths(ctx.lengths, x.shape, who)
        batch, time, _ = x.shape
        state = [np.zeros((batch, H), dtype) for _ in self.states]
        if ctx.state is not None:
            given = by_name(ctx.state, dict.fromkeys(self.states, (batch, H)), f"{who}: expected a start state")
            state = [part.astype(dtype) for part in given.values()]
        y, n, caches = np.zeros((batch, time, H), dtype), counts(ctx.lengths, batch, time), []
        for t in range(time):
            after, cache = self.step(x[: n[t], t], *(part[: n[t]] for part in state))
            # Sequences that have ended keep their last state.
            state = [np.concatenate([new, old[n[t] :]]) for new, old in zip(after, state, strict=True)]
            y[: n[t], t] = after[0]
            caches.append(cache)
        return y, (caches, state, n, x.shape, dtype)

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """Backpropagation through time: every step's backward in reverse."""
        return self.backward_from(dy, None, cache)[:2]

    def backward_from(self, dy: Array, d_final: Any, cache: Any) -> tuple[Array | None, Grads, Any]:
        """As `backward`, where the final state is used too; see `Layer.backward_from`."""
        caches, final, n, x_shape, dtype = cache
        who, shape = type(self).__name__, (x_shape[0], self.hidden_size)
        if dy.shape != (*x_shape[:2], self.hidden_size):
            raise ShapeError(f"{who}: expected dy of shape {(*x_shape[:2], self.hidden_size)}, got {dy.shape}.")
        d = [np.zeros(shape, dtype) for _ in final]
        if d_final is not None:
            what = f"{who}: expected a gradient of the final state"
            behind = by_name(d_final, dict.fromkeys(self.states, shape), what)
            d = [part.astype(dtype) for part in behind.values()]
        dx = np.zeros(x_shape, dtype)
        grads = {name: np.zeros_like(value) for name, value in self.params.items()}
        for t in reversed(range(x_shape[1])):
            d[0][: n[t]] += dy[: n[t], t]
            dx[: n[t], t], before, own = self.step_backward(tuple(part[: n[t]] for part in d), caches[t])
            for part, new in zip(d, before, strict=True):
                part[: n[t]] = new
            for name, value in own.items():
                grads[name] += value
        return dx, grads, handed_on(d)

    def final_state(self, cache: Any) -> Any:
        """The state after the last step of each sequence: an array (batch, hidden_size), or a tuple of them."""
        return handed_on([part.copy() for part in cache[1]])
