"""A layer that draws random numbers while it trains; the tests' own, so that resuming is proved for any such layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta

from minidl import Layer
from minidl.core.layer import INFERENCE, Array, Context, Grads, read_only
from minidl.core.registry import register


@register
@dataclass(eq=False)
class FaultsDropout(Layer):
    """y = x · m / (1 - p), with m = 0 with probability p, in training."""

    drop_rate: Annotated[float, Meta(ge=0, lt=1)] = 0.2

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        if not ctx.training or ctx.rng is None:
            return x, None
        mask = (ctx.rng.random(x.shape) >= self.drop_rate).astype(x.dtype) / x.dtype.type(1 - self.drop_rate)
        return read_only(x * mask), mask

    def backward(self, dy: Array, cache: Any) -> tuple[Array, Grads]:
        return (dy if cache is None else dy * cache), {}
