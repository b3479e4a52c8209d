"""Columns of cells as numbers, categories and times, wherever the cells stand.

Every complaint names the table, the row and the column. Nothing is dropped or guessed: a
text that is no number stops the reading.
"""

from __future__ import annotations

import csv
import io
import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.core.registry import suggest
from minidl.data.steps import Times
from minidl.data.tables.cells import Column, other_delimiter
from minidl.data.tables.decimals import decimals, whole_numbers
from minidl.data.tables.layout import TextLayout
from minidl.data.tables.number_texts import DIGITS, as_float, finite_number, shown, whole_number
from minidl.data.tables.time_formats import TimeFormat
from minidl.data.timestamps import ISO

T = TypeVar("T")
Rows = npt.NDArray[np.int64]
_SHOWN = 3  # wrong texts of a column


class TableRows(ABC):
    """The rows of a table, by columns with names.

    Attributes
    ----------
    name : how messages call the table.
    layout : how numbers are written in it.
    header : the columns' names.
    """

    name: str
    layout: TextLayout
    header: list[str]

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def error(self, row: int, message: str) -> DataError:
        """An error at a row of data (counted from 0; -1 is the header)."""

    @abstractmethod
    def cells(self, index: int) -> Column:
        """The cells of a column, as text."""

    def numbers_at_once(self, column: str, gaps: frozenset[str]) -> npt.NDArray[np.float64] | None:
        """(n,): the column's numbers, NaN at gaps, where they are known without its cells; None: they are not."""
        return None

    def times_at_once(self, column: str) -> tuple[Times, bool] | None:
        """What `moments` gives for a column of ISO times, where that is known without its cells; None: it is not."""
        return None

    def check_shape(self, fewest: int = 2) -> None:
        """DataError for a name that two columns have, or fewer rows than are needed."""
        for column, times in Counter(self.header).items():
            if column and times > 1:
                raise self.error(-1, f"the column {column!r} appears {times} times; rename all but one.")
        if len(self) < fewest:
            what = "only one row of data" if len(self) else "a header but no rows of data"
            raise DataError(f"{self.name}: {what}; a series needs at least 2 rows.")

    def texts(self, column: str) -> list[str]:
        """The cells of a column, without white space around them.

        Raises
        ------
        DataError
            No such column; the message suggests the nearest one.
        """
        return self.column(column).texts()

    def index(self, column: str) -> int:
        """The number of a column; raises as `texts`."""
        if column not in self.header:
            other = other_delimiter(self.header)
            if other:  # the same for every column that is asked for, and told once
                raise self.error(-1, f"the header is one cell{other}")
            hint = suggest(column, self.header) or f"; the header is {', '.join(self.header[:20])}, ..."
            raise self.error(-1, f"no column {column!r}{hint}")
        return self.header.index(column)

    def column(self, column: str) -> Column:
        """The cells of a column, by its name; raises as `texts`."""
        return self.cells(self.index(column))

    def numbers(self, column: str, missing: Collection[str] | None = None) -> npt.NDArray[np.float64]:
        """float64 (n,): the column as finite numbers; NaN where the text is one of `missing`, or the number of one.

        Parameters
        ----------
        missing : that a series has for gaps; None: this is no series, and has none.

        Raises
        ------
        DataError
            A cell is neither a finite number nor missing.
        """
        gaps = frozenset(missing or ())
        numbers = map(as_float, map(self.layout.number, gaps))
        missing_numbers = frozenset(filter(math.isfinite, numbers))  # -200.0 is -200

        def number(text: str) -> float:
            value = math.nan if text in gaps else finite_number(text, self.layout, of_series=missing is not None)
            return math.nan if value in missing_numbers else value

        if (values := self.numbers_at_once(column, gaps)) is not None:
            return np.where(np.isin(values, list(missing_numbers)), math.nan, values) if missing_numbers else values
        values, known = decimals(self.column(column), self.layout.decimal)
        if missing_numbers:
            values[np.isin(values, list(missing_numbers)) & known] = math.nan
        rest = np.flatnonzero(~known)
        values[rest] = self.convert(column, number, rest)
        return values

    def stands_for(self, column: str, texts: Collection[str]) -> npt.NDArray[np.bool_]:
        """(n,): whether one of the texts stands in the column; nowhere, where there is no such column."""
        if column not in self.header:
            return np.zeros(len(self), np.bool_)
        return np.isin(self.texts(column), list(texts))

    def categories(
        self, column: str, numbers: Mapping[str, float], missing: Collection[str] = (), rows: Rows | None = None
    ) -> npt.NDArray[np.float64]:
        """float64 (n,): the column, in these rows (None: in all), with each text replaced by its number.

        Raises
        ------
        DataError
            A text has no number.
        """

        def number(text: str) -> float:
            if text in numbers:
                return numbers[text]
            if text in missing:
                raise ValueError(
                    f"{shown(text)} is a gap, and a category cannot be interpolated; give it a number in `categories`."
                )
            raise ValueError(f"unknown category {shown(text)}{suggest(text, numbers)}")

        return np.array(self.convert(column, number, rows), dtype=np.float64)

    def moments(self, columns: Sequence[str], form: TimeFormat = ISO) -> tuple[Times, bool]:
        """datetime64[s] (n,): times from cells joined by spaces; whether they have an offset, and are in UTC thereby.

        Raises
        ------
        DataError
            A cell is no time of this form, or some have an offset and some not.
        """
        if form is ISO and len(columns) == 1 and (found := self.times_at_once(columns[0])) is not None:
            return found
        cells = [self.column(column) for column in columns]
        seconds, zoned, known = form.read(cells)
        rest = np.flatnonzero(~known)
        texts = list(map(" ".join, zip(*(column.take(rest).texts() for column in cells), strict=True)))
        named = " and ".join(columns)
        seconds[rest] = np.array(self._converted(texts, form.parse, named, rest), "datetime64[s]").astype(np.int64)
        zoned[rest] = list(map(form.has_offset, texts))
        if zoned.any() and not zoned.all():
            row = int(np.argmax(zoned != zoned[0]))
            raise self.error(
                row,
                f"column {named}: a time {'with' if zoned[row] else 'without'} an offset from UTC (Z or +01:00), "
                "unlike those above; give one to all or to none.",
            )
        return seconds.astype("datetime64[s]"), bool(zoned.all())

    def all_times(self, column: str, form: TimeFormat) -> bool:
        """Whether all cells of a column are times of this form."""
        cells = self.column(column)
        _, _, known = form.read([cells])
        return all(map(form.matches, cells.take(np.flatnonzero(~known)).texts()))

    def some_moments(self, columns: Sequence[str], form: TimeFormat) -> tuple[Times, Rows]:
        """datetime64[s] (m,): the times of those rows that have one, and which they are (m,)."""
        cells = [self.column(column) for column in columns]
        seconds, _, known = form.read(cells)
        for row in np.flatnonzero(~known):
            text = " ".join(column.take(np.array([row])).texts()[0] for column in cells)
            if form.matches(text):
                seconds[row], known[row] = np.datetime64(form.parse(text), "s").astype(np.int64), True
        rows = np.flatnonzero(known)
        return seconds[rows].astype("datetime64[s]"), rows

    def timestamps_from_parts(self, columns: Sequence[str]) -> Times:
        """datetime64[s] (n,): times from the columns for year, month, day and perhaps hour, in any order.

        Raises
        ------
        DataError
            A row is no valid time.
        """
        parts = [self._whole_numbers(column) for column in columns]
        year, month, day = parts[:3]
        hour = parts[3] if len(parts) > 3 else np.zeros_like(day)
        months = (12 * (year - 1970) + month - 1).astype("datetime64[M]")
        days = months.astype("datetime64[D]") + (day - 1)
        # A day that its month does not have ends up in another month.
        right = (year > 0) & (month >= 1) & (month <= 12) & (days.astype("datetime64[M]") == months) & (hour < 24)
        if not right.all():
            row = int(np.argmin(right))
            shown = ", ".join(f"{name} {part[row]}" for name, part in zip(columns, parts, strict=True))
            raise self.error(row, f"{shown}: no such time.")
        return np.asarray(days.astype("datetime64[s]") + hour * np.timedelta64(3600, "s"))

    def _whole_numbers(self, column: str) -> Rows:
        """int64 (n,): the column as whole numbers of few digits; raises as `numbers`."""
        values, known = whole_numbers(self.column(column), DIGITS)
        rest = np.flatnonzero(~known)
        values[rest] = self.convert(column, whole_number, rest)
        return values

    def with_cells(self, first: int, cells: Mapping[str, Callable[[int], str]], place: Rows | None = None) -> bytes:
        """The bytes of a file of text with other cells in some columns, from row `first` (counted from 0) on.

        Parameters
        ----------
        cells : by column, the new text of a row.
        place : of the table's rows, where each stands among those that are counted; None: where it stands in the table.
        """
        changed = np.flatnonzero((np.arange(len(self)) if place is None else place) >= first).tolist()
        columns = [self.cells(i).texts() for i in range(len(self.header))]
        for column, new in cells.items():
            for row in changed:
                columns[self.header.index(column)][row] = new(row)
        text = io.StringIO(newline="")
        text.write("\n" * self.layout.skip_lines)
        header = [] if self.layout.column_names else [self.header]
        rows = zip(*columns, strict=True)
        how: Any = csv.QUOTE_ALL if self.layout.delimiter == " " else csv.QUOTE_MINIMAL  # several blanks are one
        csv.writer(text, delimiter=self.layout.delimiter, lineterminator="\n", quoting=how).writerows([*header, *rows])
        text.write("end\n" * self.layout.skip_end)
        return text.getvalue().encode(self.layout.encoding)

    def convert(self, column: str, function: Callable[[str], T], rows: Rows | None = None) -> list[T]:
        """The function's value for each cell (of `rows`; None: all); its ValueError becomes an error at the cell."""
        cells = self.column(column)
        texts = cells.texts() if rows is None else cells.take(rows).texts()
        return self._converted(texts, function, column, rows)

    def _converted(self, texts: list[str], function: Callable[[str], T], column: str, rows: Rows | None) -> list[T]:
        known: dict[str, T] = {}
        wrong: list[str] = []
        for text in dict.fromkeys(texts):  # each once, in order, so that the first wrong cell is named
            try:
                known[text] = function(text)
            except ValueError as err:
                row = texts.index(text)
                wrong.append(str(self.error(row if rows is None else int(rows[row]), f"column {column}: {err}")))
        if wrong:
            more = len(wrong) - _SHOWN
            wrong[_SHOWN:] = [f"{self.name}: column {column}: {more} texts more are wrong."] * (more > 0)
            raise DataError(*wrong)
        return list(map(known.__getitem__, texts))

    def refuse(self, problems: Mapping[int, str]) -> None:
        """DataError for what is wrong with rows, if anything is."""
        if problems:
            raise DataError(*(self.error(*problem) for problem in sorted(problems.items())))
