"""Which lines of a text of which nothing is known are its header and its rows: titles, units and totals are none."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from minidl.core.text import counted, listed
from minidl.data.tables.layout import NUMERAL
from minidl.data.tables.marks import GAPS, is_number

DELIMITERS = ",;\t|"
_MOST_BEFORE, _LIKE = 50, 20  # lines before a header, at most; and after it, which should be like it
_MOST_UNITS, _MOST_AFTER = 2, 8  # lines below a header that are no rows, and at the end
_FEWEST = 3  # rows of which it can be told what is like them
_TOTALS = {
    *(
        "total",
        "totals",
        "grand total",
        "sum",
        "summe",
        "gesamt",
        "mean",
        "average",
        "avg",
        "mittelwert",
        "durchschnitt",
    ),
    *("min", "max", "minimum", "maximum", "median", "count", "std", "stdev"),
}


@dataclass
class Header:
    """The header of a text.

    Parameters
    ----------
    delimiter : what stands between cells.
    skip_lines : lines before the rows, or before the header where that is read.
    names : of the columns; None: those that stand there.
    units : by column, what stands below its name.
    words : what was found, a sentence each.
    """

    delimiter: str
    skip_lines: int
    names: list[str] | None = None
    units: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


def header_of(rows: Mapping[int, str]) -> Header:
    """The header of a text's lines that are not empty, by their number."""
    delimiter, at = _place(rows)
    below = [_cells(line, delimiter) for i, line in rows.items() if i > at][: _LIKE + _MOST_UNITS]
    cells = _cells(rows.get(at, ""), delimiter)
    header = Header(delimiter, at)
    if any(map(is_number, cells)):
        header.names = [f"column_{i}" for i in range(1, len(cells) + 1)]
        return header
    _name_columns(header, cells, below)
    _skip_units(header, cells, below, list(rows))
    return header


def _name_columns(header: Header, cells: list[str], below: list[list[str]]) -> None:
    """Names where two columns have one, or rows end with a delimiter and the header does not."""
    if below and all(len(row) == len(cells) + 1 and not row[-1] for row in below):
        cells.append("")
        header.names = cells
        header.words.append("rows end with a delimiter, their header does not: `skip_lines` and `column_names` say it")
    twice = [name for name, n in Counter(cells).items() if name and n > 1]
    if twice:
        header.names = [
            f"{name}_{cells[: i + 1].count(name)}" if cells[:i].count(name) and name else name
            for i, name in enumerate(cells)
        ]
        header.words.append(f"columns of one name, {listed(twice)}: numbers are added (`skip_lines`, `column_names`)")


def _skip_units(header: Header, cells: list[str], below: list[list[str]], lines: list[int]) -> None:
    """Lines of units below the names are no rows."""
    most = min(_MOST_UNITS, len(below))
    fits = [n for n in range(1, most + 1) if all(_are_units(row, below[n:]) for row in below[:n])]
    n = max(fits, default=0)
    names = header.names or cells
    if n:
        header.names = names
        header.units = {
            name: unit.strip("[]() ") for name, unit in zip(names, below[0], strict=False) if unit.strip("[]() ")
        }
        header.words.append(f"{counted(n, 'line')} below the header: left out (`skip_lines`, `column_names`)")
    if header.names:
        at = lines.index(header.skip_lines)
        header.names = [name or f"column_{i}" for i, name in enumerate(header.names, 1)]
        header.skip_lines = lines[at + n] + 1


def _are_units(row: Sequence[str], later: Sequence[Sequence[str]]) -> bool:
    """Whether no cell is like those below it, and some stand above numbers."""
    above = False
    if len(later) < _FEWEST:
        return False
    for cell, column in zip(row, zip(*later, strict=False), strict=False):
        if not cell:
            continue
        if cell in column or (_shape(cell) in map(_shape, column) and any(letter.isdigit() for letter in cell)):
            return False
        above |= not _numeral(cell) and cell not in GAPS and all(_numeral(one) or one in GAPS for one in column)
    return above


def footer_of(lines: Sequence[str], delimiter: str) -> int:
    """How many of a text's last lines are totals, notes or empty; those after the last that is not empty do not count.

    Parameters
    ----------
    lines : some of the text's last.
    """
    lines = list(lines)
    while lines and not lines[-1].strip():
        lines.pop()
    counts = Counter(count(line, delimiter) for line in lines if line.strip())
    usual, often = counts.most_common(1)[0] if counts else (0, 0)
    if not usual:
        return 0
    for n, line in enumerate(reversed(lines)):
        first = _cells(line, delimiter)[0] if line.strip() else ""
        above = _cells(lines[-2], delimiter)[0] if len(lines) > 1 else ""
        total = first.lower().rstrip(":") in _TOTALS or (n == 0 and not first and above and not _numeral(above))
        if line.strip(" " + delimiter) and count(line, delimiter) == usual and not total:
            return n if often >= _FEWEST * n else 0
        if n == _MOST_AFTER:
            break
    return 0


def _place(rows: Mapping[int, str]) -> tuple[str, int]:
    """What stands between cells, and the line of the header: the first that is like most lines after it, or the first.

    Titles are no header, and what follows one holds no numbers; nor is an empty line below it, if another line will do.
    Blanks are looked at where nothing else stands between cells.
    """
    lines = list(rows.items())
    for marks, apart in ((DELIMITERS, False), (DELIMITERS, True), (" ", True)):
        for i, (at, line) in enumerate(lines[:_MOST_BEFORE]):
            mark, *_ = sorted(marks, key=lambda mark: -count(line, mark))
            after = [count(other, mark) == count(line, mark) for _, other in lines[i + 1 : i + 1 + _LIKE]]
            if not count(line, mark) or 2 * sum(after) < len(after) or not after:
                continue
            if i and any(map(is_number, _cells(line, mark))):
                break
            if apart or lines[i + 1][0] == at + 1:
                return mark, at
    at, line = lines[0] if lines else (0, "")
    return max(DELIMITERS, key=line.count), at


def count(line: str, mark: str) -> int:
    """How often a mark stands outside of quotes; of blanks, between words."""
    line = re.sub('"[^"]*"', "", line)
    return len(line.split()) - 1 if mark == " " else line.count(mark)


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        line = " ".join(line.split())
    try:
        row = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        row = line.split(delimiter)
    return [cell.strip() for cell in row] or [""]


def _shape(cell: str) -> str:
    return re.sub(r"\d", "0", cell)


def _numeral(cell: str) -> bool:
    return is_number(cell) or re.fullmatch(NUMERAL, cell, re.ASCII) is not None
