"""The time loop of RecurrentLayer in two memory layouts.

Both compute a_t = x_t W_xh + h_{t-1} W_hh + b_h, h_t = f(a_t) and its gradients;
they differ only in how arrays lie in memory, and so in speed. Below 32 units the
cost is the number of NumPy calls: SlabRecurrence needs two a step. From there it
is arithmetic and memory: RowRecurrence has fewer and larger arrays.

An object here is made for one (batch, time, features) size: its buffers and the
views that each step uses. It belongs to the caller's workspace.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.errors import ConfigError, ShapeError
from minidl.core.layer import Array, Context, Grads, Layer, read_only
from minidl.layers.activations import Activation

# Below this many hidden units the slab layout is the faster one.
SLAB_LIMIT = 32


class LayerSteps:
    """A layer in place of an Activation: its own forward and backward at every step of the loop."""

    def __init__(self, layer: Layer, ctx: Context, transposed: bool) -> None:
        self.layer, self.transposed = layer, transposed
        self.ctx = Context(ctx.training, ctx.rng)
        self.caches: list[Any] = []
        self.back: Iterator[Any] = iter(())

    def function(self, a: Array, out: Array) -> None:
        """h_t = f(a_t)."""
        y, cache = self.layer.forward(a.T.copy() if self.transposed else a.copy(), self.ctx)
        out[...] = y.T if self.transposed else y
        self.caches.append(cache)

    def slope(self, h: Array, out: Array) -> None:
        """Nothing to write: each step's cache has it, the last one first."""
        self.back = reversed(self.caches)

    def gate(self, dh: Array, slope: Array, da: Array) -> None:
        """da_t from dh_t, from the last step to the first."""
        dx, _ = self.layer.backward(dh.T if self.transposed else dh, next(self.back))
        if dx is None:
            raise ShapeError(f"RecurrentLayer: activation {type(self.layer).__name__} returned None for dx.")
        da[...] = dx.T if self.transposed else dx


Steps = Activation | LayerSteps


