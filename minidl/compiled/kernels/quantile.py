"""Quantile: a mean over all targets and levels of the lanes that hold windows, or a weighted mean."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl.compiled.jit import jit
from minidl.compiled.kernel import LossKernel
from minidl.compiled.kernels.entries import kernel_of_entries


@functools.cache
def _entry(levels: tuple[float, ...]) -> Any:
    several = len(levels)

    @jit
    def entry(y: Any, target: Any, i: int) -> Any:
        """max(τ e, (τ - 1) e) for e = target - y, and its slope by y."""
        e, level = np.float64(target - y), levels[i % several]
        return max(level * e, (level - 1) * e), -level if e > 0 else 1 - level if e < 0 else 0.0

    return entry


def quantile(loss: Any) -> LossKernel:
    """Quantile."""
    levels = tuple(loss.levels)
    return kernel_of_entries(_entry(levels), len(levels))
