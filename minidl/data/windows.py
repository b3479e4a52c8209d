"""Windows of consecutive rows, gathered when a batch asks for them.

All windows share one array of rows; a batch of them is copied once, into the
caller's buffer if it gives one. There is no state: threads may share a Windows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from minidl.core.errors import DataError
from minidl.data.batch import Batch

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Windows:
    """A set of windows over the rows of one array, each with its label.

    The window at start s holds the rows s ... s + T - 1 (T = `time_steps`); its
    label is the target column of row s + T, the window's origin row.

    Parameters
    ----------
    values : (n, F), C-contiguous, scaled; shared, never written to.
    starts : int64 (N,), the first row of each window, in any order.
    time_steps : T >= 1.
    target_index : the column that is forecast.
    every_step : labels at every step of the window, the target one row later
        each, for stacks that give an output at every step.

    Raises
    ------
    DataError
        A window or its label would lie outside the rows.
    """

    values: Array = field(repr=False)
    starts: npt.NDArray[np.int64] = field(repr=False)
    time_steps: int
    target_index: int
    every_step: bool = False
    _windows: Array = field(init=False, repr=False)  # (n - T + 1, T·F): a view; row s is the window at s
    _labels: Array = field(init=False, repr=False)  # (n - T, 1 or T): a view; row s has the labels of the window at s

    def __post_init__(self) -> None:
        n, n_features = self.values.shape
        T = self.time_steps
        if len(self.starts) and not 0 <= self.starts.min() <= self.starts.max() < n - T:
            raise DataError(
                f"Windows: starts from {self.starts.min()} to {self.starts.max()} with {T} time steps and a label "
                f"do not fit into {n} rows."
            )
        if n <= T:
            raise DataError(f"Windows: {n} rows are too few for {T} time steps and a label.")
        if not self.values.flags.c_contiguous:
            raise DataError("Windows: values must be C-contiguous; use np.ascontiguousarray.")
        target = self.values[:, self.target_index]
        windows = sliding_window_view(self.values.reshape(-1), T * n_features)[::n_features]
        labels = sliding_window_view(target[1:], T) if self.every_step else target[T:, None]
        object.__setattr__(self, "_windows", windows)
        object.__setattr__(self, "_labels", labels)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def origin_rows(self) -> npt.NDArray[np.int64]:
        """int64 (N,): the row of the array that each window's label stands in, start + T."""
        return self.starts + self.time_steps

    def series(self) -> Batch:
        """The stretch of rows that the windows were cut from, as one example with a label at every step.

        Raises
        ------
        DataError
            The windows do not begin at every row of one stretch.
        """
        first, n = int(self.starts.min()), len(self.starts)
        if not np.array_equal(np.sort(self.starts), np.arange(first, first + n)):
            raise DataError(
                "Windows: they do not begin at every row of one stretch, so there is no series to go along."
            )
        stop = first + n + self.time_steps - 1
        return Batch(self.values[None, first:stop], self.values[None, first + 1 : stop + 1, [self.target_index]])

    def gather(
        self, indices: npt.NDArray[np.integer[Any]] | slice, x: Array | None = None, y: Array | None = None
    ) -> Batch:
        """Windows and labels, as copies.

        Parameters
        ----------
        indices : (B,) which windows, counted within this set, or a slice.
        x : buffer (B, T, F) of any memory layout to fill; None: a new array.
        y : buffer (B, 1), or (B, T, 1) with `every_step`; None: a new array.

        Returns
        -------
        The windows as x and the labels as target: the buffers, filled, or new arrays.
        """
        starts = self.starts[indices]
        # One memcpy per window, then one transposed copy if the buffer is laid out otherwise:
        # faster than indexing single rows or elements.
        rows = self._windows[starts].reshape(len(starts), self.time_steps, self.values.shape[1])
        labels = self._labels[starts]
        if self.every_step:
            labels = labels[:, :, None]
        if x is None:
            x = rows
        else:
            x[...] = rows
        if y is None:
            y = labels
        else:
            y[...] = labels
        return Batch(x, y)
