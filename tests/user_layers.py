"""Layers as a user writes them, in a file of their own: a fresh process can find them here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minidl import INFERENCE, Activation, Layer, register


@register
@dataclass(eq=False)
class InputSlope(Layer):
    """y = x / (1 + |x|) as a plain layer, whose slope 1 / (1 + |x|)² needs the input."""

    def forward(self, x, ctx=INFERENCE):
        return x / (1 + np.abs(x)), x

    def backward(self, dy, cache):
        return dy / (1 + np.abs(cache)) ** 2, {}


@register
@dataclass(eq=False)
class OutputSlope(Activation):
    """The same function as an Activation: its slope is (1 - |y|)²."""

    def function(self, a, out):
        np.divide(a, 1 + np.abs(a), out=out)

    def slope(self, y, out):
        np.square(1 - np.abs(y), out=out)


@register
@dataclass(eq=False, repr=False)
class Scale(Layer):
    """y = g ⊙ x: a small layer with a parameter, on the last axis."""

    start: float = 1.5

    def build(self, input_shape, rng, dtype):
        self.params = {"g": np.full(input_shape[-1], self.start, dtype)}
        return input_shape

    def forward(self, x, ctx=INFERENCE):
        g = self.params["g"]
        return x * g, (x, g)

    def backward(self, dy, cache):
        x, g = cache
        return dy * g, {"g": (dy * x).reshape(-1, len(g)).sum(0)}
