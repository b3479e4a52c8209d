"""Scores of a forecast: plain functions of (y, target), each a mean over all entries.

Computed in float64 whatever the input is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def half_mse(y: Array, target: Array) -> float:
    """½ · mean((y - target)²), the textbook's "loss"."""
    e = np.asarray(y, np.float64) - target
    return float(np.mean(e * e) / 2)


def r2(y: Array, target: Array) -> float:
    """R² = 1 - MSE / variance of the targets, the textbook's "accuracy"; NaN if all targets are equal."""
    target = np.asarray(target, np.float64)
    variance = float(np.var(target)) if np.ptp(target) > 0 else 0.0  # rounding would leave 1e-34
    return 1.0 - 2 * half_mse(y, target) / variance if variance > 0 else float("nan")


def mae(y: Array, target: Array) -> float:
    """Mean absolute error, in the unit of the arrays."""
    return float(np.mean(np.abs(np.asarray(y, np.float64) - target)))


def rmse(y: Array, target: Array) -> float:
    """Root of the mean squared error, in the unit of the arrays."""
    return float(np.sqrt(2 * half_mse(y, target)))
