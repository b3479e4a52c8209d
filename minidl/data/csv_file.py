"""A CSV file as columns of text, and those as numbers, categories and times.

Nothing is dropped or guessed: a row of the wrong length stops the reading, at its line.
"""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.core.text import counted
from minidl.data.steps import Times
from minidl.data.tables.cells import Cells, Column
from minidl.data.tables.layout import MAX_TABLE, PLAIN, TextLayout
from minidl.data.tables.plain import Wanted, plain_columns
from minidl.data.tables.problems import Problems
from minidl.data.tables.rows import TableRows
from minidl.files.reading import read_given


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a table, of at most 500 MB.

    Raises
    ------
    StorageError
        It is missing, no regular file, larger, or not readable.
    """
    return read_given(path, MAX_TABLE, expected="a table")


class CSVFile(TableRows):
    """The columns of a CSV file with a header, and the line of each row.

    Parameters
    ----------
    data : the file's bytes.
    name : how messages call the file.
    layout : how it is written down.
    blank_rows : whether rows of delimiters only are rows (of gaps).
    wanted : columns that are asked for as numbers and ISO times, which may be read at once.
    fewest : rows that it must have.
    problems : takes what is wrong with rows of another length; see `Cells`.

    Raises
    ------
    DataError
        No text of this encoding, not CSV, too few rows of data, a repeated column
        name, or rows of different length.
    """

    def __init__(
        self,
        data: bytes,
        *,
        name: str,
        layout: TextLayout = PLAIN,
        blank_rows: bool = True,
        wanted: Wanted | None = None,
        fewest: int = 2,
        problems: Problems | None = None,
    ) -> None:
        self.name, self.layout = name, layout
        text = layout.text_of(data, name)
        self._plain = None if wanted is None else plain_columns(layout.rows_of(text)[0], layout, wanted)
        # Rows of another length may be left out only where all is read without them.
        self._read_cells = partial(_cells, text, name, layout, blank_rows, problems if self._plain is None else None)
        names = layout.column_names
        self._first = 0 if names else 1
        if self._plain is not None:
            self.header = self._plain.header
            return
        if names and len(names) != self._cells.width:
            raise DataError(f"{name}: {counted(self._cells.width, 'column')}, but `column_names` has {len(names)}.")
        self.header = list(names or self._cells.row(0))
        self.check_shape(fewest)

    @cached_property
    def _cells(self) -> Cells:
        cells = self._read_cells()
        del self._read_cells  # and the text, of which the cells have one of their own
        return cells

    def __len__(self) -> int:
        return len(self._plain) if self._plain is not None else len(self._cells) - self._first

    def error(self, row: int, message: str) -> DataError:
        return DataError(f"{self.name}:{self._cells.lines[max(row + self._first, 0)]}: {message}")

    def cells(self, index: int) -> Column:
        return self._cells.column(index, first=self._first)

    def numbers_at_once(self, column: str, gaps: frozenset[str]) -> npt.NDArray[np.float64] | None:
        return None if self._plain is None else self._plain.get(column, gaps)

    def times_at_once(self, column: str) -> tuple[Times, bool] | None:
        plain = self._plain
        return None if plain is None or plain.times is None or plain.time != column else (plain.times, False)


def _cells(text: bytes, name: str, layout: TextLayout, blank_rows: bool, problems: Problems | None) -> Cells:
    text, lines = layout.rows_of(text, blank_rows)
    return Cells(text, name=name, delimiter=layout.delimiter, lines=lines, problems=problems)
