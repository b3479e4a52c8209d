"""What chains of layers give forward and backward, with random parameters."""

from __future__ import annotations

import numpy as np

from minidl import Context


def forward_and_backward(layer, x, ctx=Context(), seed=5):  # noqa: B008 - Context is frozen
    y, cache = layer.forward(x, ctx)
    dy = np.random.default_rng(seed).normal(size=y.shape)
    dx, grads = layer.backward(dy, cache)
    return {"y": y, "dx": dx, **grads}


def randomised(model, seed=0):
    """The parameters random, the biases too."""
    rng = np.random.default_rng(seed)
    for value in model.params.values():
        value[...] = rng.normal(0, 0.7, size=value.shape)
    return model
