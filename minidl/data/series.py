"""What a series is: a source of evenly spaced rows, one column of which is forecast.

A series knows its columns before it reads anything, so that a model can be
checked against them without touching a file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from minidl.arguments import Configurable
from minidl.errors import DataError
from minidl.registry import open_kind

HOUR = np.timedelta64(3600, "s")


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """The rows of a series, unscaled, every gap filled.

    Parameters
    ----------
    values : float64 (n, F), all finite.
    times : datetime64[s] (n,), the time of each row; None if the rows have none.
    feature_names : the F columns, in order.
    target_index : the column that is forecast; its value one step after a
        window is the window's label.
    units : of the target, for example "µg/m³"; "" if unknown.
    n_filled : how many gaps were filled, over all columns.

    Raises
    ------
    DataError
        The parts do not fit together, or a value is NaN or infinite.
    """

    values: npt.NDArray[np.float64]
    times: npt.NDArray[np.datetime64] | None
    feature_names: tuple[str, ...]
    target_index: int
    units: str = ""
    n_filled: int = 0

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.feature_names):
            raise DataError(
                f"Table: values have shape {self.values.shape}, expected (rows, {len(self.feature_names)}) "
                f"for the features {', '.join(self.feature_names)}."
            )
        if self.times is not None and self.times.shape != self.values.shape[:1]:
            raise DataError(f"Table: {len(self.values)} rows of values, but times of shape {self.times.shape}.")
        if not 0 <= self.target_index < len(self.feature_names):
            raise DataError(f"Table: target_index {self.target_index} is none of {len(self.feature_names)} columns.")
        wrong = np.argwhere(~np.isfinite(self.values))
        if len(wrong):
            row, column = wrong[0]
            raise DataError(
                f"Table: row {row} (counted from 0), column {self.feature_names[column]}: "
                f"{self.values[row, column]} is not a finite number; {len(wrong)} such values in all."
            )

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"Table({len(self)} rows, {', '.join(self.feature_names)}; target {self.target_name})"

    @property
    def target_name(self) -> str:
        """Name of the column that is forecast."""
        return self.feature_names[self.target_index]

    @property
    def step(self) -> np.timedelta64 | None:
        """Time from one row to the next; None without times or with a single row."""
        if self.times is None or len(self) < 2:
            return None
        step: np.timedelta64 = self.times[1] - self.times[0]
        return step

    def step_name(self) -> str:
        """``"h"`` when the rows are hourly, else ``"step"``: the unit of a lead time."""
        return "h" if self.step == HOUR else "step"


@open_kind("series")
@dataclass(eq=False)
class Series(Configurable, ABC):
    """A source of evenly spaced rows of numbers."""

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """The columns that a model gets, in order; known without reading the data."""

    @abstractmethod
    def read(self, path: Path | None = None) -> Table:
        """The whole table; with `path`, another file of the same form.

        Raises
        ------
        DataError
            The file does not hold what it should; the message names row and column.
        StorageError
            The file cannot be read.
        """
