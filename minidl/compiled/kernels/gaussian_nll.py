"""GaussianNLL: a mean over all targets of the lanes that hold windows, or a weighted mean."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minidl.compiled.jit import jit
from minidl.compiled.kernel import LossKernel
from minidl.core.layer import Array

_LOG_2_PI = math.log(2 * math.pi)


@functools.cache
def _target(minimum_variance: float) -> Any:
    least = math.log(minimum_variance)

    @jit
    def one(mean: Any, s: Any, target: Any) -> Any:
        """-log of the density, and its slopes by mean and s, in double precision."""
        s = np.float64(s)
        log_v = max(s, least) + np.log1p(np.exp(-abs(s - least)))
        root = np.exp(-log_v / 2)
        z = np.float64(mean - target) * root
        return (log_v + z * z + _LOG_2_PI) / 2, z * root, (1 - z * z) * np.exp(s - log_v) / 2

    return one


@functools.cache
def _mean(one: Any) -> Any:
    @jit
    def mean(y: Array, target: Array, dy: Array, n: int) -> Any:
        size, total = y.shape[0] * target.shape[1] * n, 0.0
        for t in range(y.shape[0]):
            for i in range(target.shape[1]):
                for k in range(n):
                    value, by_mean, by_s = one(y[t, 2 * i, k], y[t, 2 * i + 1, k], target[t, i, k])
                    total += value
                    dy[t, 2 * i, k] = by_mean / size
                    dy[t, 2 * i + 1, k] = by_s / size
                for k in range(n, y.shape[2]):
                    dy[t, 2 * i, k] = 0
                    dy[t, 2 * i + 1, k] = 0
        return total / size

    return mean


@functools.cache
def _weighted(one: Any) -> Any:
    @jit
    def weighted(y: Array, target: Array, dy: Array, share: Array) -> Any:
        total = 0.0
        for t in range(y.shape[0]):
            for i in range(target.shape[1]):
                for k in range(y.shape[2]):
                    value, by_mean, by_s = one(y[t, 2 * i, k], y[t, 2 * i + 1, k], target[t, i, k])
                    total += share[t, i, k] * value
                    dy[t, 2 * i, k] = share[t, i, k] * by_mean
                    dy[t, 2 * i + 1, k] = share[t, i, k] * by_s
        return total

    return weighted


def gaussian_nll(loss: Any) -> LossKernel:
    """GaussianNLL."""
    one = _target(loss.minimum_variance)
    return LossKernel(_mean(one), _weighted(one))
