"""Layers that write or keep what is not theirs."""

from __future__ import annotations

import threading

import numpy as np
from elman import Elman

from minidl import INFERENCE, Workspace, read_only


class CacheOnSelf(Elman):
    def forward(self, x, ctx=INFERENCE):
        y, self._cache = super().forward(x, ctx)
        return y, None

    def backward(self, dy, cache):
        return super().backward(dy, self._cache)

    def final_state(self, cache):
        return super().final_state(self._cache)


class CountsItsCalls(Elman):
    def build(self, input_shape, rng, dtype):
        self.calls = 0
        return super().build(input_shape, rng, dtype)

    def forward(self, x, ctx=INFERENCE):
        self.calls += 1
        return super().forward(x, ctx)


class WritesParameters(Elman):
    def forward(self, x, ctx=INFERENCE):
        self.params["W_hh"] *= 0.9
        return super().forward(x, ctx)


class ReplacesParameters(Elman):
    def forward(self, x, ctx=INFERENCE):
        self.params = dict(self.params)
        return super().forward(x, ctx)


class WritesItsInput(Elman):
    def forward(self, x, ctx=INFERENCE):
        x -= x.mean()
        return super().forward(x, ctx)


class WritesTheOutputGradient(Elman):
    def backward(self, dy, cache):
        dy *= 2
        return super().backward(dy / 2, cache)


class ReturnsAWriteableViewOfItsCache(Elman):
    def forward(self, x, ctx=INFERENCE):
        _, (x, h) = super().forward(x, ctx)
        return h[:, 1:], (x, h)


class KeepsOneBufferForAllCalls(Elman):
    buffer = None

    def forward(self, x, ctx=INFERENCE):
        _, (x, h) = super().forward(x, ctx)
        cls = type(self)
        if cls.buffer is None or cls.buffer.shape != h.shape or cls.buffer.dtype != h.dtype:
            cls.buffer = np.empty_like(h)
        cls.buffer[...] = h
        return read_only(cls.buffer[:, 1:]), (x, cls.buffer)


class CacheServesOnce(Elman):
    def backward(self, dy, cache):
        result = super().backward(dy, cache)
        cache[1][...] = 0
        return result


class KnowsOneThreadOnly(Elman):
    scale = threading.local()
    scale.value = 1.0

    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        return y * y.dtype.type(self.scale.value), cache


class AddsUpInTheWorkspace(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache[:2])
        total = cache[2].plan("db_h", grads["b_h"].dtype, lambda: np.zeros_like(grads["b_h"]))
        total += grads["b_h"]
        return dx, {**grads, "b_h": total}

    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        return y, (*cache, ctx.workspace or Workspace())

    def final_state(self, cache):
        return super().final_state(cache[:2])


class PlansForTheFirstBatchOnly(Elman):
    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        out = (ctx.workspace or Workspace()).plan("y", "any size", lambda: np.empty_like(y))
        out[: len(y)] = y
        return read_only(out), cache


class CountsCallsInside(Elman):
    """A stack-like layer: what its child keeps is seen too."""

    def build(self, input_shape, rng, dtype):
        self.inner = CountsItsCalls()
        return super().build(input_shape, rng, dtype)

    def children(self):
        return {"inner": self.inner} if "inner" in vars(self) else {}

    def forward(self, x, ctx=INFERENCE):
        self.inner.calls = vars(self.inner).get("calls", 0) + 1
        return super().forward(x, ctx)


class GrowsAList(Elman):
    def build(self, input_shape, rng, dtype):
        self.seen = []
        return super().build(input_shape, rng, dtype)

    def forward(self, x, ctx=INFERENCE):
        self.seen.append(x)
        return super().forward(x, ctx)


class WritesTheSecondGradientIntoTheFirst(Elman):
    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        return y, (*cache, np.empty_like(x))

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache[:2])
        cache[2][...] = dx
        return cache[2], grads

    def final_state(self, cache):
        return super().final_state(cache[:2])
