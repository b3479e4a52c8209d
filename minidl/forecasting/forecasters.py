"""Forecasters: from a window's first row to the next rows of the target.

All work on one table of scaled rows. A forecaster is called with the first rows
of windows and a horizon k, and returns (windows, k): the target 1 ... k rows after
each window. The recursive ones are given their own predictions for the target and,
for all other columns, what `Covariates` says: unless told otherwise the *true* later
rows, as in the textbook.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from minidl.core.layer import Array, Context, Layer
from minidl.core.workspace import Workspace
from minidl.data import Table
from minidl.data.later import COVARIATES as COVARIATES
from minidl.data.later import Covariates as Covariates
from minidl.data.later import Later, day_of, given_later
from minidl.data.windows import rows_from
from minidl.training import Source

Starts = npt.NDArray[np.int64]
CHUNK = 1024
_MOST = 1 << 28  # bytes of answers that are kept


class Forecaster(Protocol):
    """What is scored: the model and every baseline."""

    def __call__(self, starts: Starts, horizon: int) -> Array:
        """Scaled forecasts, (len(starts), horizon)."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The scaled table that forecasts are made on.

    Parameters
    ----------
    values : (n, F), C-contiguous.
    time_steps : T, rows of a window.
    target_index : the column that is forecast.
    day : how many rows a day has, for ``same_hour_yesterday``; None: not known.
    known_ahead : columns whose later values a forecast is given, whatever it assumes of others.
    of_target : columns that give the target away; their later values it is never given.
    later_rows : A, rows after its window that the model reads.
    targets : all columns that are forecast, where they are several; later values of them, too, are never given.
    """

    values: Array = field(repr=False)
    time_steps: int
    target_index: int
    day: int | None = None
    known_ahead: tuple[int, ...] = ()
    of_target: tuple[int, ...] = ()
    later_rows: int = 0
    targets: tuple[int, ...] = ()

    @classmethod
    def of(cls, table: Table, values: Array, time_steps: int, later_rows: int = 0) -> Rows:
        """A table's rows, with their scaled values."""
        known, made = ((*map(table.feature_names.index, names),) for names in (table.known_ahead, table.of_target))
        targets = table.target_columns if table.targets else ()
        return cls(values, time_steps, table.target_index, table.rows_of_a_day, known, made, later_rows, targets)

    @property
    def target(self) -> Array:
        """The target column, (n,)."""
        column: Array = self.values[:, self.target_index]
        return column

    def windows(self, starts: Starts) -> Array:
        """Copies of windows, (len(starts), T, F)."""
        view = sliding_window_view(self.values, self.time_steps, axis=0)
        return np.ascontiguousarray(view[starts].transpose(0, 2, 1))

    def windows_ahead(self, starts: Starts, j: int, covariates: Covariates) -> Array:
        """Copies of the windows that begin j rows after `starts`, of T rows and A later ones, (len(starts), T + A, F).

        The last min(j, T) + A rows are not known yet. Columns that are known ahead are as they came there, and
        the target has its last known value. The other columns are, by `covariates`: ``actual``: as they came, but
        for those `of_target`, which are as with ``hold_last``: those of the last known row;
        ``same_hour_yesterday``: those of the latest known row at the same time of day, so many `day` rows before.

        Raises
        ------
        DataError
            Yesterday is asked for, and `day` is not known.
        """
        if j + self.later_rows == 0:
            return self.windows(starts)
        x = rows_from(self.values, starts + j, self.time_steps + self.later_rows)
        given = frozenset(given_later(x.shape[2], covariates, self.known_ahead, self.of_target)) - {*self.targets}
        later = Later((self.target_index,), given, day_of(covariates, self.day))
        later.hide(x, self.values, starts + self.time_steps, j + self.later_rows)
        return x

    def given_later(self, covariates: Covariates) -> list[int]:
        """The columns but for the target whose later values a forecast is given as they came."""
        given = given_later(self.values.shape[1], covariates, self.known_ahead, self.of_target)
        return sorted(given - {self.target_index, *self.targets})

    def truth(self, starts: Starts, horizon: int) -> Array:
        """What really came, (len(starts), horizon)."""
        rows = starts[:, None] + self.time_steps + np.arange(horizon)
        later: Array = self.target[rows]
        return later


