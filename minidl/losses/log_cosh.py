"""A smooth loss that large errors enter linearly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from minidl.core.registry import register
from minidl.losses.differences import DifferenceLoss
from minidl.losses.loss import Array


@register
@dataclass(eq=False)
class LogCosh(DifferenceLoss):
    """L = mean(log cosh e), dL/dy = tanh(e) / n with e = y - target.

    A mean over all entries. About ½ e² for small errors, |e| - log 2 for large ones, with a slope below 1
    everywhere. Of small errors it is log(1 + 2 sinh²(e/2)), of others |e| + log(1 + exp(-2 |e|)) - log 2:
    the first keeps the digits of e, and neither overflows.

    References
    ----------
    Green (1990), Bayesian reconstructions from emission tomography data using a modified EM algorithm,
    IEEE Transactions on Medical Imaging 9(1), 84-93.
    """

    def value(self, e: Array) -> Array:
        """log cosh e."""
        size = np.abs(e)
        near = np.log1p(2 * np.sinh(np.minimum(size, 1) / 2) ** 2)
        far = size + np.log1p(np.exp(-size) ** 2) - math.log(2)
        found: Array = np.where(size < 1, near, far)
        return found

    def slope(self, e: Array) -> Array:
        """tanh(e)."""
        return np.tanh(e)
