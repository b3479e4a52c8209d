"""BinaryCrossEntropy: a mean over all entries of the lanes that hold windows, or a weighted mean."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl.compiled.jit import jit
from minidl.compiled.kernel import LossKernel
from minidl.compiled.kernels.entries import kernel_of_entries


@functools.cache
def _entry(smoothing: float) -> Any:
    @jit
    def entry(y: Any, target: Any, i: int) -> Any:
        """l and its slope by y, in double precision."""
        y, t = np.float64(y), np.float64(target) * (1 - smoothing) + smoothing / 2
        small = np.exp(-abs(y))
        p = small / (1 + small)
        return max(y, 0.0) - t * y + np.log1p(small), (1 - t) - p if y >= 0 else p - t

    return entry


def binary_cross_entropy(loss: Any) -> LossKernel:
    """BinaryCrossEntropy; weights of classes are in the shares."""
    return kernel_of_entries(_entry(loss.label_smoothing))
