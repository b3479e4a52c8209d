"""Built recurrent layers, inputs for them, and all that they give."""

from __future__ import annotations

import math

import numpy as np

from minidl import Context, IdentityActivation, RecurrentLayer, ReluActivation, SigmoidActivation, TanhActivation

ACTIVATIONS = [TanhActivation, SigmoidActivation, ReluActivation, IdentityActivation]
# Sums of up to some hundred products: rounding stays below 1e-13 of the largest value
# in float64 (eps 2e-16), and below 1e-5 in float32 (eps 1e-7).
RTOL = {"float64": 1e-12, "float32": 2e-5}


def built(input_size, hidden_size, dtype="float64", seed=0, **arguments):
    layer = RecurrentLayer(hidden_size, **arguments)
    rng = np.random.default_rng(seed)
    layer.build((None, input_size), rng, dtype)
    for value in layer.params.values():  # a bias of zeros would hide a forgotten one
        value[...] = rng.normal(0, 1 / math.sqrt(len(value)), value.shape)
    return layer


def data(layer, batch, time, seed=1):
    """x, dy and h_0: all random, so that no sum, no time step and no row can be mistaken for another."""
    rng = np.random.default_rng(seed)
    F, H = layer.params["W_xh"].shape
    dtype = layer.params["W_xh"].dtype
    return tuple(rng.normal(size=s).astype(dtype) for s in [(batch, time, F), (batch, time, H), (batch, H)])


def everything(layer, x, dy, ctx=Context()):  # noqa: B008 - Context is frozen
    y, cache = layer.forward(x, ctx)
    dx, grads = layer.backward(dy, cache)
    return {"y": y, "x": dx, **grads}
