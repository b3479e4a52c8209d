"""Losses that are functions of the error, y - target."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minidl.core.errors import ShapeError
from minidl.core.registry import register
from minidl.losses.loss import Array, Loss, shares


@dataclass(eq=False)
class DifferenceLoss(Loss):
    """L = mean(l(e)), dL/dy = l'(e) / n, a function l of the error e = y - target; a subclass writes l and l'."""

    @abstractmethod
    def value(self, e: Array) -> Array:
        """l(e) for every entry, as a new array."""

    @abstractmethod
    def slope(self, e: Array) -> Array:
        """l'(e) for every entry; it may be `e` itself."""

    def total(self, e: Array) -> float:
        """Σ l(e); in double precision where l(e) is beyond the numbers of e's type."""
        with np.errstate(over="ignore"):
            total = float(self._of_each(self.value, e).sum(dtype=np.float64))
        if not math.isfinite(total) and e.itemsize < 8:
            total = float(self.value(e.astype(np.float64)).sum())
        return total

    def _of_each(self, function: Callable[[Array], Array], e: Array) -> Array:
        """l or l' of each entry, and of no sum of them."""
        found = function(e)
        if np.shape(found) != e.shape:
            name = f"{type(self).__name__}: {function.__name__}"
            raise ShapeError(f"{name} must give an array of the shape of e, {e.shape}, not {np.shape(found)}.")
        return found

    def value_and_gradient(
        self, y: Array, target: Array, weight: Array | None, out: Array | None
    ) -> tuple[float, Array]:
        """(mean(l(e)), l'(e) / n), or with w / Σ w in place of 1 / n."""
        e, share = np.subtract(y, target, out=out), shares(weight, y.shape)
        if weight is None:
            loss = self.total(e) / e.size
        else:
            loss = float(np.sum(share * self._of_each(self.value, e.astype(np.float64))))
        return loss, np.multiply(self._of_each(self.slope, e), share, out=e, casting="same_kind")


def _sum_of_squares(e: Array) -> float:
    total = float(np.vdot(e, e))  # unlike np.dot it does not warn of what overflows
    if not math.isfinite(total) and e.itemsize < 8:  # squares of 2e19 overflow in float32
        wide = e.astype(np.float64)
        total = float(np.vdot(wide, wide))
    return total


@register
@dataclass(eq=False)
class HalfMSE(DifferenceLoss):
    """L = ½ · mean((y - target)²), dL/dy = (y - target) / n  (textbook equations 9 and 10, averaged)."""

    def value(self, e: Array) -> Array:
        """½ e²."""
        return e * e / 2

    def slope(self, e: Array) -> Array:
        """e."""
        return e

    def total(self, e: Array) -> float:
        """½ Σ e², in one call of BLAS."""
        return _sum_of_squares(e) / 2


@register
@dataclass(eq=False)
class MSE(DifferenceLoss):
    """L = mean((y - target)²), dL/dy = 2 (y - target) / n."""

    def value(self, e: Array) -> Array:
        """e²."""
        return e * e

    def slope(self, e: Array) -> Array:
        """2 e."""
        return 2 * e

    def total(self, e: Array) -> float:
        """Σ e², in one call of BLAS."""
        return _sum_of_squares(e)


@register
@dataclass(eq=False)
class MAE(DifferenceLoss):
    """L = mean(|y - target|), dL/dy = sign(y - target) / n (0 where they are equal)."""

    def value(self, e: Array) -> Array:
        """|e|."""
        return np.abs(e)

    def slope(self, e: Array) -> Array:
        """sign(e)."""
        return np.sign(e)
