"""Linear models for sequences, as baselines: ridge regression, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.data import SequenceSet

Floats = npt.NDArray[np.float64]
RIDGE = 1.0
MAX_NUMBERS = 50_000_000  # of a matrix that a baseline is fitted on
AROUND = 8  # steps before a step that its baseline sees, and after it where it looks ahead


@dataclass(frozen=True, eq=False)
class Ridge:
    """y = (x - m) W + c, which minimises Σ |y - t|² + λ |W|²; c is the mean of the targets and not penalised.

    Parameters
    ----------
    mean : m, (D,). weights : W, (D, K). offset : c, (K,).
    """

    mean: Floats
    weights: Floats
    offset: Floats

    @classmethod
    def fit(cls, x: Floats, target: Floats, penalty: float = RIDGE) -> Ridge:
        """For x (n, D) and targets (n, K), by the normal equations: of size D, or of size n where that is smaller."""
        mean, offset = (np.asarray(array.mean(axis=0), np.float64) for array in (x, target))
        x, target = x - mean, target - offset
        n, size = x.shape
        if size <= n:
            weights = np.asarray(np.linalg.solve(x.T @ x + penalty * np.eye(size), x.T @ target), np.float64)
        else:
            weights = x.T @ np.linalg.solve(x @ x.T + penalty * np.eye(n), target)
        return cls(mean, weights, offset)

    def __call__(self, x: Floats) -> Floats:
        """(n, K)."""
        y: Floats = (x - self.mean) @ self.weights + self.offset
        return y


def flattened(sequences: SequenceSet, width: int) -> Floats:
    """(S, width · F): each sequence, padded with 0 or cut to `width` steps, in one row.

    Raises
    ------
    DataError
        That would be too large a matrix.
    """
    size = width * sequences.values.shape[1]
    _check_size(len(sequences), size)
    steps = np.arange(width)
    real = steps < sequences.lengths[:, None]
    rows = sequences.values[np.where(real, sequences.starts[:, None] + steps, 0)].astype(np.float64)
    rows[~real] = 0
    return rows.reshape(len(sequences), size)


def around_steps(sequences: SequenceSet, after: int = AROUND) -> Floats:
    """(rows, (AROUND + 1 + after) · F): each step with those before and after it, 0 beyond the sequence's ends.

    Raises
    ------
    DataError
        That would be too large a matrix.
    """
    n_features, n = sequences.values.shape[1], int(sequences.lengths.sum())
    width = AROUND + 1 + after
    _check_size(n, width * n_features)
    found = []
    for start, length in zip(sequences.starts, sequences.lengths, strict=True):
        padded = np.zeros((length + AROUND + after, n_features))
        padded[AROUND : AROUND + length] = sequences.values[start : start + length]
        windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)
        found.append(windows.transpose(0, 2, 1).reshape(length, -1))
    return np.concatenate(found)


def _check_size(rows: int, columns: int) -> None:
    if rows * columns > MAX_NUMBERS:
        raise DataError(f"it would be fitted on {rows:,} x {columns:,} numbers; at most {MAX_NUMBERS:,} are.")
