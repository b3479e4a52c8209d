"""A CSV file as columns of text, and those as numbers, categories and times.

Every complaint names file, line and column. Nothing is dropped or guessed: a
row of the wrong length or a text that is no number stops the reading.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.core.registry import suggest
from minidl.data.tables.cells import Cells, Column, other_delimiter
from minidl.data.tables.decimals import decimals
from minidl.data.timestamps import ISO, has_offset, parse_time, spacing_problem
from minidl.files.reading import read_given

T = TypeVar("T")
Rows = npt.NDArray[np.int64]
LARGEST = 1e140  # squares of values, summed up, must stay finite

MAX_TABLE = 500_000_000  # bytes; as lists of texts they are many times as large

# How files begin that are no text, although people give them as tables.
_NO_TEXT = {
    b"\x1f\x8b": "compressed with gzip; unpack it (gunzip)",
    b"BZh": "compressed with bzip2; unpack it (bunzip2)",
    b"\xfd7zXZ\x00": "compressed with xz; unpack it (unxz)",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it (unzstd)",
    b"PK\x03\x04": "a ZIP archive or a spreadsheet; unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "a spreadsheet; save it as CSV",
    b"PAR1": "a Parquet file; write it as CSV",
    b"\x89HDF": "an HDF5 file; write it as CSV",
    b"\xff\xfe": "text in UTF-16; save it as UTF-8",
    b"\xfe\xff": "text in UTF-16; save it as UTF-8",
}


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a table, of at most 500 MB.

    Raises
    ------
    StorageError
        It is missing, no regular file, larger, or not readable.
    """
    return read_given(path, MAX_TABLE, expected="a table")


