"""A layer under test, and what it returned."""

from __future__ import annotations

import copy

import numpy as np

from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape

BATCH = 3


class Subject:
    """A layer under test, with inputs to test it on."""

    def __init__(self, layer: Layer, input_shape: Shape, dtype: str = "float64") -> None:
        self.layer: Layer = copy.deepcopy(layer)
        self.dtype = dtype
        self.input_shape: tuple[int, ...] = tuple(5 if n is None else n for n in input_shape)
        self.output_shape: Shape = self.layer.build(input_shape, np.random.default_rng(1), np.dtype(dtype))

    def x(self, batch: int = BATCH, time: int | None = None, seed: int = 2) -> Array:
        """Some input, as the layer gives it."""
        shape = self.input_shape
        if time is not None and len(shape) == 2:
            shape = (time, shape[1])
        return self.layer.example_input((batch, *shape), np.random.default_rng(seed)).astype(self.dtype)

    def run(self, x: Array, ctx: Context = INFERENCE, seed: int = 3) -> Result:
        """y, dx and gradients, copied."""
        y, cache = self.layer.forward(x, ctx)
        dy = np.random.default_rng(seed).normal(size=y.shape).astype(self.dtype)
        return Result(y, *self.layer.backward(dy, cache))


class Result:
    """Copies of all that a forward and its backward return."""

    def __init__(self, y: Array, dx: Array | None, grads: Grads) -> None:
        assert dx is not None, "backward returned None for dx"
        grads = {f"d{name}": value.copy() for name, value in grads.items()}
        self.arrays: dict[str, Array] = {"y": y.copy(), "dx": dx.copy(), **grads}

    def differing(self, other: Result) -> list[str]:
        """Names of the arrays that are not the same bit for bit."""
        return [name for name, value in self.arrays.items() if not np.array_equal(value, other.arrays[name])]
