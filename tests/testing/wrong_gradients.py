"""Layers with wrong gradients, or with gradients and arrays of wrong names, shapes and types."""

from __future__ import annotations

import numpy as np
from elman import Elman

from minidl import INFERENCE, MeanOverTime, read_only


class SignOfWhhFlipped(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "W_hh": -grads["W_hh"]}


class WhhShiftedByOneStep(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        _, h = cache
        return dx, {**grads, "W_hh": np.einsum("nti,ntj->ij", h[:, 1:], self.step_gradients(dy, h))}


class SumOverTimeForgotten(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        x, h = cache
        return dx, {**grads, "W_xh": x[:, -1].T @ self.step_gradients(dy, h)[:, -1]}


class MeanOverBatchInsteadOfSum(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "b_h": grads["b_h"] / len(dy)}


class InnerOutputGradientsDropped(Elman):
    def step_gradients(self, dy, h):
        only_last = np.zeros_like(dy)
        only_last[:, -1] = dy[:, -1]
        return super().step_gradients(only_last, h)


class RecurrentPathDropped(Elman):
    def step_gradients(self, dy, h):
        return dy * (1 - h[:, 1:] ** 2)


class WhhNotTransposed(Elman):
    def step_gradients(self, dy, h):
        da = np.zeros_like(h[:, 1:])
        later = np.zeros_like(h[:, 0])
        for t in reversed(range(dy.shape[1])):
            later = da[:, t] = (dy[:, t] + later @ self.params["W_hh"]) * (1 - h[:, t + 1] ** 2)
        return da


class SlopeOfTheStepBefore(Elman):
    def step_gradients(self, dy, h):
        return super().step_gradients(dy, np.concatenate([h[:, :1], h[:, :-1]], axis=1))


class InputGradientNotTransposed(Elman):
    def backward(self, dy, cache):  # (F, H) is square in this test, so that the shape is right
        _, grads = super().backward(dy, cache)
        return self.step_gradients(dy, cache[1]) @ self.params["W_xh"], grads


class BiasGradientIsZero(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "b_h": np.zeros_like(grads["b_h"])}


class OnePercentOff(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        grads["W_xh"][0, 0] *= 1.01
        return dx, grads


class OnlyRightForOnes(Elman):
    """Its dx ignores dy: a test with dy = 1 would not see it."""

    def backward(self, dy, cache):
        return super().backward(np.ones_like(dy), cache)


class BiasGradientMissing(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        del grads["b_h"]
        return dx, grads


class WrongKey(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        grads["W"] = grads.pop("W_hh")
        return dx, grads


class GradientOfWrongShape(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "b_h": grads["b_h"][np.newaxis]}


class GradientInFloat64(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "b_h": grads["b_h"].astype("float64")}


class OutputInFloat64(Elman):
    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        return read_only(y.astype("float64")), cache


class InputGradientInFloat64(Elman):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx.astype("float64"), grads


class ParametersInFloat64(Elman):
    def build(self, input_shape, rng, dtype):
        return super().build(input_shape, rng, "float64")


class NoInputGradient(Elman):
    def backward(self, dy, cache):
        return None, super().backward(dy, cache)[1]


class BuildPromisesAnotherShape(Elman):
    def build(self, input_shape, rng, dtype):
        time, H = super().build(input_shape, rng, dtype)
        return (time, H + 1)


class FinalStateGradientDropped(MeanOverTime):
    def backward_from(self, dy, d_final, cache):
        return super().backward_from(dy, None, cache)


class StartStateGradientDropped(MeanOverTime):
    def backward_from(self, dy, d_final, cache):
        dx, grads, (d_sum, d_steps) = super().backward_from(dy, d_final, cache)
        return dx, grads, (0 * d_sum, d_steps)
