"""Scaling of the columns: a difference and a quotient per column, fitted once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import Configurable
from minidl.core.errors import DataError
from minidl.core.registry import open_kind, register
from minidl.data.series import Table


@dataclass(frozen=True, eq=False)
class ScaleFit:
    """A fitted scaling: scaled = (value - offset) / range, column by column.

    Parameters
    ----------
    offset, range : float64 (F,); every range is positive and finite.
    """

    offset: npt.NDArray[np.float64]
    range: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        wrong = ~(np.isfinite(self.offset) & np.isfinite(self.range) & (self.range > 0))
        if wrong.any():
            i = int(wrong.argmax())
            raise DataError(
                f"ScaleFit: column {i} (counted from 0): offset {self.offset[i]:g} and range {self.range[i]:g} must be "
                "finite, range positive; the values are too large, or differ too little."
            )

    def transform(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Scaled copy of `values` (..., F)."""
        return (np.asarray(values, dtype=np.float64) - self.offset) / self.range

    def scale(self, y: npt.ArrayLike, column: int) -> npt.NDArray[np.float64]:
        """Scaled copy of values of one column, of any shape."""
        return np.asarray((np.asarray(y, dtype=np.float64) - self.offset[column]) / self.range[column])

    def unscale(self, y: npt.ArrayLike, column: int) -> npt.NDArray[np.float64]:
        """Scaled values of one column, of any shape, back in the column's own units."""
        return np.asarray(np.asarray(y, dtype=np.float64) * self.range[column] + self.offset[column])


LARGEST_SCALED = {4: 1e15, 8: 1e140}  # by bytes of the dtype: squares, summed up, must stay finite


def scaled_rows(table: Table, scale: ScaleFit, dtype: npt.DTypeLike, first: int = 0) -> npt.NDArray[Any]:
    """(n - first, F), C-contiguous: a table's rows from `first` on, scaled.

    Raises
    ------
    DataError
        A scaled value is too large to compute with; the message names its row and column.
    """
    with np.errstate(over="ignore"):
        scaled = scale.transform(table.values[first:])
    limit = LARGEST_SCALED.get(np.dtype(dtype).itemsize, 1e15)
    wrong = np.argwhere(np.abs(scaled) > limit)
    if len(wrong):
        row, column = (int(i) for i in wrong[0])
        raise DataError(
            f"data: {table.when(first + row)}, column {table.feature_names[column]}: the value "
            f"{table.values[first + row, column]:g} is {scaled[row, column]:g} when it is scaled, too large for "
            f"{np.dtype(dtype).name} (the column was fitted to offset {scale.offset[column]:g} and range "
            f"{scale.range[column]:g}); correct the value or make it a gap."
        )
    return np.ascontiguousarray(scaled, dtype=dtype)


@open_kind("scaler")
@dataclass(eq=False)
class Scaler(Configurable, ABC):
    """How columns are scaled, and from which rows.

    Parameters
    ----------
    fit_on : ``train`` fits on all rows before the test part (those that
        `TailValidation` holds out included), ``all`` on every row, the test part
        too, as the textbook does.
    """

    fit_on: Literal["train", "all"] = "train"

    @abstractmethod
    def fit(self, values: npt.NDArray[np.float64]) -> ScaleFit:
        """Offset and range of each column of `values` (n, F)."""


@register
@dataclass(eq=False)
class MinMaxScaler(Scaler):
    """x' = (x - min) / (max - min), so [0, 1] on the rows it was fitted on; a constant column gets the range 1."""

    def fit(self, values: npt.NDArray[np.float64]) -> ScaleFit:
        low, high = values.min(axis=0), values.max(axis=0)
        return ScaleFit(offset=low, range=np.where(high > low, high - low, 1.0))


@register
@dataclass(eq=False)
class StandardScaler(Scaler):
    """x' = (x - mean) / (standard deviation, divisor n); a constant column gets the range 1."""

    def fit(self, values: npt.NDArray[np.float64]) -> ScaleFit:
        constant = values.max(axis=0) == values.min(axis=0)
        offset = np.where(constant, values[0], values.mean(axis=0))
        return ScaleFit(offset=offset, range=np.where(constant, 1.0, values.std(axis=0)))
