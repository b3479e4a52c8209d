"""Columns of a large table of plain numbers and ISO times, all at once, by pyarrow if it is installed.

What stands in a file, and what is wrong with it, `minidl.data.csv_file` says. Here only files are
read in which nothing is unusual: no quotes, every cell a number as JSON has it (or a mark of a gap),
every time an ISO one without offset. For such a file the numbers are the same to the last bit, and
for all others the answer is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.data.steps import Times
from minidl.data.tables.cells import Cells
from minidl.data.tables.layout import TextLayout

WORTH = 20_000_000  # bytes; of 8 MB the import of pyarrow costs more than it saves
LARGEST = 1e140  # squares of values, summed up, must stay finite
_BLOCK = 1 << 22
_FIRST_TIME = np.datetime64("0001-01-01", "s")


@dataclass(frozen=True)
class Wanted:
    """What a series wants from a file.

    Parameters
    ----------
    numbers : columns of numbers.
    missing : texts that mean a gap in them.
    time : a column of ISO times; None: there are none.
    """

    numbers: Sequence[str]
    missing: frozenset[str]
    time: str | None = None


@dataclass(frozen=True, eq=False)
class Plain:
    """What was read: the header, columns of numbers (n,) in pieces, with NaN at gaps, and times (n,).

    Pieces and times are views of pyarrow's memory. `source` is the text as pyarrow holds it: as long as it is kept
    here, no thread of pyarrow's lets go of it last, which may end a process that is about to end with an abort.
    """

    header: list[str]
    wanted: Wanted
    pieces: dict[str, list[npt.NDArray[np.float64]]]
    times: Times | None
    source: Any

    def __len__(self) -> int:
        return sum(map(len, next(iter(self.pieces.values()))))

    @property
    def time(self) -> str | None:
        """The column of times."""
        return self.wanted.time

    def get(self, column: str, missing: frozenset[str]) -> npt.NDArray[np.float64] | None:
        """(n,): a column's numbers; None if it was not read with these marks of gaps."""
        pieces = self.pieces.get(column) if missing == self.wanted.missing else None
        return None if pieces is None else np.concatenate(pieces)


def plain_columns(text: bytes, layout: TextLayout, wanted: Wanted) -> Plain | None:
    """The columns of a text in UTF-8; None if it is small, something is unusual, or there is no pyarrow."""
    if len(text) < WORTH or b'"' in text or layout.thousands or not layout.delimiter.isascii():
        return None
    if any(mark != mark.strip() for mark in wanted.missing):
        return None
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    end = len(text)
    while end and text[end - 1] == ord("\n"):
        end -= 1
    header = layout.column_names or _header(text, layout.delimiter)
    asked = [*wanted.numbers, *([] if wanted.time is None else [wanted.time])]
    if len(header) < 2 or len(set(header)) < len(header) or not set(asked) <= set(header):
        return None
    if len(set(asked)) < len(asked):
        return None
    try:
        import pyarrow
    except ImportError:
        return None
    source = pyarrow.py_buffer(memoryview(text)[:end])
    try:
        table = _table(source, header, layout, wanted)
        pieces = {name: [_floats(chunk) for chunk in table[name].chunks] for name in wanted.numbers}
        times = None if wanted.time is None else _times(table[wanted.time])
    except ValueError:  # pyarrow's own is one
        return None
    return Plain(list(header), wanted, pieces, times, source) if len(table) > 1 else None


def _header(text: bytes, delimiter: str) -> list[str]:
    first = text[: text.find(b"\n") + 1]
    return Cells(first, name="", delimiter=delimiter).row(0) if first.strip() else []


def _table(text: Any, header: Sequence[str], layout: TextLayout, wanted: Wanted) -> Any:
    """The columns that are wanted, as a table of pyarrow; ValueError if one is not what it should be."""
    import pyarrow
    from pyarrow import csv

    types = dict.fromkeys(wanted.numbers, pyarrow.float64())
    if wanted.time is not None:
        types[wanted.time] = pyarrow.timestamp("s")
    return csv.read_csv(
        pyarrow.BufferReader(text),
        csv.ReadOptions(column_names=list(header), skip_rows=0 if layout.column_names else 1, block_size=_BLOCK),
        csv.ParseOptions(delimiter=layout.delimiter, quote_char=False, double_quote=False, ignore_empty_lines=False),
        csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=sorted(wanted.missing),
            decimal_point=layout.decimal,
            timestamp_parsers=[csv.ISO8601],
        ),
    )


def _floats(chunk: Any) -> npt.NDArray[np.float64]:
    """(n,): the numbers, with NaN at gaps; ValueError if one is infinite, too large, or a NaN that stands there."""
    known, numbers = chunk.buffers()
    place = slice(chunk.offset, chunk.offset + len(chunk))
    values = np.frombuffer(numbers, np.float64)[place]
    if not chunk.null_count:
        there = values
    else:
        gaps = np.unpackbits(np.frombuffer(known, np.uint8), bitorder="little")[place] == 0
        there, values = values[~gaps], np.where(gaps, np.nan, values)
    if len(there) and not (there.min() >= -LARGEST and there.max() <= LARGEST):
        raise ValueError
    return values


def _times(column: Any) -> Times:
    """(n,): the times; ValueError if one is none, or before the year 1."""
    if column.null_count:
        raise ValueError
    places = [(chunk.buffers()[1], slice(chunk.offset, chunk.offset + len(chunk))) for chunk in column.chunks]
    seconds = np.concatenate([np.frombuffer(numbers, np.int64)[place] for numbers, place in places])
    times: Times = seconds.view("datetime64[s]")
    if times.min() < _FIRST_TIME:
        raise ValueError
    return times
