"""Files whose later rows are spoilt, to see whether anything before them changes; for `minidl.comparison.leaks`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.data.csv_file import CSVFile
from minidl.data.tables.layout import TextLayout
from minidl.data.tables.plain import LARGEST
from minidl.data.tables.rows import TableRows

Poison = Literal["noise", "gaps"]


def forged_cells(
    file: TableRows,
    first: int,
    numbers: Mapping[str, Collection[str]],
    categories: Mapping[str, Collection[str]],
    poison: Poison,
    place: npt.NDArray[np.int64] | None = None,
) -> bytes | None:
    """What `Series.forged` gives, for a series that is read from a table; a CSV file.

    Parameters
    ----------
    numbers : the columns of numbers, with the texts that may stand for a gap there.
    categories : the other columns, with the texts that may stand there.
    place : the series' row of each row of the file; None: the same.
    """
    rng = np.random.default_rng(4)
    cells: dict[str, Callable[[int], str]] = {}
    for column, gaps in numbers.items():
        if poison == "gaps" and gaps:
            cells[column] = functools.partial(_same, min(gaps))
        elif poison == "noise":
            largest = float(np.nanmax(np.abs(file.numbers(column, gaps)), initial=0))
            cells[column] = functools.partial(_number, rng, min(1e3 * (1 + largest), LARGEST / 10), file.layout.decimal)
    if poison == "noise":
        for column, texts in categories.items():
            cells[column] = functools.partial(_one_of, rng, sorted(texts))
    return file.with_cells(first, cells, place) if cells else None


def forged_numbers(data: bytes, name: str, features: Sequence[str], first: int) -> bytes | None:
    """As `forged_cells` with noise, for a file of which nothing is known: what is a number there becomes another one.

    None if it is no CSV file with these columns.
    """
    rng = np.random.default_rng(4)
    try:
        header = data[: data.find(b"\n")].decode("utf-8")
        file = CSVFile(data, name=name, layout=TextLayout(delimiter=max(",;\t|", key=header.count)))
        cells = {column: functools.partial(_other, rng, file.texts(column)) for column in features}
    except (DataError, UnicodeDecodeError):
        return None
    return file.with_cells(first, cells)


def _other(rng: np.random.Generator, texts: Sequence[str], row: int) -> str:
    try:
        return repr(float(rng.normal() * 1e3 * (1 + abs(float(texts[row])))))
    except ValueError:
        return texts[row]


def _same(text: str, row: int) -> str:
    return text


def _number(rng: np.random.Generator, spread: float, point: str, row: int) -> str:
    return repr(float(rng.normal() * spread)).replace(".", point)


def _one_of(rng: np.random.Generator, texts: Sequence[str], row: int) -> str:
    return texts[int(rng.integers(len(texts)))]
