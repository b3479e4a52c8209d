"""The plan of a stack: where every array of a step lies in one piece of memory.

A compiled function gets its arrays as places in a few flat arrays, so that a call
has few arguments. The plan is made once for a stack, a window shape and a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.compiled.choice import leaves, parameters_of
from minidl.compiled.kernel import ActivationKernel, LayerKernel, Sizes, kernel_of
from minidl.compiled.vectors import VECTOR_BYTES
from minidl.errors import ShapeError
from minidl.layer import Array, Layer


@dataclass(frozen=True)
class Step:
    """A layer of the stack: its kernel, the sizes of its arrays, and its parameters' names."""

    layer: Layer
    kernel: LayerKernel
    x: Sizes
    y: Sizes
    parameters: list[str]
    output_shape: tuple[int, ...]

    @property
    def scratch(self) -> int:
        """Values of scratch memory."""
        return self.kernel.scratch(self.layer, self.x, self.y)


def lanes_for(batch: int, dtype: npt.DTypeLike, vector_bytes: int = VECTOR_BYTES) -> int:
    """The batch, rounded up to whole vectors."""
    width = vector_bytes // np.dtype(dtype).itemsize
    return -(-batch // width) * width


def steps_of(model: Layer, window: tuple[int, ...], lanes: int, dtype: npt.DTypeLike) -> list[Step]:
    """The layers of a built model for windows of this shape, (time, features) or (features,).

    A window of zeros goes through the layers' own forward: what they refuse is refused
    here, in their words, and the shapes of the plan are those of the arrays they return.

    Raises
    ------
    ShapeError
        The model cannot take such a window.
    """
    steps = []
    x: Array = np.zeros((1, *window), dtype)
    for position, layer in leaves(model):
        with np.errstate(all="ignore"):
            y = layer.forward(x)[0]
        kernel = kernel_of(layer)
        if isinstance(kernel, ActivationKernel):
            from minidl.compiled.kernels.activations import elementwise

            kernel = elementwise(kernel)
        sizes = _sizes(x.shape[1:], lanes), _sizes(y.shape[1:], lanes)
        steps.append(Step(layer, kernel, *sizes, parameters_of(position, layer), y.shape[1:]))
        x = y
    return steps


def _sizes(shape: tuple[int, ...], lanes: int) -> Sizes:
    if len(shape) not in (1, 2):
        raise ShapeError(f"compiled code: expected arrays of (time, features) or (features,) a window, got {shape}.")
    time, features = shape if len(shape) == 2 else (1, *shape)
    return time, features, lanes


@dataclass
class Memory:
    """Places in flat arrays, as numbers for compiled code; see `source` for how they are read."""

    numbers: list[int] = field(default_factory=list)
    size: int = 0

    def place(self, *shape: int) -> str:
        """Take room for an array; returns the expression that finds it in the array ``work``."""
        expression = self.at("work", self.size, shape)
        self.size += int(np.prod(shape))
        return expression

    def at(self, array: str, start: int, shape: Sequence[int]) -> str:
        """The expression for an array that lies in `array` from `start` on."""
        k = len(self.numbers)
        self.numbers += [start, *shape]
        axes = ", ".join(f"sizes[{k + 1 + i}]" for i in range(len(shape)))
        return f"view({array}, sizes[{k}], ({axes},))"


def parameter_places(model: Layer) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Start and shape of every parameter in the flat vector of all."""
    places, start = {}, 0
    for name, value in model.params.items():
        places[name] = start, value.shape
        start += value.size
    return places


def flat(array: Array) -> Any:
    """All entries in a row; a view if the array is contiguous."""
    return np.ascontiguousarray(array).reshape(-1)
