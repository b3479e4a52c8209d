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
_ISO_LENGTHS = (10, 16, 19)  # with a day, a minute, a second; pyarrow takes others too
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
    """What was read: the header, columns of numbers (n,) with NaN at gaps, and times (n,)."""

    header: list[str]
    wanted: Wanted
    numbers: dict[str, npt.NDArray[np.float64]]
    times: Times | None

    def __len__(self) -> int:
        return len(next(iter(self.numbers.values())))

    @property
    def time(self) -> str | None:
        """The column of times."""
        return self.wanted.time

    def get(self, column: str, missing: frozenset[str]) -> npt.NDArray[np.float64] | None:
        """(n,): a column's numbers; None if it was not read with these marks of gaps."""
        return self.numbers.get(column) if missing == self.wanted.missing else None


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
    try:
        table = _table(memoryview(text)[:end], header, layout, wanted)
    except pyarrow.ArrowInvalid:
        return None
    numbers = {name: _floats(table[name]) for name in wanted.numbers}
    times = None if wanted.time is None else _times(table[wanted.time])
    if len(table) < 2 or (times is None) != (wanted.time is None) or not all(map(_in_range, numbers.values())):
        return None
    return Plain(list(header), wanted, {name: values for name, (values, _) in numbers.items()}, times)


def _header(text: bytes, delimiter: str) -> list[str]:
    first = text[: text.find(b"\n") + 1]
    return Cells(first, name="", delimiter=delimiter).row(0) if first.strip() else []


def _table(text: memoryview, header: Sequence[str], layout: TextLayout, wanted: Wanted) -> Any:
    """The columns that are wanted, as a table of pyarrow; ArrowInvalid if one is not what it should be."""
    import pyarrow
    from pyarrow import csv

    types = dict.fromkeys(wanted.numbers, pyarrow.float64())
    if wanted.time is not None:
        types[wanted.time] = pyarrow.string()
    return csv.read_csv(
        pyarrow.BufferReader(text),
        csv.ReadOptions(column_names=list(header), skip_rows=0 if layout.column_names else 1, block_size=_BLOCK),
        csv.ParseOptions(delimiter=layout.delimiter, quote_char=False, double_quote=False, ignore_empty_lines=False),
        csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=sorted(wanted.missing),
            decimal_point=layout.decimal,
        ),
    )


def _floats(column: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """(n,): the numbers, with NaN where there is none, and which are gaps."""
    values, gaps = np.empty(len(column)), np.zeros(len(column), np.bool_)
    first = 0
    for chunk in column.chunks:
        rows, place = slice(first, first + len(chunk)), slice(chunk.offset, chunk.offset + len(chunk))
        known, numbers = chunk.buffers()
        values[rows] = np.frombuffer(numbers, np.float64)[place]
        if chunk.null_count:
            gaps[rows] = np.unpackbits(np.frombuffer(known, np.uint8), bitorder="little")[place] == 0
        first = rows.stop
    values[gaps] = np.nan
    return values, gaps


def _in_range(column: tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]) -> bool:
    """Whether no number is infinite or too large, or a NaN that stands in the file as such."""
    values, gaps = column
    there = values[~gaps] if gaps.any() else values
    return not len(there) or bool(there.min() >= -LARGEST and there.max() <= LARGEST)


def _times(column: Any) -> Times | None:
    """(n,): times from ISO texts; None if one is none, or may be read otherwise."""
    import pyarrow

    found = []
    for chunk in column.chunks:
        ends = np.frombuffer(chunk.buffers()[1], np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        if not np.isin(np.diff(ends), _ISO_LENGTHS).all():
            return None
        try:
            seconds = chunk.cast(pyarrow.timestamp("s"))
        except pyarrow.ArrowInvalid:
            return None
        place = slice(seconds.offset, seconds.offset + len(chunk))
        found.append(np.frombuffer(seconds.buffers()[1], np.int64)[place].view("datetime64[s]"))
    times: Times = np.concatenate(found)
    return times if times.min() >= _FIRST_TIME else None
