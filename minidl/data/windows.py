"""Windows of consecutive rows with the values that follow them, gathered when a batch asks for them.

All windows share one array of rows; a batch of them is copied once, into the
caller's buffer if it gives one. There is no state: threads may share a Windows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from minidl.core.errors import DataError
from minidl.core.text import counted
from minidl.data.batch import Batch
from minidl.data.later import Later

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Windows:
    """A set of windows over the rows of one array, each with its labels.

    The window at start s holds the rows s ... s + T - 1 (T = `time_steps`); its
    labels are the target column of the L rows from s + T on, the window's origin row.

    Parameters
    ----------
    values : (n, F), C-contiguous, scaled; shared, never written to.
    starts : int64 (N,), the first row of each window, in any order.
    time_steps : T >= 1.
    target_index : the column that is forecast.
    every_step : labels at every step of the window, the target of the rows that
        follow this step, for stacks that give an output at every step.
    leads : L >= 1, how many rows are forecast at once.
    known : bool (n,), whether a row's target is a label; windows with one that is none are left out. None: all are.
    later : what a window holds of `Later.count` rows after it, which then stand at its end; None: there are none.

    Raises
    ------
    DataError
        A window or one of its labels would lie outside the rows, or no window is left.
    """

    values: Array = field(repr=False)
    starts: npt.NDArray[np.int64] = field(repr=False)
    time_steps: int
    target_index: int
    every_step: bool = False
    leads: int = 1
    known: npt.NDArray[np.bool_] | None = field(default=None, repr=False)
    later: Later | None = None
    _given: npt.NDArray[np.int64] = field(init=False, repr=False)  # the starts, with those that are left out
    _windows: Array = field(init=False, repr=False)  # (n - T + 1, T·F): a view; row s is the window at s
    _later: Array = field(init=False, repr=False)  # (n - L + 1, L): a view; row r has the target of L rows from r on
    _labels: Array = field(init=False, repr=False)  # (n - T - L + 1, [T,] L): a view; row s is of the window at s

    def __post_init__(self) -> None:
        n, n_features = self.values.shape
        T, what = self.time_steps, f"{self.time_steps} time steps and {counted(self.leads, 'label')}"
        if len(self.starts) and not 0 <= self.starts.min() <= self.starts.max() <= n - self.span:
            raise DataError(
                f"Windows: starts from {self.starts.min()} to {self.starts.max()} with {what} do not fit into {n} rows."
            )
        if n < self.span:
            raise DataError(f"Windows: {n} rows are too few for {what}.")
        if not self.values.flags.c_contiguous:
            raise DataError("Windows: values must be C-contiguous; use np.ascontiguousarray.")
        windows = sliding_window_view(self.values.reshape(-1), T * n_features)[::n_features]
        later = sliding_window_view(self.values[:, self.target_index], self.leads)
        labels = sliding_window_view(later[1:], T, axis=0).swapaxes(1, 2) if self.every_step else later[T:]
        for name, view in (("_windows", windows), ("_later", later), ("_labels", labels), ("_given", self.starts)):
            object.__setattr__(self, name, view)
        object.__setattr__(self, "starts", self.starts[self._all_known(self.starts)])
        if len(self._given) and not len(self.starts):
            raise DataError(f"Windows: each of {len(self._given)} windows has a label that was a gap; give more rows.")

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def span(self) -> int:
        """How many rows a window and its labels take, T + L."""
        return self.time_steps + self.leads

    @property
    def origin_rows(self) -> npt.NDArray[np.int64]:
        """int64 (N,): the row of the array that each window's first label stands in, start + T."""
        return self.starts + self.time_steps

    @cached_property
    def column(self) -> Array:
        """(n,) the target, contiguous: the labels of a window are neighbours in it."""
        return np.ascontiguousarray(self.values[:, self.target_index])

    def one_ahead(self) -> Windows:
        """The windows with one label each that lie in the rows of these and of their labels; sorted if L > 1."""
        if self.leads == 1:
            return self if self.later is None else replace(self, later=None)
        held = np.zeros(len(self.values), bool)
        for later in range(self.leads):
            held[self._given + later] = True
        return replace(self, starts=np.flatnonzero(held), leads=1, later=None)

    def series(self) -> Batch:
        """The stretch of rows that the windows were cut from, as one example with a label at every step.

        Raises
        ------
        DataError
            The windows do not begin at every row of one stretch.
        """
        first, last = int(self.starts.min()), int(self.starts.max())
        every = np.arange(first, last + 1)
        if not np.array_equal(np.sort(self.starts), every[self._all_known(every)]):
            raise DataError(
                "Windows: they do not begin at every row of one stretch, so there is no series to go along."
            )
        stop = last + self.time_steps
        weight = None
        if self.known is not None:
            labels = sliding_window_view(self.known, self.leads)[None, first + 1 : stop + 1]
            weight = labels.all(axis=2).astype(self.values.dtype)
        return Batch(self.values[None, first:stop], self._later[None, first + 1 : stop + 1], weight=weight)

    def _all_known(self, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """(N,): whether all labels of the windows at `starts` are known."""
        if self.known is None:
            return np.ones(len(starts), bool)
        unknown = np.r_[0, np.cumsum(~self.known)]  # before each row
        first = starts + (1 if self.every_step else self.time_steps)
        same: npt.NDArray[np.bool_] = unknown[starts + self.span] == unknown[first]
        return same

    def gather(
        self, indices: npt.NDArray[np.integer[Any]] | slice, x: Array | None = None, y: Array | None = None
    ) -> Batch:
        """Windows and labels, as copies.

        Parameters
        ----------
        indices : (B,) which windows, counted within this set, or a slice.
        x : buffer (B, T, F) of any memory layout to fill, with later rows (B, T + count, F); None: a new array.
        y : buffer (B, L), or (B, T, L) with `every_step`; None: a new array.

        Returns
        -------
        The windows as x and the labels as target: the buffers, filled, or new arrays.
        """
        starts = self.starts[indices]
        if self.later is None:
            # One memcpy per window, then one transposed copy if the buffer is laid out otherwise:
            # faster than indexing single rows or elements.
            rows = self._windows[starts].reshape(len(starts), self.time_steps, self.values.shape[1])
        else:
            rows = rows_from(self.values, starts, self.time_steps + self.later.count)
            self.later.hide(rows, self.values, starts + self.time_steps, self.later.count)
        labels = self._labels[starts]
        if x is None:
            x = rows
        else:
            x[...] = rows
        if y is None:
            y = labels
        else:
            y[...] = labels
        return Batch(x, y)


def rows_from(values: Array, starts: npt.NDArray[np.int64], count: int) -> Array:
    """Copies of `count` rows from each start on, (B, count, F); beyond the end of `values` its last row again."""
    rows: Array = values[np.minimum(starts[:, None] + np.arange(count), len(values) - 1)]
    return rows
