"""How a table of which nothing is known is written: its encoding, its marks, where its header stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from minidl.core.errors import DataError
from minidl.core.text import counted, listed
from minidl.data.csv_file import read_bytes
from minidl.data.tables.headers import Header, footer_of, header_of
from minidl.data.tables.layout import TextLayout
from minidl.data.tables.marks import marks_of
from minidl.data.tables.opening import is_parquet, table_of
from minidl.data.tables.rows import TableRows
from minidl.data.tables.symbols import symbols_of

_SOME = 100_000  # bytes that are looked at for the header, and for what is no row at the end


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
    units : of some columns, what stands below their names.
    """

    layout: TextLayout
    file: TableRows
    texts: dict[str, list[str]]
    words: list[str]
    symbols: dict[str, list[str]]
    units: dict[str, str]


def how_written(path: Path) -> Written:
    """A table, read as it seems to be written.

    Raises
    ------
    DataError, StorageError
        It cannot be read.
    """
    data, name = read_bytes(path), str(path)
    packed = is_parquet(data)
    layout, header = (TextLayout(), Header(",", 0)) if packed else _layout(data, name)
    file = table_of(data, name, layout, blank_rows=False)
    texts = {column: file.texts(column) for column in file.header}
    shown = "in a Parquet file" if packed else f"between them {layout.delimiter!r}"
    words = [f"{counted(len(file), 'row')} of {counted(sum(map(bool, texts)), 'column')}, {shown}"]
    if layout.skip_lines and not header.names:
        words.append(f"{counted(layout.skip_lines, 'line')} before the header: left out (`skip_lines`)")
    words += header.words
    if layout.skip_end:
        words.append(
            f"{counted(layout.skip_end, 'line')} at the end that are no rows, as totals or notes: left out (`skip_end`)"
        )
    symbols = symbols_of(texts)
    layout = replace(layout, symbols=list(dict.fromkeys(text for found in symbols.values() for text in found)))
    bare = [list(map(layout.bare, cells)) if name in symbols else cells for name, cells in texts.items()]
    marks, said = marks_of(bare, layout.delimiter)
    if said:
        words.append(said)
    words += [f"{listed(found)} beside numbers in {name}: left out (`symbols`)" for name, found in symbols.items()]
    return Written(
        replace(layout, decimal=marks.decimal, thousands=marks.thousands), file, texts, words, symbols, header.units
    )


def _layout(data: bytes, name: str) -> tuple[TextLayout, Header]:
    """All but the marks within numbers, and what was found of the header."""
    problem = DataError(f"{name}: no table.")
    for encoding in ("utf-8", "cp1252"):
        try:
            text = TextLayout(encoding=encoding).text_of(data, name)
            break
        except DataError as err:
            problem = err
    else:
        raise problem
    lines = _lines(text[:_SOME])
    comment = "#" if next((line for line in lines if line.strip()), "").lstrip().startswith("#") else ""
    rows = {
        i: line for i, line in enumerate(lines) if line.strip() and not (comment and line.lstrip().startswith(comment))
    }
    header = header_of(rows)
    before = (
        header.skip_lines
        if any(not line.strip() or i in rows for i, line in enumerate(lines[: header.skip_lines]))
        else 0
    )
    end = footer_of(_lines(text[-_SOME:])[len(text) > _SOME :], header.delimiter)
    layout = TextLayout(
        delimiter=header.delimiter,
        encoding=encoding,
        comment=comment,
        column_names=header.names,
        skip_lines=header.skip_lines if before else 0,
        skip_end=end,
    )
    return layout, header


def _lines(text: bytes) -> list[str]:
    text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return text.decode("utf-8", "replace").split("\n")
