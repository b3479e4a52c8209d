"""Layers and activations of a user's own bring their kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from both_engines import built, difference, train_both, windows

from minidl import SGD, Activation, Dense, HalfMSE, RecurrentLayer
from minidl.compiled import ActivationKernel, LayerKernel, explain, jit, register_kernel
from minidl.core.layer import INFERENCE, Layer


@dataclass(eq=False)
class OwnCube(Activation):
    """y = a³, with f'(a) = 3 y^(2/3): a user's activation."""

    def function(self, a, out):
        np.power(a, 3, out=out)

    def slope(self, y, out):
        np.multiply(3, np.cbrt(y) ** 2, out=out)


@jit
def cube(a):
    return a * a * a


@jit
def cube_slope(y):
    return 3 * np.cbrt(y) ** 2


@dataclass(eq=False)
class OwnGain(Layer):
    """y = g x: a user's layer."""

    def build(self, input_shape, rng, dtype):
        self.params = {"g": np.ones(input_shape[-1], dtype)}
        return input_shape

    def forward(self, x, ctx=INFERENCE):
        return x * self.params["g"], x

    def backward(self, dy, cache):
        return dy * self.params["g"], {"g": (dy * cache).reshape(-1, cache.shape[-1]).sum(0)}


@jit
def gain_forward(x, y, scratch, g):
    for t in range(x.shape[0]):
        for i in range(x.shape[1]):
            for lane in range(x.shape[2]):
                y[t, i, lane] = g[i] * x[t, i, lane]


@jit
def gain_backward(x, y, dy, dx, scratch, g, dg):
    for i in range(x.shape[1]):
        dg[i] = 0
        for t in range(x.shape[0]):
            for lane in range(x.shape[2]):
                dg[i] += dy[t, i, lane] * x[t, i, lane]
                if dx.size:
                    dx[t, i, lane] = g[i] * dy[t, i, lane]


def test_a_users_layer_and_activation_bring_their_kernels():
    model = built(Dense(3), OwnCube(), OwnGain())
    assert explain(model, HalfMSE(), SGD(0.1)) == "numpy: OwnCube 1 has no kernel"
    register_kernel(OwnCube)(lambda layer: ActivationKernel(cube, cube_slope))
    assert explain(model, HalfMSE(), SGD(0.1)) == "numpy: OwnGain 2 has no kernel"
    register_kernel(OwnGain)(lambda layer: LayerKernel(gain_forward, gain_backward))
    assert explain(model, HalfMSE(), SGD(0.1)) == "compiled"
    agree_for_three_epochs(model)


@pytest.mark.slow
def test_a_users_activation_brings_its_kernel_into_the_recurrence():
    register_kernel(OwnCube)(lambda layer: ActivationKernel(cube, cube_slope))
    agree_for_three_epochs(built(RecurrentLayer(3, activation=OwnCube())))


def agree_for_three_epochs(model):
    for value in model.params.values():
        value *= 0.3  # the cube of a large number is larger
    numpy, compiled = train_both(model, windows(90), epochs=3, optimizer=SGD(0.01))
    assert difference(numpy.parameters.values, compiled.parameters.values) < 1e-12
