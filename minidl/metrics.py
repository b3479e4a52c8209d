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
from minidl.core.lengths import inside

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


def usual_metrics(y: Array, target: Array, lengths: Array | None = None) -> dict[str, float]:
    """What a log tells of validation examples where no task says otherwise: R², or how many labels are right.

    `lengths` are the time steps of each sequence of outputs, None: there is no padding.
    """
    if lengths is not None:
        there = inside(lengths, y.shape[1])
        y, target = y[there], target[there]
    if target.dtype.kind == "i" and y.shape[:-1] == target.shape:
        return {"accuracy": float(np.mean(y.argmax(axis=-1) == target))}
    return {"r2": r2(y, target)}


def confusion(predicted: Array, target: Array, n_classes: int) -> npt.NDArray[np.int64]:
    """int64 (n_classes, n_classes): how often each class (row) was taken for each (column)."""
    if predicted.shape != target.shape or not target.size:
        raise ShapeError(f"expected labels of one shape, not empty; got {predicted.shape} and {target.shape}.")
    pairs = np.bincount(target.ravel() * n_classes + predicted.ravel(), minlength=n_classes**2)
    return pairs.reshape(n_classes, n_classes)


def accuracy(counts: Array) -> float:
    """Share of labels that are right, from a confusion matrix."""
    return float(np.trace(counts) / counts.sum())


def class_scores(counts: Array) -> dict[str, npt.NDArray[np.float64]]:
    """Precision, recall and F1 of each class, from a confusion matrix; NaN where a class has none to divide by.

    precision = right / predicted as it, recall = right / of it, F1 = 2 · right / (predicted as it + of it).
    """
    right, predicted, real = np.diag(counts).astype(np.float64), counts.sum(axis=0), counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return {"precision": right / predicted, "recall": right / real, "f1": 2 * right / (predicted + real)}


def macro_f1(counts: Array) -> float:
    """Mean of the classes' F1, each counted alike; of those that occur or are predicted at all."""
    return float(np.nanmean(class_scores(counts)["f1"]))
