"""Scores of a forecast: plain functions of (y, target), each a mean over all entries.

Computed in float64 whatever the input is. Arrays of different shapes, or empty
ones, raise ShapeError; they are never broadcast. What is no array of numbers, or
masked, raises DataError.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.arrays import plain_array
from minidl.core.errors import ShapeError

Array = npt.NDArray[Any]


def _error(y: Array, target: Array) -> npt.NDArray[np.float64]:
    y, target = plain_array(y, "y"), plain_array(target, "target")
    if y.shape != target.shape or not y.size:
        raise ShapeError(f"a score needs y and target of one shape, not empty; got {y.shape} and {target.shape}.")
    return np.asarray(y, np.float64) - target


def half_mse(y: Array, target: Array) -> float:
    """½ · mean((y - target)²), the textbook's "loss"."""
    e = _error(y, target)
    return float(np.mean(e * e) / 2)


def r2(y: Array, target: Array) -> float:
    """R² = 1 - MSE / variance of the targets, the textbook's "accuracy"; NaN if all targets are equal."""
    mse = 2 * half_mse(y, target)
    target = np.asarray(plain_array(target, "target"), np.float64)
    variance = float(np.var(target)) if np.ptp(target) > 0 else 0.0  # rounding would leave 1e-34
    return 1.0 - mse / variance if variance > 0 else float("nan")


def mae(y: Array, target: Array) -> float:
    """Mean absolute error, in the unit of the arrays."""
    return float(np.mean(np.abs(_error(y, target))))


def rmse(y: Array, target: Array) -> float:
    """Root of the mean squared error, in the unit of the arrays."""
    return float(np.sqrt(2 * half_mse(y, target)))