class CSVFile:
    """The columns of a CSV file with a header, and the line of each row.

    Parameters
    ----------
    data : the file's bytes: UTF-8, with or without a byte order mark.
    name : how messages call the file.
    delimiter : one character.

    Raises
    ------
    DataError
        Not UTF-8, not CSV, fewer than two rows of data, a repeated column
        name, or rows of different length.
    """

    def __init__(self, data: bytes, *, name: str, delimiter: str = ",") -> None:
        self.name, self.delimiter = name, delimiter
        self._cells = Cells(_utf8(data, name), name=name, delimiter=delimiter)
        self.header = self._cells.row(0)
        for column, times in Counter(self.header).items():
            if column and times > 1:
                raise self.error(-1, f"the column {column!r} appears {times} times; rename all but one.")
        if len(self) < 2:
            what = "only one row of data" if len(self) else "a header but no rows of data"
            raise DataError(f"{name}: {what}; a series needs at least 2 rows.")

    def __len__(self) -> int:
        return len(self._cells) - 1

    def error(self, row: int, message: str) -> DataError:
        """An error at a row of data (counted from 0; -1 is the header)."""
        return DataError(f"{self.name}:{self._cells.lines[row + 1]}: {message}")

    def texts(self, column: str) -> list[str]:
        """The cells of a column, without white space around them.

        Raises
        ------
        DataError
            No such column; the message suggests the nearest one.
        """
        return self._column(column).texts()

    def _column(self, column: str) -> Column:
        if column not in self.header:
            hint = suggest(column, self.header) or f"; the header is {', '.join(self.header[:20])}, ..."
            other = other_delimiter(self.header)
            raise self.error(-1, f"no column {column!r}{'; the header is one cell' + other if other else hint}")
        return self._cells.column(self.header.index(column), first=1)

    def numbers(self, column: str, missing: Collection[str]) -> npt.NDArray[np.float64]:
        """float64 (n,): the column as finite numbers; NaN where the text is one of `missing`, or the number of one.

        Raises
        ------
        DataError
            A cell is neither a finite number nor missing.
        """
        gaps = frozenset(missing)
        missing_numbers = frozenset(filter(math.isfinite, map(_float, gaps)))  # -200.0 is -200

        def number(text: str) -> float:
            value = math.nan if text in gaps else _number(text)
            return math.nan if value in missing_numbers else value

        values, known = decimals(self._column(column))
        if missing_numbers:
            values[np.isin(values, list(missing_numbers)) & known] = math.nan
        rest = np.flatnonzero(~known)
        values[rest] = self.convert(column, number, rest)
        return values

    def categories(
        self, column: str, numbers: Mapping[str, float], missing: Collection[str] = ()
    ) -> npt.NDArray[np.float64]:
        """float64 (n,): the column with each text replaced by its number.

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
                    f"{_shown(text)} is a gap, and a category cannot be interpolated; give it a number in `categories`."
                )
            raise ValueError(f"unknown category {_shown(text)}{suggest(text, numbers)}")

        return np.array(self.convert(column, number), dtype=np.float64)

    def timestamps(self, column: str) -> npt.NDArray[np.datetime64]:
        """datetime64[s] (n,): a column of ISO times, evenly spaced; in UTC where they have an offset (`in_utc`).

        Raises
        ------
        DataError
            A cell is no time like 2014-12-31 23:00, some have an offset and some
            not, or the rows are not evenly spaced.
        """
        seconds, zoned, known = ISO.read([self._column(column)])
        rest = np.flatnonzero(~known)
        seconds[rest] = np.array(self.convert(column, parse_time, rest), "datetime64[s]").astype(np.int64)
        zoned[rest] = self.convert(column, has_offset, rest)
        if zoned.any() and not zoned.all():
            row = int(np.argmax(zoned != zoned[0]))
            raise self.error(
                row,
                f"column {column}: a time {'with' if zoned[row] else 'without'} an offset from UTC (Z or +01:00), "
                "unlike those above; give one to all or to none.",
            )
        return self._evenly_spaced(seconds.astype("datetime64[s]"))

    def in_utc(self, column: str) -> bool:
        """Whether the times of a column have an offset from UTC, so that `timestamps` gives them in UTC."""
        return has_offset(self._column(column).take(np.zeros(1, np.int64)).texts()[0])

    def timestamps_from_parts(self, columns: Sequence[str]) -> npt.NDArray[np.datetime64]:
        """datetime64[s] (n,): times from the columns for year, month, day and perhaps hour.

        Raises
        ------
        DataError
            A row is no valid time, or the rows are not evenly spaced.
        """
        parts = [np.array(self.convert(column, _whole_number)) for column in columns]
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
        return self._evenly_spaced(days.astype("datetime64[s]") + hour * np.timedelta64(3600, "s"))

    def with_cells(self, first: int, cells: Mapping[str, Callable[[int], str]]) -> bytes:
        """The file's bytes with other cells in some columns, from row `first` (counted from 0) on.

        Parameters
        ----------
        cells : by column, the new text of a row.
        """
        columns = [self._cells.column(i, first=1).texts() for i in range(len(self.header))]
        for column, new in cells.items():
            columns[self.header.index(column)][first:] = map(new, range(first, len(self)))
        text = io.StringIO(newline="")
        rows = zip(*columns, strict=True)
        csv.writer(text, delimiter=self.delimiter, lineterminator="\n").writerows([self.header, *rows])
        return text.getvalue().encode("utf-8")

    def convert(self, column: str, function: Callable[[str], T], rows: Rows | None = None) -> list[T]:
        """The function's value for each cell (of `rows`; None: all); its ValueError becomes an error at the cell."""
        cells = self._column(column)
        texts = cells.texts() if rows is None else cells.take(rows).texts()
        known: dict[str, T] = {}
        try:
            for text in dict.fromkeys(texts):  # each once, in order, so that the first wrong cell is named
                known[text] = function(text)
        except ValueError as err:
            row = texts.index(text)
            raise self.error(row if rows is None else int(rows[row]), f"column {column}: {err}") from err
        return list(map(known.__getitem__, texts))

    def _evenly_spaced(self, times: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
        problem = spacing_problem(times)
        if problem is not None:
            raise self.error(*problem)
        return times


def _utf8(data: bytes, name: str) -> bytes:
    """The bytes without a byte order mark, once it is known that they are UTF-8."""
    data = data.removeprefix(codecs.BOM_UTF8)
    for beginning, what in _NO_TEXT.items():
        if data.startswith(beginning) and not data.isascii():
            raise DataError(f"{name}: the file is {what}.")
    try:
        if not data.isascii():
            data.decode("utf-8")
    except UnicodeDecodeError as err:
        line = data.count(b"\n", 0, err.start) + 1
        raise DataError(
            f"{name}:{line}: the byte 0x{data[err.start]:02x} is not UTF-8; save the file as UTF-8."
        ) from err
    return data


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _float(text: str) -> float:
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan


def _number(text: str) -> float:
    value = _float(text)
    if math.isinf(value):
        raise ValueError(f"{_shown(text)} is not a finite number; if it stands for a gap, add it to `missing`.")
    if math.isnan(value):
        raise ValueError(
            f"{_shown(text)} is not a number; if it stands for a gap, add it to `missing`. "
            "If the column holds texts, give each its number in `categories`."
        )
    if abs(value) > LARGEST:
        raise ValueError(
            f"{_shown(text)} is too large (at most {LARGEST:g}); if it stands for a gap, add it to `missing`."
        )
    return value


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise ValueError(f"{_shown(text)} is not a whole number of at most 4 digits.")
    return int(text)
