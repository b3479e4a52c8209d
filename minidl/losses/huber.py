"""A loss that large errors enter linearly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minidl.core.arguments import PositiveFloat
from minidl.core.registry import register
from minidl.losses.differences import DifferenceLoss
from minidl.losses.loss import Array


@register
@dataclass(eq=False)
class Huber(DifferenceLoss):
    """L = mean(½ e² where |e| <= δ, else δ (|e| - ½ δ)), dL/dy = min(max(e, -δ), δ) / n with e = y - target.

    A mean over all entries. It is `HalfMSE` for small errors, and for large ones as steep as δ `MAE`.
    Both are c (|e| - ½ c) with c = min(|e|, δ), in which no square of a large error is taken.

    Parameters
    ----------
    delta : δ > 0, the error from which on it is linear, in units of the scaled target.

    References
    ----------
    Huber (1964), Robust estimation of a location parameter, Annals of Mathematical Statistics 35(1), 73-101.
    """

    delta: PositiveFloat = 1.0

    def value(self, e: Array) -> Array:
        """c (|e| - ½ c) with c = min(|e|, δ)."""
        size = np.abs(e)
        c = np.minimum(size, self.delta)
        found: Array = c * (size - c / 2)
        return found

    def slope(self, e: Array) -> Array:
        """e, cut off at ±δ."""
        return np.clip(e, -self.delta, self.delta)
