"""Scores from sums over stretches of the test part, so that stretches can be weighed anew without their examples.

A stretch is a piece of the test part in its own order; its sums are one row, of which
the first is the number of values. A score of several stretches is that of their rows, added.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
# Few and long: errors that belong together in time then mostly stand in one stretch.
STRETCHES = 16


def by_stretch(*columns: npt.NDArray[Any]) -> list[list[float]]:
    """Sums of the columns, each (units,), over up to 16 stretches of units, which differ in length by one at most."""
    values = np.stack([np.asarray(column, np.float64) for column in columns], axis=1)
    n = min(len(values), STRETCHES)
    starts = np.arange(n) * len(values) // max(n, 1)
    found: list[list[float]] = np.add.reduceat(values, starts, axis=0).tolist() if n else []
    return found


def mean_of_sums(sums: Values) -> Values:
    """Σa / n, of sums (..., 2): n and Σa."""
    mean: Values = sums[..., 1] / sums[..., 0]
    return mean


def root_of_sums(sums: Values) -> Values:
    """√(Σe² / n), of sums (..., 2): n and Σe²."""
    return np.sqrt(mean_of_sums(sums))


def r2_of_sums(sums: Values) -> Values:
    """The mean over K numbers of 1 - Σe² / (Σt² - (Σt)² / n), of sums (..., 4K): n, Σt, Σt² and Σe² of each.

    NaN where all t are one. Any constant may be taken off all t of a number; their mean
    keeps the difference exact.
    """
    n, t, squares, errors = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 4), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = 1 - errors / (squares - t * t / n)
    mean: Values = np.where(np.isfinite(r2), r2, np.nan).mean(axis=-1)
    return mean


def r2_columns(
    y: npt.NDArray[Any], target: npt.NDArray[Any], counted: npt.NDArray[np.bool_] | None = None
) -> list[Values]:
    """Of each unit what `r2_of_sums` asks for; y and target are (units, values of a unit, K).

    Parameters
    ----------
    counted : bool (units, values of a unit), which values count; None: all.
    """
    e, t = (np.asarray(array, np.float64) for array in (y, target))
    mean = t.mean(axis=(0, 1)) if counted is None else t[counted].mean(axis=0)
    e, t = e - t, t - mean
    if counted is None:
        n = np.full(len(t), float(t.shape[1]))
    else:
        e, t = (np.where(counted[:, :, None], array, 0) for array in (e, t))
        n = counted.sum(axis=1).astype(np.float64)
    columns = []
    for k in range(t.shape[2]):
        columns += [n, t[:, :, k].sum(axis=1), (t[:, :, k] ** 2).sum(axis=1), (e[:, :, k] ** 2).sum(axis=1)]
    return columns
