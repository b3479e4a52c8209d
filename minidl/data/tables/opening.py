"""A table that the user names: a file of text or a Parquet file, told apart by how it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minidl.data.csv_file import CSVFile, read_bytes
from minidl.data.tables import parquet
from minidl.data.tables.layout import TextLayout
from minidl.data.tables.rows import TableRows


def is_parquet(data: bytes) -> bool:
    """Whether a file begins as a Parquet file, and is no text that begins so."""
    return data.startswith(parquet.MAGIC) and (data.endswith(parquet.MAGIC) or not data.isascii())


def table_of(data: bytes, name: str, layout: TextLayout, *, blank_rows: bool, **more: Any) -> TableRows:
    """The rows of a file's bytes; see `CSVFile` and `ParquetFile` for arguments and errors."""
    if is_parquet(data):
        return parquet.ParquetFile(data, name).rows(layout, blank_rows, more.get("fewest", 2))
    return CSVFile(data, name=name, layout=layout, blank_rows=blank_rows, **more)


def open_table(path: str | Path, layout: TextLayout, *, blank_rows: bool, **more: Any) -> TableRows:
    """The rows of a file.

    Raises
    ------
    StorageError
        It cannot be read.
    """
    return table_of(read_bytes(path), str(path), layout, blank_rows=blank_rows, **more)
