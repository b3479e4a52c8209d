"""BinaryCrossEntropy: a mean over all entries of the lanes that hold windows, or a weighted mean."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl.compiled.jit import jit
from minidl.compiled.kernel import LossKernel
from minidl.core.layer import Array


@functools.cache
def _entry(smoothing: float) -> Any:
    @jit
    def entry(y: Any, target: Any) -> Any:
        """l and its slope by y, in double precision."""
        y, t = np.float64(y), np.float64(target) * (1 - smoothing) + smoothing / 2
        small = np.exp(-abs(y))
        p = small / (1 + small)
        return max(y, 0.0) - t * y + np.log1p(small), (1 - t) - p if y >= 0 else p - t

    return entry


@functools.cache
def _mean(entry: Any) -> Any:
    @jit
    def mean(y: Array, target: Array, dy: Array, n: int) -> Any:
        """mean(l), l' / size."""
        size, total = y.shape[0] * y.shape[1] * n, 0.0
        for t in range(y.shape[0]):
            for i in range(y.shape[1]):
                for k in range(n):
                    value, slope = entry(y[t, i, k], target[t, i, k])
                    total += value
                    dy[t, i, k] = slope / size
                for k in range(n, y.shape[2]):
                    dy[t, i, k] = 0
        return total / size

    return mean


@functools.cache
def _weighted(entry: Any) -> Any:
    @jit
    def weighted(y: Array, target: Array, dy: Array, share: Array) -> Any:
        """Σ s l, s l'."""
        total = 0.0
        for t in range(y.shape[0]):
            for i in range(y.shape[1]):
                for k in range(y.shape[2]):
                    value, slope = entry(y[t, i, k], target[t, i, k])
                    total += share[t, i, k] * value
                    dy[t, i, k] = share[t, i, k] * slope
        return total

    return weighted


def binary_cross_entropy(loss: Any) -> LossKernel:
    """BinaryCrossEntropy; weights of classes are in the shares."""
    entry = _entry(loss.label_smoothing)
    return LossKernel(_mean(entry), _weighted(entry))
