"""Scores of labels, from a confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.errors import ShapeError

Array = npt.NDArray[Any]


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
