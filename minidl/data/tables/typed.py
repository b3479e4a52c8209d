"""Tables whose columns are numbers, times and texts already: DataFrames of pandas, Parquet files.

They are read as the CSV file that they would be written as: to the same bits, with the same gaps
and refusals. Numbers and times are taken as they are; whatever is wrong with one is said of its text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.data.steps import Times
from minidl.data.tables.cells import Column, padded
from minidl.data.tables.layout import MAX_TABLE, PLAIN, TextLayout
from minidl.data.tables.plain import LARGEST
from minidl.data.tables.rows import Rows, TableRows

# Numbers (of any float, int or uint), times (datetime64) without zone or in UTC, or texts.
Values = npt.NDArray[Any] | list[str]
_FIRST_TIME, _LAST_TIME = np.datetime64("0001-01-01", "s"), np.datetime64("9999-12-31T23:59:59", "s")
_NUMBERS_IN_TEXT = {"decimal", "thousands", "symbols"}  # of a layout; all else is of files of text


class TypedRows(TableRows):
    """The rows of a table with typed columns.

    Parameters
    ----------
    header : names of the columns.
    column_values : a column, by its number, and whether it is one of times in UTC.
    n_rows : of the table.
    name : how messages call the table.
    layout : how numbers are written in columns of texts.
    blank_rows : whether rows in which nothing stands are rows (of gaps).
    fewest : rows that it must have.

    Raises
    ------
    DataError
        Too few rows, a repeated column name, or a layout of a file of text.
    """

    def __init__(
        self,
        header: Sequence[str],
        column_values: Callable[[int], tuple[Values, bool]],
        n_rows: int,
        *,
        name: str,
        layout: TextLayout = PLAIN,
        blank_rows: bool = True,
        fewest: int = 2,
    ) -> None:
        self.name, self.layout, self.header = name, layout, [text.strip() for text in header]
        self._column_values = column_values
        self._rows: Rows | None = None  # those that are there, if not all are
        self._n_rows = n_rows
        for key, value in vars(PLAIN).items():
            if key not in _NUMBERS_IN_TEXT and getattr(layout, key) != value:
                raise DataError(f"{name}: the key `{key}` is for files of text; leave it out.")
        self.check_shape(fewest)
        if not blank_rows:
            self._leave_out_blank_rows()
            self.check_shape(fewest)

    def __len__(self) -> int:
        return self._n_rows

    def error(self, row: int, message: str) -> DataError:
        at = row if self._rows is None else int(self._rows[row])
        return DataError(
            f"{self.name}: row {at} (counted from 0): {message}" if row >= 0 else f"{self.name}: {message}"
        )

    def numbers_at_once(self, column: str, gaps: frozenset[str]) -> npt.NDArray[np.float64] | None:
        values, _ = self._values(self.index(column))
        if isinstance(values, list) or values.dtype.kind not in "iuf":
            return None
        if values.dtype.kind == "f" and values.dtype.itemsize < 8:  # 0.1 is 0.1, as in text
            values = np.array(list(map(str, values)), np.float64)
        numbers = values.astype(np.float64)
        empty = np.isnan(numbers)
        wrong = ("" not in gaps and empty.any()) or not (np.abs(numbers[~empty]) <= LARGEST).all()
        return None if wrong else numbers

    def times_at_once(self, column: str) -> tuple[Times, bool] | None:
        values, utc = self._values(self.index(column))
        if isinstance(values, list) or values.dtype.kind != "M" or np.isnat(values).any():
            return None
        times: Times = values.astype("datetime64[s]")
        whole = (times == values).all() and times.min() >= _FIRST_TIME and times.max() <= _LAST_TIME
        return (times, utc) if whole else None

    def cells(self, index: int) -> Column:
        values, utc = self._values(index)
        texts = _texts(values, utc, self.layout.decimal)
        if sum(map(len, texts)) + len(texts) > MAX_TABLE:
            raise DataError(f"{self.name}: column {self.header[index]}: more than {MAX_TABLE // 1_000_000} MB of text.")
        cells = [text.encode("utf-8", "replace") for text in texts]
        ends = np.cumsum([len(cell) + 1 for cell in cells], dtype=np.int64) - 1
        starts = np.concatenate([[0], ends[:-1] + 1])
        return Column(padded(b"\n".join(cells)), starts.astype(np.int32), ends.astype(np.int32))

    def _values(self, index: int) -> tuple[Values, bool]:
        values, utc = self._column_values(index)
        if self._rows is None:
            return values, utc
        return [values[row] for row in self._rows] if isinstance(values, list) else values[self._rows], utc

    def _leave_out_blank_rows(self) -> None:
        blank = np.ones(len(self), np.bool_)
        for index in range(len(self.header)):
            blank &= _empty(self._column_values(index)[0])
            if not blank.any():
                return
        self._rows = np.flatnonzero(~blank)
        self._n_rows = len(self._rows)


def _empty(values: Values) -> npt.NDArray[np.bool_]:
    if isinstance(values, list):
        blank = {text for text in set(values) if not text.strip()}
        return np.array([text in blank for text in values], np.bool_)
    if values.dtype.kind in "fM":
        return np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)
    return np.zeros(len(values), np.bool_)


def _texts(values: Values, utc: bool, decimal: str) -> list[str]:
    """A column as it would stand in a CSV file."""
    if isinstance(values, list):
        return values
    if values.dtype.kind == "M":
        return _time_texts(values, utc)
    if values.dtype.kind == "f":
        shown = map(repr, values.tolist()) if values.dtype.itemsize == 8 else map(str, values)
        return ["" if text == "nan" else text.replace(".", decimal) for text in shown]
    return list(map(str, values.tolist()))


def _time_texts(times: npt.NDArray[Any], utc: bool) -> list[str]:
    """ISO texts; of dates if all times are midnights."""
    known = times[~np.isnat(times)]
    days = not utc and bool((known == known.astype("datetime64[D]")).all())
    whole = bool((known == known.astype("datetime64[s]")).all())
    texts = np.datetime_as_string(times, unit="D" if days else "s" if whole else "auto").tolist()
    return ["" if text == "NaT" else text.replace("T", " ") + "+00:00" * utc for text in texts]
