"""From a series to scaled windows for training, validation and testing.

Parts follow each other in time: training rows, then test rows. No window
reaches over the border between two parts. Where a table holds several series,
each is cut so, and no window reaches from one into another.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import PositiveInt
from minidl.core.errors import ConfigError, DataError
from minidl.core.registry import register
from minidl.core.text import counted
from minidl.data.data import Data
from minidl.data.features import Feature, derive, derived_names
from minidl.data.known_ahead import one_row_early
from minidl.data.later import Covariates, Later
from minidl.data.long_gaps import rows_too_long
from minidl.data.notes import notes_of
from minidl.data.scalers import MinMaxScaler, ScaleFit, Scaler, fit_each, scaled_rows
from minidl.data.series import Table
from minidl.data.series_kind import Series
from minidl.data.test_rows import rows_left
from minidl.data.validation import Starts, Validation, check_parts, window_starts
from minidl.data.windows import Windows


@dataclass(frozen=True, eq=False)
class Splits:
    """A table cut into parts.

    Parameters
    ----------
    table : the rows, unscaled.
    scale : the fitted scaling.
    values : (n, F), all rows scaled, C-contiguous; the windows of all parts view it.
    train, validation, test : windows; validation may be None. Those of the test part, from whose
        ends forecasts are made, have one label each; which of them are scored, `Table.target_known` says.
    n_train_rows : rows before the test part, validation rows included; of one series, the
        first test row has this index.
    fit_on : the rows that the scaling was fitted on, as `Scaler.fit_on` says.
    refit : the windows of train and validation together, where what is chosen is fitted to both in the end; None: not.
    test_rows : of each series, at its end; empty: equally many of each.
    """

    table: Table = field(repr=False)
    scale: ScaleFit = field(repr=False)
    values: npt.NDArray[Any] = field(repr=False)
    train: Windows
    validation: Windows | None
    test: Windows
    n_train_rows: int
    fit_on: str = "train"
    refit: Windows | None = None
    test_rows: tuple[int, ...] = ()

    @property
    def taught(self) -> Windows:
        """What forecasts beside a model are fitted to, as the model is in the end: train, or `refit`."""
        return self.train if self.refit is None else self.refit

    @property
    def leads(self) -> int:
        """How many rows are forecast at once."""
        return self.train.leads

    def of_targets(self) -> list[Splits]:
        """The same for each of the table's targets, as of it alone; see `Table.of_targets`."""
        if not self.table.targets:
            return [self]
        return [self._of_target(table) for table in self.table.of_targets()]

    def _of_target(self, table: Table) -> Splits:
        column, known = table.target_index, table.target_known
        parts = self.train, self.validation, self.refit
        train, validation, refit = (None if part is None else part.of_target(column, known) for part in parts)
        test = replace(self.test, target_index=column)
        return replace(self, table=table, train=train or self.train, validation=validation, refit=refit, test=test)

    @property
    def later_rows(self) -> int:
        """How many rows after its window the model reads."""
        return 0 if self.test.later is None else self.test.later.count

    @cached_property
    def in_test(self) -> npt.NDArray[np.bool_]:
        """(n,): which rows are test rows."""
        of_each = len(self.table.firsts)
        left = self.test_rows or ((len(self.table) - self.n_train_rows) // of_each,) * of_each
        found = np.zeros(len(self.table), bool)
        for rows, n in zip(self.table.stretches(), left, strict=True):
            found[rows.stop - n : rows.stop] = True
        return found

    def scale_at(self, starts: Starts) -> ScaleFit:
        """The scaling of arrays whose first axis is that of windows with these first rows."""
        return self.scale.at(self.table.series_of(starts))

    def facts(self) -> dict[str, Any]:
        """How many rows the table has, and the SHA-256 of its columns' names and values."""
        table = self.table
        said = [table.feature_names, table.target_index, *([table.series, table.firsts] if table.series else [])]
        said += [table.targets] if table.targets else []
        digest = hashlib.sha256(json.dumps(said).encode())
        digest.update(np.ascontiguousarray(self.table.values, "<f8").tobytes())
        return {"rows": len(self.table), "sha256": digest.hexdigest()}

    def columns(self) -> dict[str, Any]:
        """The columns' names, and the time from row to row."""
        return {"columns": self.table.feature_names, "step": self.table.step_name()}

    def notes(self) -> list[str]:
        """What whoever trains on them should know; see `minidl.data.notes`."""
        parts = {"training": self.train, "validation": self.validation}
        return notes_of(self.table, self.in_test, self.leads, parts)


@register
@dataclass(eq=False)
class WindowData(Data):
    """A series cut into windows: the ``data`` section of a config that gives no other ``type``.

    Parameters
    ----------
    series : where the rows come from.
    scaler : how columns are scaled; the label is scaled as its column. Each of several series has its own
        scaling, see `minidl.data.scalers.fit_each`, unless the scaler says otherwise.
    time_steps : rows per window.
    test_size : rows at the end of the table, or of each of its series, that form the test part.
    validation : which windows are used for validation, of each series so many; None: no validation.
    derived : features that are made from the series' columns, one after the other.
    test_by_time : whether the test parts of several series begin at one time, that of the series which ends last;
        those that end earlier have fewer test rows, or none.
    longest_gap : windows in which a longer gap stands, in rows of a column, are left out of training and validation;
        scores are of all. None: none is too long.

    Raises
    ------
    ConfigError
        test_size or the validation's size leaves no room for a single window, or a
        feature is made from a column that there is not.
    """

    series: Series
    scaler: Scaler = field(default_factory=MinMaxScaler)
    time_steps: PositiveInt = 24
    test_size: PositiveInt = 8760
    validation: Validation | None = None
    derived: list[Feature] = field(default_factory=list)
    test_by_time: bool = field(default=False, kw_only=True)
    longest_gap: PositiveInt | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.test_size <= self.time_steps:
            raise ConfigError(
                f"WindowData: test_size: {self.test_size} rows give no window of {self.time_steps} time steps; "
                f"at least {self.time_steps + 1} rows are needed."
            )
        if self.validation is not None:
            self.validation.check(self.time_steps)
        self.scaler.check(self.feature_names)

    @property
    def input_shape(self) -> tuple[int, int]:
        """(time steps, features) of one window; nothing is read."""
        return self.time_steps, len(self.feature_names)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the series, and what is derived from them."""
        return derived_names(self.derived, self.series.feature_names, self.series.known_categories)

    @property
    def known_ahead(self) -> tuple[str, ...]:
        """Those that a series says are known ahead; without what is derived from the time."""
        return (*getattr(self.series, "known_ahead", ()),)

    @property
    def has_validation(self) -> bool:
        """Whether `validation` is set."""
        return self.validation is not None

    def test_rows(self, table: Table) -> tuple[int, ...]:
        """How many rows at the end of each of a table's series are for testing."""
        return rows_left(table, self.test_size, self.test_by_time)

    def borders(self, n_rows: int, test_rows: int | None = None) -> tuple[int, ...]:
        """First rows of all parts of a series of `n_rows` rows, but for the first; the last one is the test part's."""
        border = n_rows - (self.test_size if test_rows is None else test_rows)
        return (*(() if self.validation is None else self.validation.borders(border)), border)

    def rows(self, table: Table) -> Table:
        """The rows that windows are cut from: gaps filled part by part, derived features added."""
        return Table.joined(list(map(self._rows_of, table.each(), self.test_rows(table))))

    def _rows_of(self, one: Table, test_rows: int) -> Table:
        borders = self.borders(len(one), test_rows)
        return derive(self.derived, one_row_early(one.divided(borders), borders))

    def derive(self, table: Table) -> Table:
        """A series whose gaps are filled, what is known ahead one row early, with the derived features."""
        return derive(self.derived, one_row_early(table))

    def load(
        self,
        dtype: npt.DTypeLike = "float32",
        rng: np.random.Generator | None = None,
        *,
        every_step: bool = False,
        leads: int = 1,
        later_rows: int = 0,
        covariates: Covariates = "hold_last",
    ) -> Splits:
        """Read, scale and cut.

        Parameters
        ----------
        dtype : of the scaled values; the scaling itself is done in float64.
        rng : source of random numbers for `SampleValidation`.
        every_step : labels at every step of a window, see `Windows`.
        leads : labels of a window for training and validation, all of which lie in its part.
        later_rows : how many rows after it a window holds, fewer than `leads`.
        covariates : what stands in them; see `Forecast`.

        Raises
        ------
        DataError
            The file does not hold what it should, or has too few rows.
        StorageError
            The file cannot be read.
        """
        table, T = self.series.read(), self.time_steps
        left = self.test_rows(table)
        parts, stretches = self._starts(table, T + leads, rng), table.stretches()
        borders = [self.borders(rows.stop - rows.start, n) for rows, n in zip(stretches, left, strict=True)]
        too_long = rows_too_long(table, self.longest_gap, borders)
        table = self.rows(table)
        scale = self._fitted(table)
        values = scaled_rows(table, scale, dtype)
        rest = (T, table.target_columns if table.targets else table.target_index, every_step)
        later = Later.of(table, covariates, later_rows, T) if later_rows else None
        known = None if table.labels_known.all() else table.labels_known
        more: Any = (leads, known, later, table.firsts, too_long)
        train, *validation = [Windows(values, starts, *rest, *more) for starts in parts]
        pairs = zip(stretches, left, strict=True)
        tests = [window_starts(rows.stop - n, rows.stop, T + 1) for rows, n in pairs if n > T]
        test = Windows(values, np.concatenate(tests), *rest, 1, None, later, table.firsts)
        checked = validation[0] if validation else None
        return Splits(
            table, scale, values, train, checked, test, len(table) - sum(left), self.scaler.fit_on, test_rows=left
        )

    def _starts(self, table: Table, span: int, rng: np.random.Generator | None) -> list[Starts]:
        """First rows of all training windows, and of all validation windows if there are any."""
        found, wrong = [], []
        for rows, left, name in zip(table.stretches(), self.test_rows(table), table.series or ("",), strict=True):
            try:
                n = rows.stop - rows.start
                found.append([rows.start + starts for starts in self._starts_of(n, n - left, span, rng)])
            except DataError as err:
                wrong.append(f"series {name!r}: {err}" if name else str(err))
        if wrong:
            more = [f"so it is with {counted(len(wrong) - 1, 'other')} of the {len(table.series)} series."]
            raise DataError(*wrong[:1], *more * (len(wrong) > 1))
        return [np.concatenate(starts) for starts in zip(*found, strict=True)]

    def _starts_of(self, n: int, border: int, span: int, rng: np.random.Generator | None) -> list[Starts]:
        """The same of a series of n rows, those before `border` for training."""
        if border < span:
            raise DataError(
                f"{type(self.series).__name__}: {n} rows and test_size {n - border} leave {max(border, 0)} rows "
                f"for training; a window and what it forecasts take {span}."
            )
        if self.validation is None:
            return [window_starts(0, border, span)]
        parts = [*self.validation.divide(border, span, rng)]
        check_parts(self.validation, parts, border, span)
        return parts

    def _fitted(self, table: Table) -> ScaleFit:
        """The scaling, of each series where there are several."""
        left = self.test_rows(table) if self.scaler.fit_on == "train" else (0,) * len(table.firsts)
        parts = [table.values[rows.start : rows.stop - n] for rows, n in zip(table.stretches(), left, strict=True)]
        if table.series and self.scaler.per_series:
            return fit_each(self.scaler, parts, table.feature_names, table.series)
        return self.scaler.fit_columns(np.concatenate(parts), table.feature_names)
