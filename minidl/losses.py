"""Losses: a number to make small, and its gradient.

``loss, dy = HalfMSE()(y, target)``. All are means over *all* entries of y: over
the batch, and over time and features where y has them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.arguments import Configurable
from minidl.arrays import plain_array
from minidl.errors import ShapeError
from minidl.registry import open_kind, register

Array = npt.NDArray[Any]


@open_kind("loss")
@dataclass(eq=False)
class Loss(Configurable, ABC):
    """A scalar L(y, target), and dL/dy of the shape of y."""

    def __call__(self, y: Array, target: Array, out: Array | None = None) -> tuple[float, Array]:
        """(L, dL/dy); `out` receives the gradient when it is given.

        Raises
        ------
        ShapeError
            y and target have different shapes (they are not broadcast), or are empty.
        DataError
            One of them is no array of numbers, or masked: masks are not honoured.
        """
        y, target = plain_array(y, "y"), plain_array(target, "target")
        self.check_shapes(y.shape, target.shape)
        return self.value_and_gradient(np.subtract(y, target, out=out))

    def check_shapes(self, y: tuple[int, ...], target: tuple[int, ...]) -> None:
        """Refuse a target that is not of the shape of y; see `__call__`."""
        if y != target or 0 in y:
            raise ShapeError(
                f"{type(self).__name__}: y has shape {y}, target {target}; they must be the same, and not empty."
            )

    @abstractmethod
    def value_and_gradient(self, e: Array) -> tuple[float, Array]:
        """(L, dL/dy) from the error e = y - target, which may be overwritten."""


def _sum_of_squares(e: Array) -> float:
    flat = e.reshape(-1)
    with np.errstate(over="ignore"):
        total = float(np.dot(flat, flat))
    if not math.isfinite(total) and e.itemsize < 8:  # squares of 2e19 overflow in float32
        wide = flat.astype(np.float64)
        total = float(np.dot(wide, wide))
    return total


@register
@dataclass(eq=False)
class HalfMSE(Loss):
    """L = ½ · mean((y - target)²), dL/dy = (y - target) / n  (textbook equations 9 and 10, averaged)."""

    def value_and_gradient(self, e: Array) -> tuple[float, Array]:
        """(½ · mean(e²), e / n)."""
        loss = _sum_of_squares(e) / (2 * e.size)
        e *= 1 / e.size
        return loss, e


@register
@dataclass(eq=False)
class MSE(Loss):
    """L = mean((y - target)²), dL/dy = 2 (y - target) / n."""

    def value_and_gradient(self, e: Array) -> tuple[float, Array]:
        """(mean(e²), 2 e / n)."""
        loss = _sum_of_squares(e) / e.size
        e *= 2 / e.size
        return loss, e


@register
@dataclass(eq=False)
class MAE(Loss):
    """L = mean(|y - target|), dL/dy = sign(y - target) / n (0 where they are equal)."""

    def value_and_gradient(self, e: Array) -> tuple[float, Array]:
        """(mean(|e|), sign(e) / n)."""
        loss = float(np.abs(e).mean(dtype=np.float64))
        np.sign(e, out=e)
        e *= 1 / e.size
        return loss, e
