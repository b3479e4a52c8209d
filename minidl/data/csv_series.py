"""Any table of numbers and categories in a CSV file, by column names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from minidl.core.arguments import Number, PositiveInt
from minidl.core.errors import ConfigError, DataError
from minidl.core.registry import register
from minidl.data.gaps import Gaps
from minidl.data.poison import Poison, forged_cells
from minidl.data.rearranged import rearranged_words
from minidl.data.series import Categories, Table
from minidl.data.series_kind import Series
from minidl.data.steps import Times
from minidl.data.tables import frames
from minidl.data.tables.frames import Frame
from minidl.data.tables.gap_problems import end_of_series, gap_problems, refuse_gaps, rows_after_the_end
from minidl.data.tables.layout import TextLayout
from minidl.data.tables.opening import open_table
from minidl.data.tables.plain import Wanted
from minidl.data.tables.problems import Problems
from minidl.data.tables.row_order import Arrangement, RowOrder
from minidl.data.tables.rows import TableRows
from minidl.data.tables.several import series_of_rows
from minidl.data.tables.time_keys import TimeKeys
from minidl.data.target import check_columns, named_targets

Features = Annotated[list[str], msgspec.Meta(min_length=1)]


@register
@dataclass(eq=False)
class CSVSeries(TextLayout, RowOrder, TimeKeys, Series):
    """A series, or several, from a CSV file, perhaps compressed with gzip, bzip2 or xz; or from a Parquet file.

    Parameters
    ----------
    path : the file; a relative path is relative to the working directory.
    target : the column that is forecast, one of `features`; or a list of several, which are forecast together.
    features : the columns that the model gets, in order.
    time : column of ISO times (``2014-12-31 23:00``), or the list of the
        columns for year, month, day and perhaps hour; None: rows have no
        times. Times must be evenly spaced, or follow the calendar (months,
        quarters, years). With offsets (``+01:00``) they become UTC.
    categories : for a column of texts, the number of each text.
    gaps : ``refuse`` stops at a gap; ``interpolate`` draws straight lines
        between the neighbours within a part, and gives a gap at a part's end the
        nearest value; in the test part a gap takes the last known value.
    missing : the texts that mean a gap; one that is a number means the number, however it is written.
    max_gap : a longer gap, in rows, is refused; None: none is.
    series_by : the column that says which of several series a row belongs to, as `AAPL` or `MSFT`; each has its own
        rows in order of time, all the same time apart. Or a list of columns that do so together, as shop and item.
        None: the table is one series.
    known_ahead : columns whose later values are known when a forecast is made, as holidays or prices are. Where rows at
        the end of a series have no target, they are no rows of the series: `minidl predict` takes from them what is
        known ahead.
    units : of the target, for messages and plots; of several a list, in their order.
    delimiter, encoding, column_names, skip_lines, comment, decimal, thousands : how it is written; see `TextLayout`.
    time_format, time_zone : how times are written, and where they are local; see `TimeKeys`.
    sort, duplicates, missing_times, steps : what becomes of rows out of order, of one time, left out; see `RowOrder`.

    Raises
    ------
    ConfigError
        The arguments contradict each other.
    """

    path: str
    target: str | Features
    features: Features
    time: str | list[str] | None = None
    categories: dict[str, dict[str, Number]] = field(default_factory=dict)
    gaps: Literal["refuse", "interpolate"] = "refuse"
    missing: list[str] = field(default_factory=lambda: ["", "NA", "nan", "NaN"])
    units: str | list[str] = ""
    max_gap: PositiveInt | None = field(default=None, kw_only=True)
    series_by: str | Features | None = field(default=None, kw_only=True)
    known_ahead: list[str] = field(default_factory=list, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._fewest_rows, self._frame = 2, Frame(None, None)
        check_columns(self.features, {"categories": self.categories, "known_ahead": self.known_ahead}, "CSVSeries")
        self._targets = named_targets(self.target, self.units, self.features, "CSVSeries")
        for name in {*self.known_ahead} & {*self._target_names}:
            raise ConfigError(f"CSVSeries: known_ahead: {name!r} is the target")
        self.check_times()
        for name in self._series_columns:
            if name in (*self._target_names, *self.time_columns):
                raise ConfigError(f"CSVSeries: series_by: {name!r} is the target, or one of the times.")
        asked = ["sort"] * self.sort
        asked += [name for name in ("duplicates", "missing_times") if getattr(self, name) != "refuse"]
        if asked and self.time is None:
            raise ConfigError(f"CSVSeries: {asked[0]}: also needs time, the column of times.")
        self.check_layout()

    @classmethod
    def from_frame(
        cls, frame: Any, target: str | list[str], features: list[str], time: Any = None, **more: Any
    ) -> CSVSeries:
        """The series of a DataFrame of pandas, read as the CSV file of it would be; its run needs it as a file later.

        An index with a name, or of times, is a column (``index``, where it has no name).

        Parameters
        ----------
        time : None: the index, if it holds times; else rows have none.
        more : further arguments of the class.

        Raises
        ------
        ConfigError, DataError
            As the class, and what is no DataFrame.
        """
        made = cls(frames.NAME, target, features, Frame.of(frame).index if time is None else time, **more)
        made._frame = Frame.of(frame)
        return made

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(self._target_names) if len(self._targets) > 1 else ()

    @property
    def _target_names(self) -> list[str]:
        return [self.features[target.column] for target in self._targets]

    @property
    def _series_columns(self) -> list[str]:
        """Those that `series_by` names."""
        return [self.series_by] if isinstance(self.series_by, str) else self.series_by or []

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(self.features)

    @property
    def known_categories(self) -> Categories:
        return self.categories

    def read(self, path: Path | None = None) -> Table:
        """The table of `path`, or of the series' own file.

        Raises
        ------
        DataError
            The file does not hold what it should; the message names line and column.
        StorageError
            The file cannot be read.
        """
        problems, utc = Problems(), False
        file = self._file(self.path if path is None else path, problems)
        times, arrangement, names = None, None, tuple[str, ...]()
        with problems:
            times, utc = self.times_of(file)
        with problems:
            if self.time is not None and times is None:
                self._check_order(file)
            else:
                arrangement, names = self._arrangement(file, times, all_there=not problems)
        values, no_rows = np.zeros((len(file), len(self.features))), None
        if self.known_ahead and (times is None or arrangement is not None):
            with problems:
                no_rows = rows_after_the_end(self._any_target(file), arrangement)
        for i, name in enumerate(self.features):
            before = len(problems)
            with problems:
                values[:, i] = self._column(file, name, None if name in self.known_ahead else no_rows)
            if len(problems) > before:  # its gaps are told all the same
                values[file.stands_for(name, self.missing), i] = np.nan
        with problems:
            gaps = np.isnan(values) if no_rows is None else np.isnan(values) & ~no_rows[:, None]
            refuse_gaps(file, self.features, self.gaps, gaps)
        problems.check()
        if arrangement is not None:
            values, times = self._arranged_values(values, arrangement), arrangement.times
        tables = []
        stretches = [slice(0, len(values))] if arrangement is None else arrangement.stretches()
        for series, rows in zip(names or ("",), stretches, strict=True):
            with problems:
                tables.append(self._table(file, values[rows], None if times is None else times[rows], series, utc))
        problems.check()
        try:
            return Table.joined(tables, rearranged_words(arrangement, averaged=self.duplicates == "average"))
        except DataError as err:
            raise DataError(f"{file.name}: {str(err).removeprefix('Table: ')}") from err

    def _check_order(self, file: TableRows) -> None:
        """DataError for rows out of order among those that have a time, where some have none."""
        if not isinstance(self.time, list) and self.series_by is None:
            times, rows = file.some_moments(self.time_columns, self._form)
            _, wrong = self.arranged(times, all_there=False)
            file.refuse({int(rows[row]): text for row, text in wrong.items()})

    def _arrangement(
        self, file: TableRows, times: Times | None, *, all_there: bool = True
    ) -> tuple[Arrangement | None, tuple[str, ...]]:
        """Which rows of the file become which of the table, and the names of its series; None: each stays."""
        arrangement, wrong, names = None, dict[int, str](), tuple[str, ...]()
        if self.series_by is not None:
            numbers, names = series_of_rows(file, self._series_columns)
            arrangement, wrong = self.arranged_by(numbers, times, names, all_there=all_there)
        elif times is not None:
            arrangement, wrong = self.arranged(times, all_there=all_there)
        file.refuse(wrong)
        return arrangement, names

    def _table(
        self, file: TableRows, values: npt.NDArray[np.float64], times: Times | None, series: str, utc: bool
    ) -> Table:
        """The rows of a series, whose gaps are filled; "" names the only one."""
        later = tuple[npt.NDArray[np.float64], ...]()
        if self.known_ahead:
            end = end_of_series(np.fmax.reduce(values[:, [target.column for target in self._targets]], axis=1))
            values, later, times = values[:end], (values[end:],), None if times is None else times[:end]
        where, gaps = np.isnan(values), None
        if problems := gap_problems(
            dict(zip(self.features, where.T, strict=True)), times, series, self.categories, self.max_gap, self.gaps
        ):
            of = f"{file.name}: {series}" if series else file.name
            raise DataError(*(f"{of}: {problem}" for problem in problems))
        if where.any():
            gaps = Gaps(where)
            values = gaps.fill(values)
        names: Any = {"series": (series,) if series else (), "known_ahead": (*self.known_ahead,), "later": later}
        names |= {"targets": (*self._targets,)} if self.targets else {}
        return Table(values, times, self.feature_names, *self._targets[0], gaps, utc, self.categories, **names)

    def read_later(self, path: Path) -> Table:
        if not self.known_ahead:
            return super().read_later(path)
        known = {name: texts for name, texts in self.categories.items() if name in self.known_ahead}
        columns: Any = {"target": self.known_ahead[0], "features": self.known_ahead, "known_ahead": [], "units": ""}
        other: CSVSeries = replace(self, **columns, categories=known, gaps="interpolate", max_gap=None)
        other._fewest_rows = 1
        return other.read(path)

    def forged(self, first: int, poison: Poison) -> bytes | None:
        return self.forged_each([first], poison)

    def forged_each(self, firsts: Sequence[int], poison: Poison) -> bytes | None:
        if poison == "gaps" and self.max_gap is not None:
            return None
        gaps = self.missing if self.gaps == "interpolate" or poison == "noise" else []
        numbers = {name: gaps for name in self.features if name not in self.categories}
        texts = {name: known for name, known in self.categories.items() if name not in self._series_columns}
        file = self._file(self.path)
        arrangement, _ = self._arrangement(file, self.times_of(file)[0])
        if arrangement is None:
            place = np.arange(len(file)) >= firsts[0]
        else:
            series = zip(arrangement.stretches(), firsts, strict=True)
            later = np.concatenate([np.arange(rows.stop - rows.start) >= first for rows, first in series])
            place = later[arrangement.place]
        if self.known_ahead:  # the series ends where it did: its last target stays, and what comes after it
            place &= ~rows_after_the_end(self._any_target(file), arrangement, last_too=True)
        return forged_cells(file, 1, numbers, texts, poison, place.astype(np.int64))

    def _file(self, path: str | Path, problems: Problems | None = None) -> TableRows:
        blank_rows, wanted = self.time is None, None
        if path == self.path == frames.NAME:
            return self._frame.rows(self, blank_rows)
        if self.series_by is None and not self.categories and not self.time_format and not isinstance(self.time, list):
            wanted = Wanted(self.features, frozenset(self.missing), self.time)
        return open_table(path, self, blank_rows=blank_rows, wanted=wanted, fewest=self._fewest_rows, problems=problems)

    def _arranged_values(self, values: npt.NDArray[np.float64], arrangement: Arrangement) -> npt.NDArray[np.float64]:
        average = np.array([self.duplicates == "average" and name not in self.categories for name in self.features])
        added = np.array([self.categories.get(name, {}).get("", np.nan) for name in self.features])
        return arrangement.values(values, average, added)

    def _column(self, file: TableRows, name: str, but: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.float64]:
        """A column of the file; NaN in rows `but`, where it holds a category."""
        if name not in self.categories:
            return file.numbers(name, self.missing)
        if but is None:
            return file.categories(name, self.categories[name], self.missing)
        values = np.full(len(file), np.nan)
        values[~but] = file.categories(name, self.categories[name], self.missing, np.flatnonzero(~but))
        return values

    def _any_target(self, file: TableRows) -> npt.NDArray[np.float64]:
        """(n,): the target, or the largest one that is known of several; NaN where none is."""
        found: npt.NDArray[np.float64] = np.fmax.reduce([self._column(file, name) for name in self._target_names])
        return found
