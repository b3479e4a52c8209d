"""Small layers over time that are right, with sequences of any lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import INFERENCE, Context, Layer
from minidl.core.lengths import inside, time_reversed


@dataclass(eq=False)
class MeanOverTime(Layer):
    """y = mean over the steps that there are."""

    def output_shape(self, input_shape: Any) -> Any:
        return input_shape[1:]

    def output_lengths(self, lengths: Any) -> Any:
        return None

    def shares(self, x: Any, ctx: Context) -> Any:
        there = np.ones(x.shape[:2], bool) if ctx.lengths is None else inside(ctx.lengths, x.shape[1])
        return (there / there.sum(axis=1, keepdims=True)).astype(x.dtype)[..., None]

    def forward(self, x: Any, ctx: Context = INFERENCE) -> Any:
        share = self.shares(x, ctx)
        return (x * share).sum(axis=1), (share, x.shape)

    def backward(self, dy: Any, cache: Any) -> Any:
        share, shape = cache
        return np.broadcast_to(dy[:, None] * share, shape).copy(), {}


@dataclass(eq=False)
class Reversed(Layer):
    """Each sequence from its end to its beginning."""

    causal = False

    def forward(self, x: Any, ctx: Context = INFERENCE) -> Any:
        return time_reversed(x, ctx.lengths).copy(), ctx.lengths

    def backward(self, dy: Any, cache: Any) -> Any:
        return time_reversed(dy, cache).copy(), {}


@dataclass(eq=False)
class Shifted(Layer):
    """y_t = x_{t+1}, and 0 at the last step."""

    causal = False

    def forward(self, x: Any, ctx: Context = INFERENCE) -> Any:
        y = np.zeros_like(x)
        y[:, :-1] = x[:, 1:]
        if ctx.lengths is not None:
            y[np.arange(len(x)), ctx.lengths - 1] = 0
        return y, ctx.lengths

    def backward(self, dy: Any, cache: Any) -> Any:
        dx = np.zeros_like(dy)
        dx[:, 1:] = dy[:, :-1]
        if cache is not None:
            dx *= inside(cache, dy.shape[1])[..., None]
        return dx, {}
