"""Where the cells of a CSV text begin and end.

Two ways, one result. In the usual file every mark is found by comparing all bytes at
once; what that cannot tell (a doubled quote, a line end within quotes, rows of different
length) goes to Python's csv, which is strict, and names the line. Memory is a few bytes
for each byte of the file; no cell becomes an object.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.core.text import counted
from minidl.data.tables.problems import Problems

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int32]
QUOTE, LINE_END, PADDING = ord('"'), ord("\n"), 64
_SHOWN = 3  # rows of another length
_PIECE = 1 << 22  # bytes looked at at once
_BLOCK = 1 << 16  # cells taken at once: they fit into the cache
_SHORT = 16
_BLANK = np.isin(np.arange(256), [9, 10, 11, 12, 13, 28, 29, 30, 31, 32])  # what str.strip takes, of ASCII


@dataclass(frozen=True, eq=False)
class Column:
    """The cells of a column.

    Parameters
    ----------
    text : in UTF-8, with 64 more bytes at its end.
    starts, ends : of the cells; (n,).
    quoted : whether a cell that begins with a quote stands within quotes.
    """

    text: bytes
    starts: Places
    ends: Places
    quoted: bool = False

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def data(self) -> Bytes:
        """The text as numbers."""
        return np.frombuffer(self.text, np.uint8)

    def take(self, rows: npt.NDArray[np.int64]) -> Column:
        """Some of the cells."""
        return Column(self.text, self.starts[rows], self.ends[rows], self.quoted)

    def blocks(self) -> Iterator[tuple[slice, Places, Places]]:
        """Rows in blocks, and where their cells begin and end, without white space and quotes around them."""
        for first in range(0, len(self), _BLOCK):
            rows = slice(first, min(first + _BLOCK, len(self)))
            data, starts, ends = self.data, self.starts[rows].copy(), self.ends[rows].copy()
            if self.quoted:
                within = (data[starts] == QUOTE) & (starts < ends)
                starts += within
                ends -= within
            while (blank := _BLANK[data[starts]] & (starts < ends)).any():
                starts += blank
            while (blank := _BLANK[data[ends - 1]] & (starts < ends)).any():
                ends -= blank
            yield rows, starts, ends

    def matrix(self, starts: Places, width: int) -> Bytes:
        """(n, width): the bytes from each start on, at most 64; what follows a cell's end stands there too."""
        whole = np.lib.stride_tricks.as_strided(self.data, (len(self.data) - width + 1, width), (1, 1), writeable=False)
        return whole[starts]

    def texts(self) -> list[str]:
        """The cells, without white space around them."""
        found: list[str] = []
        for _, starts, ends in self.blocks():
            if (short := self._short_texts(starts, ends)) is not None:
                found += short
                continue
            cells = [self.text[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
            found += [cell.decode("utf-8").strip() for cell in cells]
        return found

    def _short_texts(self, starts: Places, ends: Places) -> list[str] | None:
        """The texts of cells of a few ASCII characters, all at once; None: others are among them."""
        lengths = ends - starts
        width = int(lengths.max())
        if not 0 < width <= _SHORT:
            return None
        letters = self.matrix(starts, width) * (np.arange(width) < lengths[:, None])
        if letters.max() > 127 or np.count_nonzero(letters) < lengths.sum():
            return None
        return list(letters.view(f"S{width}")[:, 0].astype(f"U{width}").tolist())


class Cells:
    """The cells of a text, all rows as long as the first.

    Parameters
    ----------
    data : the text in UTF-8, without a byte order mark.
    name : how messages call the file.
    delimiter : one character.
    lines : of the file, by line of the text; None: the same.
    problems : takes what is wrong with some rows of another length, which are left out then; None: it is raised.

    Raises
    ------
    DataError
        Not CSV, nothing but empty lines, or rows of different length.
    """

    def __init__(
        self,
        data: bytes,
        *,
        name: str,
        delimiter: str,
        lines: npt.NDArray[np.int64] | None = None,
        problems: Problems | None = None,
    ) -> None:
        found = _at_once(data, ord(delimiter)) if delimiter.isascii() else None
        if found is None:
            found = _one_by_one(data, name, delimiter, lines, problems)
        elif lines is not None:
            found = (*found[:3], lines[found[3] - 1], found[4])
        self._text, self._starts, self._ends, self.lines, self._quoted = found
        self.width = self._ends.shape[1]

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, index: int, first: int = 0) -> Column:
        """A column's cells from row `first` on."""
        starts = self._starts if index == 0 else self._ends[:, index - 1] + np.int32(1)
        return Column(self._text, starts[first:], self._ends[first:, index], self._quoted)

    def row(self, index: int) -> list[str]:
        """The cells of a row, without white space around them."""
        one = slice(index, index + 1)
        starts = np.concatenate([self._starts[one], self._ends[index, :-1] + np.int32(1)])
        return Column(self._text, starts, self._ends[index], self._quoted).texts()


_Found = tuple[bytes, Places, Places, npt.NDArray[np.int64], bool]


def padded(data: bytes) -> bytes:
    """The bytes with room behind them."""
    return data + bytes(PADDING)


def _at_once(data: bytes, delimiter: int) -> _Found | None:
    """Text, beginnings of rows, ends of cells (rows, width) and lines of rows; None: to be read one by one."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    text = padded(data.rstrip(b"\n") + b"\n")
    array = np.frombuffer(text, np.uint8)
    marks = _marks(array[:-PADDING], delimiter)
    quoted = QUOTE in text
    if marks is None or (quoted and not _well_quoted(array, delimiter)):
        return None
    at_end = array[marks] == LINE_END
    width = int(np.argmax(at_end)) + 1
    if len(marks) % width or not at_end[width - 1 :: width].all() or at_end.sum() * width != len(marks):
        return None
    ends = marks.reshape(-1, width)
    starts = np.concatenate([np.zeros(1, np.int32), ends[:-1, -1] + np.int32(1)])
    if (starts == ends[:, -1]).any():  # an empty line
        return None
    return text, starts, ends, np.arange(1, len(ends) + 1), quoted


def _marks(text: Bytes, delimiter: int) -> Places | None:
    """Where delimiters and line ends are that do not stand within quotes; None: a line end does."""
    pieces, open_quote = [], np.uint8(0)
    for first in range(0, len(text), _PIECE):
        piece = text[first : first + _PIECE]
        line_end = piece == LINE_END
        mark = (piece == delimiter) | line_end
        quotes = piece == QUOTE
        if open_quote or quotes.any():
            within = np.bitwise_xor.accumulate(quotes.view(np.uint8)) ^ open_quote
            if (line_end & (within != 0)).any():
                return None
            mark &= within == 0
            open_quote = within[-1]
        pieces.append((np.flatnonzero(mark) + first).astype(np.int32))
    return None if open_quote else np.concatenate(pieces)


def _well_quoted(text: Bytes, delimiter: int) -> bool:
    """Whether quotes stand at both ends of cells and nowhere else."""
    quotes = np.flatnonzero(text == QUOTE)
    before, after = text[quotes[::2] - 1], text[quotes[1::2] + 1]  # the first byte has the padding's 0 before it
    outer = [delimiter, LINE_END]
    return bool((np.isin(before, outer) | (quotes[::2] == 0)).all() and np.isin(after, outer).all())


def _one_by_one(
    data: bytes,
    name: str,
    delimiter: str,
    of: npt.NDArray[np.int64] | None = None,
    problems: Problems | None = None,
) -> _Found:
    """As `_at_once`, by Python's csv; the text is made anew, cell by cell."""
    reader = csv.reader(io.StringIO(data.decode("utf-8"), newline=""), delimiter=delimiter, strict=True)
    cells: list[bytes] = []
    widths: list[int] = []
    lines: list[int] = []  # on which each row ends
    try:
        for row in reader:
            cells += [cell.encode("utf-8") for cell in row]
            widths.append(len(row))
            lines.append(reader.line_num if of is None else int(of[reader.line_num - 1]))
    except csv.Error as err:
        line = lines[-1] + 1 if lines else 1  # where the row begins: a quote left open runs to the end
        raise DataError(f"{name}:{line}: not a CSV row: {err}.") from err
    while widths and not widths[-1]:  # empty lines at the end say nothing
        widths.pop()
    if not widths:
        raise DataError(f"{name}: the file is empty; expected a header and rows of data.")
    width = widths[0]
    wrong = [(line, found) for found, line in zip(widths, lines, strict=False) if found != width]
    if wrong:
        header = [cell.decode("utf-8") for cell in cells[:width]]
        error = _of_other_length(name, wrong, header)
        if problems is None or other_delimiter(header) or 2 * len(wrong) >= len(widths):
            raise error
        with problems:
            raise error
        firsts = np.cumsum([0, *widths])
        cells = [cell for n, at in zip(widths, firsts, strict=False) if n == width for cell in cells[at : at + n]]
        lines = [line for n, line in zip(widths, lines, strict=False) if n == width]
        widths = [width] * len(lines)
    ends = np.cumsum([len(cell) + 1 for cell in cells], dtype=np.int64) - 1
    starts = np.concatenate([[0], ends[width - 1 : -1 : width] + 1])
    text = padded(b"\0".join(cells))
    return (
        text,
        starts.astype(np.int32),
        ends.astype(np.int32).reshape(-1, width),
        np.array(lines[: len(widths)]),
        False,
    )


def _of_other_length(name: str, rows: Sequence[tuple[int, int]], header: Sequence[str]) -> DataError:
    """The error of rows, by line and number of cells, that are not as long as the header."""
    hint = other_delimiter(header) or "; every row needs as many."
    said = []
    for line, found in rows[:_SHOWN]:
        what = counted(found, "cell") if found else "an empty line"
        said.append(f"{name}:{line}: {what}, but the header has {counted(len(header), 'cell')}{hint}")
    more = len(rows) - _SHOWN
    return DataError(*said, *[f"{name}: {counted(more, 'row')} more of another length than the header."] * (more > 0))


def other_delimiter(header: Sequence[str]) -> str:
    """What to say where the whole header is one cell that holds another delimiter; else nothing."""
    found = [mark for mark in ";\t|," if mark in header[0]] if len(header) == 1 else []
    return f"; is the delimiter {found[0]!r}?" if found else ""
