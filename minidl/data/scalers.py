"""Scaling of the columns: a difference and a quotient per column, fitted once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from minidl.arguments import Configurable
from minidl.errors import DataError
from minidl.registry import open_kind, register


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
        if not (np.isfinite(self.offset).all() and np.isfinite(self.range).all() and (self.range > 0).all()):
            raise DataError("ScaleFit: offset and range must be finite, range positive; the data are too large.")

    def transform(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Scaled copy of `values` (..., F)."""
        return (np.asarray(values, dtype=np.float64) - self.offset) / self.range

    def scale(self, y: npt.ArrayLike, column: int) -> npt.NDArray[np.float64]:
        """Scaled copy of values of one column, of any shape."""
        return np.asarray((np.asarray(y, dtype=np.float64) - self.offset[column]) / self.range[column])

    def unscale(self, y: npt.ArrayLike, column: int) -> npt.NDArray[np.float64]:
        """Scaled values of one column, of any shape, back in the column's own units."""
        return np.asarray(np.asarray(y, dtype=np.float64) * self.range[column] + self.offset[column])


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