class _Buffers:
    """Buffers and views of them, which a copy would tear apart."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise ConfigError("RecurrentLayer: the cache of a forward cannot be copied or pickled; call forward again.")


class SlabRecurrence(_Buffers):
    """Time, then feature, then batch: one product a step for W_hh, W_xh and b_h together.

    ``Z[t]`` is [h_{t-1}; x_t; 1], so that a_t = M Z[t] with M = [W_hhᵀ W_xhᵀ b_h],
    and f(a_t) goes straight into the next slab. Backward, ``S[t]`` is [da_t; dy_{t-1}],
    so that dh_{t-1} = [W_hh 1] S[t] is one product as well.
    """

    transposed = True

    def __init__(self, batch: int, time: int, features: int, hidden: int, bias: bool, dtype: npt.DTypeLike) -> None:
        H, F = hidden, features
        self.M = np.empty((H, H + F + bias), dtype)
        self.Z = np.empty((time + 1, H + F + bias, batch), dtype)
        self.Z[:, H + F :] = 1
        self.a = np.empty((H, batch), dtype)
        self.x = self.Z[:time, H : H + F].transpose(2, 0, 1)
        self.h = self.Z[:, :H]
        self.h_0 = self.h[0]
        self.weights = _parts(self.M, H, F)
        self.y: Array = read_only(self.h[1:].transpose(2, 0, 1))
        self.steps = [(self.Z[t], self.h[t + 1]) for t in range(time)]
        self.S: Array | None = None

    def forward(self, x: Array, h_0: Array | None, params: Grads, steps: Steps, lengths: Array | None = None) -> Array:
        """All h_t as (batch, time, hidden), a read-only view; `lengths` is None."""
        for name, part in self.weights.items():
            part[...] = params[name]
        # The method of M: without np.dot's dispatch, a quarter of a small product's time.
        a, dot, function = self.a, self.M.dot, steps.function
        self.x[...] = x
        self.h_0[...] = 0 if h_0 is None else h_0.T
        for z, h in self.steps:
            dot(z, a)
            function(a, h)
        return self.y

    def _plan_backward(self) -> None:
        time, H, batch = self.h.shape[0] - 1, *self.h.shape[1:]
        F, dtype = self.x.shape[2], self.M.dtype
        self.S = S = np.zeros((time + 1, 2 * H, batch), dtype)
        self.da = S[:time, :H]
        self.dy = S[1:, H:].transpose(2, 0, 1)
        self.slope = np.empty((time, H, batch), dtype)
        self.N = np.concatenate([np.empty((H, H), dtype), np.eye(H, dtype=dtype)], axis=1)
        self.N_hh = self.N[:, :H]
        self.Z_T = self.Z[:-1].transpose(0, 2, 1)
        self.steps_back = [(S[t + 1], self.slope[t], S[t, :H]) for t in reversed(range(time))]
        self.dM_steps = np.empty((time, *self.M.shape), dtype)
        self.dM = np.empty_like(self.M)
        self.gradients = _parts(self.dM, H, F)
        self.W_xh = np.empty((F, H), dtype)
        self.dx = np.empty((time, F, batch), dtype)

    def backward(self, dy: Array, steps: Steps, grads: Grads, input_gradient: bool) -> Array | None:
        """Fill `grads` and return dx, (batch, time, features), or None if it is not wanted."""
        if self.S is None:
            self._plan_backward()
        # a_t is not needed any more: its buffer takes dh_t.
        dh, dot, gate = self.a, self.N.dot, steps.gate
        self.N_hh[...] = self.weights["W_hh"]
        self.dy[...] = dy
        steps.slope(self.h[1:], self.slope)
        for s, slope, da in self.steps_back:
            dot(s, dh)
            gate(dh, slope, da)
        np.matmul(self.da, self.Z_T, out=self.dM_steps)
        np.add.reduce(self.dM_steps, 0, out=self.dM)
        for name, part in self.gradients.items():
            grads[name][...] = part
        if not input_gradient:
            return None
        self.W_xh[...] = self.weights["W_xh"]
        np.matmul(self.W_xh, self.da, out=self.dx)
        dx: Array = self.dx.transpose(2, 0, 1)
        return dx

    def start_gradient(self) -> Array:
        """dL/dh_0, (batch, hidden), after `backward`."""
        d: Array = (self.N_hh @ self.da[0]).T
        return d

    def final_state(self) -> Array:
        """h_T, (batch, hidden)."""
        h: Array = self.h[-1].T
        return h


def _parts(M: Array, H: int, F: int) -> Grads:
    """W_hh, W_xh and b_h, or their gradients, as views of M or its gradient."""
    parts = {"W_hh": M[:, :H].T, "W_xh": M[:, H : H + F].T}
    return {**parts, "b_h": M[:, H + F]} if M.shape[1] > H + F else parts


class RowRecurrence(_Buffers):
    """Time, then batch, then feature: all input products in one, all gradient products in one."""

    transposed = False

    def __init__(self, batch: int, time: int, features: int, hidden: int, bias: bool, dtype: npt.DTypeLike) -> None:
        self.h = np.empty((time + 1, batch, hidden), dtype)
        self.steps = [(self.h[t], self.h[t + 1]) for t in range(time)]
        self.y: Array = read_only(self.h[1:].transpose(1, 0, 2))
        self.product = np.empty((batch, hidden), dtype)
        self.W_hh_T = np.empty((hidden, hidden), dtype)
        self.x_copy: Array | None = None
        self.da: Array | None = None
        self.dx: Array | None = None

    def forward(self, x: Array, h_0: Array | None, params: Grads, steps: Steps, lengths: Array | None = None) -> Array:
        """All h_t as (batch, time, hidden), a read-only view."""
        h, W_hh = self.h, params["W_hh"]
        self.x = self._time_major(x, lengths)
        self.W_xh = params["W_xh"]
        self.W_hh_T[...] = W_hh.T
        a = h[1:].reshape(-1, h.shape[2])
        np.dot(self.x, self.W_xh, out=a)
        if "b_h" in params:
            np.add(a, params["b_h"], out=a)
        h[0] = 0 if h_0 is None else h_0
        self._run(W_hh, steps)
        return self.y

    def _run(self, W_hh: Array, steps: Steps) -> None:
        """h_t from h_{t-1} and x_t W_xh + b_h, which stands in its place."""
        product, dot, add, function = self.product, np.dot, np.add, steps.function
        for before, h in self.steps:
            dot(before, W_hh, product)
            add(h, product, h)
            function(h, h)

    def _time_major(self, x: Array, lengths: Array | None) -> Array:
        """x as (time · batch, features); copied only if it does not lie in memory like that already."""
        x = x.transpose(1, 0, 2)
        if not (x.flags.c_contiguous and x.dtype == self.h.dtype):
            if self.x_copy is None:
                self.x_copy = np.empty(x.shape, self.h.dtype)
            self.x_copy[...] = x
            x = self.x_copy
        return x.reshape(-1, x.shape[2])

    def backward(self, dy: Array, steps: Steps, grads: Grads, input_gradient: bool) -> Array | None:
        """Fill `grads` and return dx, (batch, time, features), or None if it is not wanted."""
        h, dot = self.h, np.dot
        time, batch, H = h.shape[0] - 1, *h.shape[1:]
        if self.da is None:
            self.da = np.empty((time, batch, H), h.dtype)
            self.steps_back = [(self.da[t + 1], self.da[t]) for t in reversed(range(time - 1))]
        da = self.da
        steps.slope(h[1:], da)
        self._run_back(dy.transpose(1, 0, 2), da, steps)
        rows = da.reshape(-1, H)
        dot(h[:-1].reshape(-1, H).T, rows, out=grads["W_hh"])
        dot(self.x.T, rows, out=grads["W_xh"])
        if "b_h" in grads:
            np.add.reduce(rows, 0, out=grads["b_h"])
        if not input_gradient:
            return None
        if self.dx is None:
            self.dx = np.empty(self.x.shape, h.dtype)
        dot(rows, self.W_xh.T, out=self.dx)
        dx: Array = self.dx.reshape(time, batch, -1).transpose(1, 0, 2)
        return dx

    def _run_back(self, dy: Array, da: Array, steps: Steps) -> None:
        """da_t from dy_t and da_{t+1}; the slopes f'(a_t) of an Activation stand in its place."""
        dh, dot, add, gate = self.product, np.dot, np.add, steps.gate
        gate(dy[-1], da[-1], da[-1])
        for (after, here), dy_t in zip(self.steps_back, dy[-2::-1], strict=True):
            dot(after, self.W_hh_T, dh)
            add(dh, dy_t, dh)
            gate(dh, here, here)

    def start_gradient(self) -> Array:
        """dL/dh_0, (batch, hidden), after `backward`."""
        assert self.da is not None
        d: Array = self.da[0] @ self.W_hh_T
        return d

    def final_state(self) -> Array:
        """h_T, (batch, hidden)."""
        h: Array = self.h[-1]
        return h
