"""Stacks of random layers that take sequences of different length."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import (
    Bidirectional,
    Context,
    Dense,
    LastStep,
    Layer,
    Parallel,
    RecurrentLayer,
    ReluActivation,
    Repeat,
    Residual,
    SelectFeatures,
    Sequential,
    SigmoidActivation,
    TanhActivation,
)
from minidl.core.layer import Array

Rng = np.random.Generator


class Sine(Layer):
    """y = sin(x): an activation that RecurrentLayer calls step by step."""

    def forward(self, x: Array, ctx: Context | None = None) -> tuple[Array, Any]:
        return np.sin(x), x

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return np.cos(cache) * dy, {}


def recurrent(rng: Rng, size: int) -> Layer:
    kinds: list[Layer] = [TanhActivation(), SigmoidActivation(), Sine()]
    return RecurrentLayer(size, activation=kinds[rng.integers(3)], bias=bool(rng.integers(2)))


def keeping(rng: Rng, features: int, depth: int) -> Layer:
    """A layer that keeps the shape (time, features)."""
    kind = rng.integers(8 if depth else 4)
    if kind == 0:
        return recurrent(rng, features)
    if kind == 1:
        return Dense(features, bias=bool(rng.integers(2)))
    if kind == 2:
        return [TanhActivation(), ReluActivation(), SigmoidActivation()][rng.integers(3)]
    if kind == 3:
        return SelectFeatures([int(i) for i in rng.permutation(features)])
    if kind == 4:
        return Residual(keeping(rng, features, depth - 1))
    if kind == 5:
        return Bidirectional(keeping(rng, features, depth - 1), merge="add")
    if kind == 6:
        return Parallel([keeping(rng, features, depth - 1) for _ in range(rng.integers(1, 4))])
    return Repeat(keeping(rng, features, depth - 1), times=2)


def widening(rng: Rng, features: int) -> tuple[Layer, int]:
    """A layer that changes the number of features, and their new number."""
    if rng.integers(2):
        return Bidirectional(keeping(rng, features, 1)), 2 * features
    branches = [keeping(rng, features, 1), recurrent(rng, 2), Dense(1)]
    return Parallel(branches, merge="concat"), features + 3


def stack(rng: Rng) -> tuple[Sequential, int]:
    """A random stack, built, and the number of its input features."""
    size = first = int(rng.integers(1, 5))
    layers: list[Layer] = []
    for _ in range(rng.integers(1, 4)):
        if rng.integers(4):
            layers.append(keeping(rng, size, 2))
        else:
            layer, size = widening(rng, size)
            layers.append(layer)
    layers.append(recurrent(rng, int(rng.choice([2, 33]))) if rng.integers(2) else Dense(2))
    if rng.integers(2):
        layers += [LastStep(), Dense(2)]
    model = Sequential(layers)
    model.build((None, first), int(rng.integers(1000)), "float64")
    return model, first
