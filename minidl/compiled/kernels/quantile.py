"""Quantile: a mean over all targets and levels of the lanes that hold windows, or a weighted mean."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl.compiled.jit import jit
from minidl.compiled.kernel import LossKernel
from minidl.core.layer import Array


@jit
def _entry(y: Any, target: Any, level: float) -> Any:
    """max(τ e, (τ - 1) e) for e = target - y, and its slope by y."""
    e = np.float64(target - y)
    return max(level * e, (level - 1) * e), -level if e > 0 else 1 - level if e < 0 else 0.0


@functools.cache
def _mean(levels: tuple[float, ...]) -> Any:
    several = len(levels)

    @jit
    def mean(y: Array, target: Array, dy: Array, n: int) -> Any:
        size, total = y.shape[0] * y.shape[1] * n, 0.0
        for t in range(y.shape[0]):
            for i in range(y.shape[1]):
                for k in range(n):
                    value, slope = _entry(y[t, i, k], target[t, i // several, k], levels[i % several])
                    total += value
                    dy[t, i, k] = slope / size
                for k in range(n, y.shape[2]):
                    dy[t, i, k] = 0
        return total / size

    return mean


@functools.cache
def _weighted(levels: tuple[float, ...]) -> Any:
    several = len(levels)

    @jit
    def weighted(y: Array, target: Array, dy: Array, share: Array) -> Any:
        total = 0.0
        for t in range(y.shape[0]):
            for i in range(y.shape[1]):
                for k in range(y.shape[2]):
                    value, slope = _entry(y[t, i, k], target[t, i // several, k], levels[i % several])
                    total += share[t, i // several, k] * value / several
                    dy[t, i, k] = share[t, i // several, k] * slope / several
        return total

    return weighted


def quantile(loss: Any) -> LossKernel:
    """Quantile."""
    levels = tuple(loss.levels)
    return LossKernel(_mean(levels), _weighted(levels))
