"""Layers with a wrong idea of a batch, of time, of memory or of their own config."""

from __future__ import annotations

import numpy as np
from elman import Elman

from minidl import INFERENCE, Context, read_only


class MixesTheBatch(Elman):
    """Subtracts the batch mean, with the right gradient for it."""

    def forward(self, x, ctx=INFERENCE):
        return super().forward(x - x.mean(0), ctx)

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx - dx.mean(0), grads


class DividesByTimeLessOne(Elman):
    def forward(self, x, ctx=INFERENCE):
        scale = x.dtype.type(1 / (x.shape[1] - 1))
        y, cache = super().forward(x * scale, ctx)
        return y, (*cache, scale)

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache[:2])
        return dx * cache[2], grads

    def final_state(self, cache):
        return super().final_state(cache[:2])


class SqueezesABatchOfOne(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx.squeeze(0) if len(dx) == 1 else dx, grads


class TakesMemoryForTheArray(Elman):
    def forward(self, x, ctx=INFERENCE):
        return super().forward(x.ravel(order="K").reshape(x.shape), ctx)


class IgnoresTheStartState(Elman):
    def forward(self, x, ctx=INFERENCE):
        return super().forward(x, Context(workspace=ctx.workspace))


class FinalStateOfTheFirstStep(Elman):
    def final_state(self, cache):
        return cache[1][:, 1].copy()


class DrawsNoise(Elman):
    noise = np.random.default_rng(0)

    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        return read_only(y + y.dtype.type(self.noise.normal())), cache


class ForgetsTheNoiseInBackward(Elman):
    """Right in inference; in training its backward leaves out the factor that forward drew."""

    def forward(self, x, ctx=INFERENCE):
        if ctx.training:
            x = x * (1 + ctx.rng.normal(size=x.shape))
        return super().forward(x, ctx)


class LosesAnArgument(Elman):
    def to_config(self):
        return {}


class InventsAnArgument(Elman):
    def to_config(self):
        return {**super().to_config(), "size": 3}


class WritesTheDefault(Elman):
    def to_config(self):
        return {"hidden_size": 3}


class AddsOneAtEveryConstruction(Elman):
    def __post_init__(self):
        super().__post_init__()
        self.hidden_size += 1


class DrawsSomethingItDoesNotSave(Elman):
    def build(self, input_shape, rng, dtype):
        shape = super().build(input_shape, rng, dtype)
        self.signs = rng.choice([-1.0, 1.0], size=self.hidden_size).astype(dtype)
        return shape

    def forward(self, x, ctx=INFERENCE):
        y, (x, h) = super().forward(x, ctx)
        return read_only(y * self.signs), (x, h)

    def backward(self, dy, cache):
        return super().backward(dy * self.signs, cache)
