"""Tables that callbacks write into a training's folder, a few rows an epoch."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from minidl.core.errors import ConfigError
from minidl.core.text import printable
from minidl.files.appending import append
from minidl.files.reading import read_inside
from minidl.files.storage import write_file

_LARGEST = 1 << 30  # bytes


def check_filename(callback: object, filename: str) -> None:
    """Refuse what is no name of a CSV file in the training's own folder.

    Raises
    ------
    ConfigError
        One line.
    """
    inside = all(kind(filename).name == filename for kind in (PurePosixPath, PureWindowsPath))
    if not inside or not filename.endswith(".csv"):
        who, got = type(callback).__name__, printable(filename)
        raise ConfigError(f"{who}: filename: expected a name that ends in .csv, without a folder, got {got}.")


def add_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append rows to a file that `start_table` has started; with a head, if they are the first."""
    append(path, table_lines(rows, header=not path.exists() or not path.stat().st_size))


def start_table(path: Path, epoch: int) -> None:
    """Leave of a file the rows of epochs up to this one, which stand in its first column; without any, nothing."""
    there = epoch and os.path.lexists(path)
    lines = read_inside(path.parent, path.name, _LARGEST).splitlines(keepends=True) if there else []
    kept = [line for line in lines[1:] if line.endswith(b"\n") and _epoch(line) <= epoch]
    write_file(path, b"".join([*lines[:1], *kept]) if kept else b"")


def _epoch(line: bytes) -> float:
    first = line.partition(b",")[0]
    return int(first) if first.isdigit() else float("inf")


def table_lines(rows: Sequence[Mapping[str, Any]], *, header: bool) -> bytes:
    """Rows as CSV."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        if header:
            writer.writeheader()
        writer.writerows(rows)
    return text.getvalue().encode()
