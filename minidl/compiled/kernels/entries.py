"""Losses that are means of a function of one output and its target: over all entries, or with weights."""

from __future__ import annotations

import functools
from typing import Any

from minidl.compiled.jit import jit
from minidl.compiled.kernel import LossKernel
from minidl.core.layer import Array


@functools.cache
def kernel_of_entries(entry: Any, per_target: int = 1) -> LossKernel:
    """The kernel of mean(l); ``entry(y, target, i)`` gives l and its slope for output i, of so many for each target."""

    @jit
    def mean(y: Array, target: Array, dy: Array, n: int) -> Any:
        """mean(l), l' / size."""
        size, total = y.shape[0] * y.shape[1] * n, 0.0
        for t in range(y.shape[0]):
            for i in range(y.shape[1]):
                for k in range(n):
                    value, slope = entry(y[t, i, k], target[t, i // per_target, k], i)
                    total += value
                    dy[t, i, k] = slope / size
                for k in range(n, y.shape[2]):
                    dy[t, i, k] = 0
        return total / size

    @jit
    def weighted(y: Array, target: Array, dy: Array, share: Array) -> Any:
        """Σ s l, s l'; the share s of a target is that of all of its outputs together."""
        total = 0.0
        for t in range(y.shape[0]):
            for i in range(y.shape[1]):
                for k in range(y.shape[2]):
                    value, slope = entry(y[t, i, k], target[t, i // per_target, k], i)
                    total += share[t, i // per_target, k] * value / per_target
                    dy[t, i, k] = share[t, i // per_target, k] * slope / per_target
        return total

    return LossKernel(mean, weighted)
