"""How a table of which nothing is known is written: its encoding, its marks, where its header stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from minidl.core.errors import DataError
from minidl.core.text import counted, listed
from minidl.data.csv_file import read_bytes
from minidl.data.tables.layout import TextLayout
from minidl.data.tables.marks import is_number, marks_of
from minidl.data.tables.opening import is_parquet, table_of
from minidl.data.tables.rows import TableRows
from minidl.data.tables.symbols import symbols_of

_SOME = 100_000  # bytes that are looked at for marks between cells
_MOST_BEFORE, _LIKE = 50, 20  # lines before a header, at most; and after it, which should be like it
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, eq=False)
class Written:
    """A table, and how it is written.

    Parameters
    ----------
    layout : of a file of text.
    file : its rows.
    texts : the cells of each column.
    words : what was found and assumed, a sentence each.
    symbols : of some columns, what stands beside their numbers.
    """

    layout: TextLayout
    file: TableRows
    texts: dict[str, list[str]]
    words: list[str]
    symbols: dict[str, list[str]]


def how_written(path: Path) -> Written:
    """A table, read as it seems to be written.

    Raises
    ------
    DataError, StorageError
        It cannot be read.
    """
    data, name = read_bytes(path), str(path)
    packed = is_parquet(data)
    layout = TextLayout() if packed else _layout(data, name)
    file = table_of(data, name, layout, blank_rows=False)
    texts = {column: file.texts(column) for column in file.header}
    shown = "in a Parquet file" if packed else f"between them {layout.delimiter!r}"
    words = [f"{counted(len(file), 'row')} of {counted(sum(map(bool, texts)), 'column')}, {shown}"]
    if layout.skip_lines:
        words.append(f"{counted(layout.skip_lines, 'line')} before the header: left out (`skip_lines`)")
    symbols = symbols_of(texts)
    layout = replace(layout, symbols=list(dict.fromkeys(text for found in symbols.values() for text in found)))
    bare = [list(map(layout.bare, cells)) if name in symbols else cells for name, cells in texts.items()]
    marks, said = marks_of(bare, layout.delimiter)
    if said:
        words.append(said)
    words += [f"{listed(found)} beside numbers in {name}: left out (`symbols`)" for name, found in symbols.items()]
    return Written(replace(layout, decimal=marks.decimal, thousands=marks.thousands), file, texts, words, symbols)


def _layout(data: bytes, name: str) -> TextLayout:
    """All but the marks within numbers."""
    problem = DataError(f"{name}: no table.")
    for encoding in ("utf-8", "cp1252"):
        try:
            text = TextLayout(encoding=encoding).text_of(data, name)
            break
        except DataError as err:
            problem = err
    else:
        raise problem
    text = text[:_SOME].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines = text.decode("utf-8", "replace").split("\n")
    comment = "#" if next((line for line in lines if line.strip()), "").lstrip().startswith("#") else ""
    rows = {
        i: line for i, line in enumerate(lines) if line.strip() and not (comment and line.lstrip().startswith(comment))
    }
    delimiter, at = _header(rows)
    cells = [cell.strip(' "') for cell in rows.get(at, "").split(delimiter)]
    return TextLayout(
        delimiter=delimiter,
        encoding=encoding,
        comment=comment,
        column_names=[f"column_{i}" for i in range(1, len(cells) + 1)] if any(map(is_number, cells)) else None,
        skip_lines=at if any(not line.strip() or i in rows for i, line in enumerate(lines[:at])) else 0,
    )


def _header(rows: Mapping[int, str]) -> tuple[str, int]:
    """What stands between cells, and the line of the header: the first that is like most lines after it, or the first.

    Titles are no header, and what follows one holds no numbers.
    """
    lines = list(rows.items())
    for i, (at, line) in enumerate(lines[:_MOST_BEFORE]):
        mark, *_ = sorted(_DELIMITERS, key=lambda mark: -_count(line, mark))
        after = [_count(other, mark) == _count(line, mark) for _, other in lines[i + 1 : i + 1 + _LIKE]]
        if _count(line, mark) and 2 * sum(after) >= len(after) > 0:
            if i and any(is_number(cell.strip(' "')) for cell in line.split(mark)):
                break
            return mark, at
    at, line = lines[0] if lines else (0, "")
    return max(_DELIMITERS, key=line.count), at


def _count(line: str, mark: str) -> int:
    """How often a mark stands outside of quotes."""
    return re.sub('"[^"]*"', "", line).count(mark)