class Recursive:
    """Predictions fed back: the window j rows on has its last j target values overwritten by predictions.

    What predicts one row at a time is asked for each of them. What predicts L rows is asked for every
    L-th: where that is as many as are wanted, once, and nothing is fed back (a direct forecast).

    Parameters
    ----------
    rows : the table.
    next_rows : (B, T, F) windows to (B, L) predictions of the next rows' target; with `together` (B, L·K), of all K
        targets of the table, those of a row side by side.
    covariates : what stands for the other columns' later rows; see `Rows.windows_ahead`.
    together : whether all targets are forecast, each from what is predicted of all.
    """

    def __init__(
        self,
        rows: Rows,
        next_rows: Callable[[Array], Array],
        covariates: Covariates = "actual",
        *,
        together: bool = False,
    ) -> None:
        self.rows = rows
        self.next_rows = next_rows
        self.covariates = covariates
        self.columns: tuple[int, ...] = (rows.targets if together else ()) or (rows.target_index,)

    def __call__(self, starts: Starts, horizon: int) -> Array:
        """Scaled forecasts of the target, (len(starts), horizon), computed in chunks."""
        return self.of_all(starts, horizon)[:, :, self.columns.index(self.rows.target_index)]

    def of_all(self, starts: Starts, horizon: int) -> Array:
        """Scaled forecasts of all targets that are forecast together, (len(starts), horizon, K)."""
        K = len(self.columns)
        forecasts = np.empty((len(starts), horizon, K), self.rows.values.dtype)
        for first in range(0, len(starts), CHUNK):
            chunk = forecasts[first : first + CHUNK]
            j = 0
            while j < horizon:
                x = self.windows(starts[first : first + CHUNK], chunk[:, :j])
                y = self.next_rows(x).reshape(len(x), -1, K)
                chunk[:, j : j + y.shape[1]] = y[:, : horizon - j]
                j += y.shape[1]
        return forecasts

    def windows(self, starts: Starts, made: Array) -> Array:
        """What the next rows are predicted from, after the predictions `made` (B, j, K) of j rows."""
        T, j, column = self.rows.time_steps, made.shape[1], self.columns[0]
        target = [*self.columns] if len(self.columns) > 1 else slice(column, column + 1)
        x = self.rows.windows_ahead(starts, j, self.covariates)
        fed = min(j, T)
        x[:, T - fed : T, target] = made[:, j - fed :]
        x[:, T:, target] = x[:, T - 1 : T, target]
        return x


def nothing_made(starts: Starts) -> Array:
    """No predictions yet; see `Recursive.windows`."""
    return np.empty((len(starts), 0, 1))


class Remembered:
    """Answers to first rows of windows and a horizon, each made once, since the scores of each of several targets and
    of all together ask for the same. Those beyond 256 MiB are made again.

    Parameters
    ----------
    ask : what makes them; they are not written to.
    """

    def __init__(self, ask: Callable[[Starts, int], Array]) -> None:
        self._ask = ask
        self._known: dict[tuple[bytes, int], Array] = {}

    def __call__(self, starts: Starts, horizon: int) -> Array:
        """What `ask` says."""
        asked = starts.tobytes(), horizon
        if asked in self._known:
            return self._known[asked]
        found = self._ask(starts, horizon)
        if sum(one.nbytes for one in self._known.values()) + found.nbytes <= _MOST:
            self._known[asked] = found
        return found


def model_next_rows(model: Layer) -> Callable[[Array], Array]:
    """A model's predictions (B, L) for the rows after each window; of its last time step, if it outputs all."""
    workspace = Workspace()

    def next_rows(x: Array) -> Array:
        y, _ = model.forward(x, Context(workspace=workspace))
        last: Array = y[:, -1] if y.ndim == 3 else y
        return last

    return next_rows


class Persistence:
    """ "Same as now": the last known value of the target, for every lead."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __call__(self, starts: Starts, horizon: int) -> Array:
        """Scaled forecasts, (len(starts), horizon)."""
        last = self.rows.target[starts + self.rows.time_steps - 1]
        return np.repeat(last[:, None], horizon, axis=1)


class Seasonal:
    """ "Same as a day ago": the latest known value at the same time of day.

    Parameters
    ----------
    period : rows of a season; 24 for a day of hours, 48 for one of half hours.
    """

    def __init__(self, rows: Rows, period: int) -> None:
        self.rows = rows
        self.period = period

    def __call__(self, starts: Starts, horizon: int) -> Array:
        """Scaled forecasts, (len(starts), horizon)."""
        lead = np.arange(horizon)
        back = self.period * (lead // self.period + 1)
        return self.rows.target[starts[:, None] + self.rows.time_steps + (lead - back)]


class Linear(Recursive):
    """Ridge regression on the flattened window: the target's next value is w · window + c.

    Minimises Σ (w · x + c - y)² + λ |w|² over the training windows, by the
    normal equations in float64; c is not penalised. Recursive like the model. Columns made
    from the target are left out, for nobody knows their later values.

    Parameters
    ----------
    train : the training windows, with one label each.
    ridge : λ > 0, in units of the scaled values squared.
    covariates : as for `Recursive`.
    """

    def __init__(self, rows: Rows, train: Source, ridge: float = 1e-3, covariates: Covariates = "actual") -> None:
        self._columns = [i for i in range(rows.values.shape[1]) if i not in rows.of_target]
        size = rows.time_steps * len(self._columns) + 1
        normal, right = np.zeros((size, size)), np.zeros(size)
        for first in range(0, len(train), CHUNK):
            batch = train.gather(slice(first, first + CHUNK))
            x, y = batch.x, batch.target
            flat = np.ones((len(x), size))
            flat[:, :-1] = self._flat(x)
            normal += flat.T @ flat
            right += flat.T @ y.reshape(len(y), -1)[:, -1]  # of the last step, where there is one label a step
        normal[np.arange(size - 1), np.arange(size - 1)] += ridge
        self.coefficients: Array = np.linalg.solve(normal, right)
        super().__init__(rows, self._next_row, covariates)

    def _next_row(self, x: Array) -> Any:
        y = self._flat(x) @ self.coefficients[:-1] + self.coefficients[-1]
        return y[:, None]

    def _flat(self, x: Array) -> Array:
        seen: Array = x if len(self._columns) == x.shape[2] else x[:, :, self._columns]
        return seen.reshape(len(x), -1)
