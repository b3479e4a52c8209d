"""Layers that take the lengths of sequences wrongly: each changes one thing in one that is right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from layers_over_time import MeanOverTime, Reversed, Shifted

from minidl import INFERENCE, Context, Dense, LastStep, Layer, RecurrentLayer
from minidl.core.lengths import inside


class MeanOverThePadding(MeanOverTime):
    def shares(self, x, ctx):
        return super().shares(x, INFERENCE)


class MeanOfAllStepsOverThoseThere(MeanOverTime):
    def forward(self, x, ctx=INFERENCE):
        share = self.shares(x, ctx)
        return x.sum(axis=1) * share.max(axis=1), (share, x.shape)


class MeanDividedByTheLongest(MeanOverTime):
    def shares(self, x, ctx):
        share = super().shares(x, ctx)
        return np.where(share > 0, share.dtype.type(1 / x.shape[1]), 0)


class MeanOneStepShort(MeanOverTime):
    def shares(self, x, ctx):
        lengths = None if ctx.lengths is None else np.maximum(ctx.lengths - 1, 1)
        return super().shares(x, Context(lengths=lengths))


class MeanKeepsLengths(MeanOverTime):
    def output_lengths(self, lengths):
        return lengths


class MeanGradientToThePadding(MeanOverTime):
    def backward(self, dy, cache):
        share, shape = cache
        return np.broadcast_to(dy[:, None] * share.max(axis=1, keepdims=True), shape).copy(), {}


class LargestOverThePadding(MeanOverTime):
    def forward(self, x, ctx=INFERENCE):
        place = x.argmax(axis=1)[:, None]
        return np.take_along_axis(x, place, axis=1)[:, 0], (place, x.shape)

    def backward(self, dy, cache):
        place, shape = cache
        dx = np.zeros(shape, dy.dtype)
        np.put_along_axis(dx, place, dy[:, None], axis=1)
        return dx, {}


class LastColumn(LastStep):
    def forward(self, x, ctx=INFERENCE):
        return super().forward(x, replace(ctx, lengths=None))


class LastOfTheLongest(LastStep):
    def forward(self, x, ctx=INFERENCE):
        lengths = None if ctx.lengths is None else np.full(len(x), ctx.lengths[0])
        return super().forward(x, replace(ctx, lengths=lengths))


class LastButOne(LastStep):
    def forward(self, x, ctx=INFERENCE):
        lengths = None if ctx.lengths is None else np.maximum(ctx.lengths - 1, 1)
        return super().forward(x, replace(ctx, lengths=lengths))


class LastKeepsLengths(LastStep):
    def output_lengths(self, lengths):
        return lengths


class LastGradientInTheLastColumn(LastStep):
    def backward(self, dy, cache):
        return super().backward(dy, (cache[0], None, None))


class LastAddsUpInTheWorkspace(LastStep):
    def backward(self, dy, cache):
        x, ws, last = cache
        if last is None or ws is None:
            return super().backward(dy, cache)
        dx = ws.plan("kept", x.shape, lambda: np.zeros(x.shape, x.dtype))
        dx[last] = dy
        return dx, {}


class ReversedOverThePadding(Reversed):
    def forward(self, x, ctx=INFERENCE):
        return x[:, ::-1].copy(), None


class ReversedForwardOnly(Reversed):
    def backward(self, dy, cache):
        return dy[:, ::-1].copy(), {}


class ReversedByTheLongest(Reversed):
    def forward(self, x, ctx=INFERENCE):
        lengths = None if ctx.lengths is None else np.full(len(x), ctx.lengths[0])
        return super().forward(x, Context(lengths=lengths))


class ShiftedFromThePadding(Shifted):
    def forward(self, x, ctx=INFERENCE):
        return super().forward(x)[0], ctx.lengths


class ShiftedGradientIntoThePadding(Shifted):
    def backward(self, dy, cache):
        return super().backward(dy, None)


class LengthsOneLess(Shifted):
    def output_lengths(self, lengths):
        return np.maximum(lengths - 1, 1)


class LengthsInAnotherOrder(Shifted):
    def output_lengths(self, lengths):
        return lengths[::-1].copy()


class LengthsAsFloats(Shifted):
    def output_lengths(self, lengths):
        return lengths / 1.0


class NoLengthsAfter(Shifted):
    def output_lengths(self, lengths):
        return None


class CentredOverTheBatch(Layer):
    """y = x - mean over time, padding counted."""

    causal = False

    def forward(self, x, ctx=INFERENCE):
        return x - x.mean(axis=1, keepdims=True), None

    def backward(self, dy, cache):
        return dy - dy.mean(axis=1, keepdims=True), {}


class BiasForEveryStep(Dense):
    """db counts steps, whatever dy is in the padding."""

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        if cache[-1] is not None:
            grads["b"] = grads["b"] * (dy.shape[1] / cache[-1].mean())
        return dx, grads


class GradientOfTheFirstLengthOnly(Dense):
    def backward(self, dy, cache):
        lengths = cache[-1]
        if lengths is not None:
            dy = np.where(inside(np.full_like(lengths, lengths[-1]), dy.shape[1])[..., None], dy, 0)
        return super().backward(dy, cache)


class StateAfterThePadding(RecurrentLayer):
    def final_state(self, cache):
        return cache[0].h[-1].copy()


class StateOneStepEarly(RecurrentLayer):
    def final_state(self, cache):
        plan = cache[0]
        lengths = getattr(plan, "lengths", None)
        return super().final_state(cache) if lengths is None else plan.h[lengths - 1, np.arange(len(lengths))].copy()


class RunsIntoTheNextSequence(RecurrentLayer):
    """One step too many for each sequence."""

    def forward(self, x, ctx=INFERENCE):
        if ctx.lengths is not None:
            ctx = replace(ctx, lengths=np.minimum(ctx.lengths + 1, x.shape[1]))
        return super().forward(x, ctx)


class StopsEarly(RecurrentLayer):
    def forward(self, x, ctx=INFERENCE):
        if ctx.lengths is not None:
            ctx = replace(ctx, lengths=np.maximum(ctx.lengths - 1, 1))
        return super().forward(x, ctx)


class AllAsLongAsTheShortest(RecurrentLayer):
    def forward(self, x, ctx=INFERENCE):
        if ctx.lengths is not None:
            ctx = replace(ctx, lengths=np.full_like(ctx.lengths, ctx.lengths[-1]))
        return super().forward(x, ctx)
