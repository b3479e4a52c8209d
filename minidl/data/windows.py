"""Windows of consecutive rows with the values that follow them, gathered when a batch asks for them.

All windows share one array of rows; a batch of them is copied once, into the
caller's buffer if it gives one. There is no state: threads may share a Windows.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from minidl.data.long_gaps import free_of

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Windows:
    """A set of windows over the rows of one array, each with its labels.

    The window at start s holds the rows s ... s + T - 1 (T = `time_steps`); its
    labels are the target column of the L rows from s + T on, the window's origin row. Of K columns they
    are L · K numbers, those of a row side by side.

    Parameters
    ----------
    values : (n, F), C-contiguous, scaled; shared, never written to.
    starts : int64 (N,), the first row of each window, in any order.
    time_steps : T >= 1.
    target_index : the column that is forecast, or K of them.
    every_step : labels at every step of the window, the target of the rows that
        follow this step, for stacks that give an output at every step.
    leads : L >= 1, how many rows are forecast at once.
    known : bool (n,), or (n, K) of K columns, whether a row's target is a label. Where it is none, 0 stands for it and
        its weight is 0; windows of which no label is known are left out. None: all are.
    later : what a window holds of `Later.count` rows after it, which then stand at its end; None: there are none.
    firsts : the first row of each series that stands in the array.
    too_long : bool (n,), rows of gaps; windows that hold one of them are left out. None: there are none.

    Raises
    ------
    DataError
        A window or one of its labels would lie outside the rows, or no window is left.
    """

    values: Array = field(repr=False)
    starts: npt.NDArray[np.int64] = field(repr=False)
    time_steps: int
    target_index: int | tuple[int, ...]
    every_step: bool = False
    leads: int = 1
    known: npt.NDArray[np.bool_] | None = field(default=None, repr=False)
    later: Later | None = None
    firsts: tuple[int, ...] = (0,)
    too_long: npt.NDArray[np.bool_] | None = field(default=None, repr=False)
    given: npt.NDArray[np.int64] = field(init=False, repr=False)  # the starts, with those that are left out
    _windows: Array = field(init=False, repr=False)  # (n - T + 1, T·F): a view; row s is the window at s
    _later: Array = field(init=False, repr=False)  # (n - L + 1, L·K): a view; row r has the targets of L rows from r on
    _labels: Array = field(init=False, repr=False)  # (n - T - L + 1, [T,] L·K): a view; row s is of the window at s
    _known: Array | None = field(init=False, repr=False)  # the same of 1 where a label is known, else 0; None: all are

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
        target = self.column if self.n_targets > 1 or self.known is not None else self.values[:, self.target_index]
        later, labels = self._label_views(target)
        views = (("_windows", windows), ("_later", later), ("_labels", labels), ("given", self.starts))
        for name, view in views:
            object.__setattr__(self, name, view)
        usable = self.starts[self.usable(self.starts)]
        if len(self.given) and not len(usable):
            raise DataError(f"Windows: each of {len(self.given)} windows holds a gap longer than data.longest_gap.")
        n_known, n_labels = self._n_known(usable)
        object.__setattr__(self, "starts", usable[n_known > 0])
        if len(self.given) and not len(self.starts):
            raise DataError(f"Windows: none of {len(usable)} windows has a label that was no gap; give more rows.")
        some = self.known is not None and bool((n_known[n_known > 0] < n_labels).any())
        object.__setattr__(self, "_known", self._label_views(self.weights)[1] if some else None)

    def _label_views(self, column: Array) -> tuple[Array, Array]:
        """L·K values of a column from each row on; and those that are the labels of each window, [at every step]."""
        T, K = self.time_steps, self.n_targets
        later = sliding_window_view(column, self.leads * K)[::K]
        return later, sliding_window_view(later[1:], T, axis=0).swapaxes(1, 2) if self.every_step else later[T:]

    def usable(self, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """bool (N,): whether the windows at `starts` hold no gap that is too long."""
        if self.too_long is None:
            return np.ones(len(starts), bool)
        return free_of(self.too_long, starts, self.time_steps)

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

    @property
    def n_targets(self) -> int:
        """K, how many columns are forecast."""
        return len(self.target_index) if isinstance(self.target_index, tuple) else 1

    @cached_property
    def column(self) -> Array:
        """(n·K,) the targets, contiguous, row after row: the labels of a window are neighbours in it.

        Where a target is no label, 0.
        """
        target = self.values[:, self.target_index]
        return np.ascontiguousarray(target if self.known is None else np.where(self.known, target, 0)).reshape(-1)

    def of_target(self, column: int, known: npt.NDArray[np.bool_]) -> Windows:
        """The windows with the labels of one of the columns; `known` as above, for this column."""
        return replace(self, starts=self.given, target_index=column, known=None if known.all() else known)

    @cached_property
    def weights(self) -> Array:
        """(n·K,) what a row's targets count for as labels: 1, or 0 where one is none."""
        known = np.ones(self.column.shape, bool) if self.known is None else self.known.reshape(-1)
        return known.astype(self.values.dtype)

    @property
    def uneven(self) -> bool:
        """Whether a label of some window is not known, so that batches have weights."""
        return self._known is not None

    @property
    def each_start(self) -> npt.NDArray[np.int64]:
        """First rows of windows with one label that lie in the rows of these and of their labels, known or not.

        Sorted if L > 1.
        """
        if self.leads == 1:
            return self.given
        held = np.zeros(len(self.values), bool)
        for later in range(self.leads):
            held[self.given + later] = True
        return np.flatnonzero(held)

    def one_ahead(self) -> Windows:
        """The windows with one label each, a known one, that lie in the rows of these and of their labels."""
        if self.leads == 1 and not self.every_step and self.later is None:
            return self
        return replace(self, starts=self.each_start, every_step=False, leads=1, later=None)

    def series(self) -> Batch:
        """The stretch of rows that the windows of each series were cut from, as an example with a label at every step.

        The longest one stands first; what others lack at their end is 0.

        Raises
        ------
        DataError
            The windows of a series do not begin at every row of one stretch, or some hold a gap that is too long.
        """
        if self.too_long is not None:
            raise DataError(
                "training.bptt_steps goes along the whole series, so that data.longest_gap cannot leave windows out; "
                "leave one of both out."
            )
        of = np.searchsorted(self.firsts, self.starts, side="right")
        parts = [self._stretch(np.sort(self.starts[of == number])) for number in np.unique(of)]
        if len(parts) == 1:
            return parts[0]
        parts.sort(key=lambda part: -part.x.shape[1])
        lengths = np.array([part.x.shape[1] for part in parts])
        x, target = (_padded([getattr(part, name)[0] for part in parts]) for name in ("x", "target"))
        weights = [part.weight[0] for part in parts if part.weight is not None]  # of all, or of none
        weight = _padded(weights) if weights else None
        return Batch(x, target, lengths if lengths[-1] < lengths[0] else None, weight)

    def _stretch(self, starts: npt.NDArray[np.int64]) -> Batch:
        """The rows that ascending starts of one series go along."""
        first, last = int(starts[0]), int(starts[-1])
        every = np.arange(first, last + 1)
        if not np.array_equal(starts, every[self._n_known(every)[0] > 0]):
            raise DataError(
                "Windows: they do not begin at every row of one stretch, so there is no series to go along."
            )
        stop = last + self.time_steps
        weight = None
        if self.known is not None:
            known = self.known.reshape(len(self.values), -1).all(axis=1)
            labels = sliding_window_view(known, self.leads)[None, first + 1 : stop + 1]
            weight = labels.all(axis=2).astype(self.values.dtype)
        return Batch(self.values[None, first:stop], self._later[None, first + 1 : stop + 1], weight=weight)

    def _n_known(self, starts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], int]:
        """How many labels of the rows of each of the windows at `starts` are known, (N,), and how many each has."""
        first = 1 if self.every_step else self.time_steps
        n = (self.span - first) * self.n_targets
        if self.known is None:
            return np.full(len(starts), n), n
        before = np.r_[0, np.cumsum(self.known.reshape(len(self.values), -1).sum(axis=1))]
        return before[starts + self.span] - before[starts + first], n

    def lost(self, part: str) -> list[str]:
        """What gaps in the target have cost a part of that name: how many windows, and labels of others, in words."""
        n_known, n_labels = self._n_known(self.starts)
        given, kept, known = len(self.given), len(self), int(n_known.sum())
        lines = []
        n_usable = int(self.usable(self.given).sum())
        for lost, why in (
            (given - n_usable, "a gap longer than `longest_gap` stands in them"),
            (n_usable - kept, "none of their labels is known"),
        ):
            if lost:
                lines.append(f"{lost:,} of {given:,} {part} windows left out: {why}")
        if self.uneven:
            labels = kept * n_labels
            lines.append(f"{labels - known:,} of {labels:,} labels of {part} windows were gaps: they count nothing")
        return lines

    def gather(
        self, indices: npt.NDArray[np.integer[Any]] | slice, x: Array | None = None, y: Array | None = None
    ) -> Batch:
        """Windows and labels, as copies.

        Parameters
        ----------
        indices : (B,) which windows, counted within this set, or a slice.
        x : buffer (B, T, F) of any memory layout to fill, with later rows (B, T + count, F); None: a new array.
        y : buffer (B, L·K), or (B, T, L·K) with `every_step`; None: a new array.

        Returns
        -------
        The windows as x and the labels as target: the buffers, filled, or new arrays; and where some window of the
        set has an unknown label, weights of the labels' shape, 1 or 0.
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
        return Batch(x, y, weight=None if self._known is None else self._known[starts])


def rows_from(values: Array, starts: npt.NDArray[np.int64], count: int) -> Array:
    """Copies of `count` rows from each start on, (B, count, F); beyond the end of `values` its last row again."""
    rows: Array = np.take(values, starts[:, None] + np.arange(count), axis=0, mode="clip")
    return rows


def _padded(arrays: Sequence[Array]) -> Array:
    """Arrays, the longest of which comes first, as one, with 0 at the end of shorter ones."""
    found = np.zeros((len(arrays), *arrays[0].shape), arrays[0].dtype)
    for row, array in zip(found, arrays, strict=True):
        row[: len(array)] = array
    return found
