"""What stands in columns of numbers that is none: symbols beside a number, and texts or numbers that mean a gap."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from minidl.data.tables.layout import NUMERAL, TextLayout
from minidl.data.tables.marks import GAPS

_BEFORE = r"(?P<before>[$€£¥₹]|[A-Z]{3}(?= ?[+-]?\d))?\s?"
_BEHIND = r"(?P<behind>[^\d\s().,'+:/-][^\d\s()]*)?"
_BESIDE = re.compile(rf"(?P<open>\()?[+-]?{_BEFORE}{NUMERAL}{_BEHIND}(?(open)\))", re.ASCII)
_CATEGORIES = 20  # texts of a column, at most, that are numbered
_SOME = 1000  # different cells of a column that are looked at for symbols
_FEW, _SELDOM = 3, 0.2  # texts that mean gaps in a column, and how large a part of it they are at most
_NINES = re.compile(r"(-99|-?999+)(\.[09]+)?")
_FAR = 2  # ranges of the other numbers, between them and one that means a gap
_FEWEST = 8  # different numbers of which the range is one


def symbols_of(columns: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """By column, the symbols that stand beside its numbers: one that most of them have, and parentheses."""
    found = {}
    for name, cells in columns.items():
        known = [cell for cell in dict.fromkeys(cells) if cell not in GAPS]
        matches = {cell: _BESIDE.fullmatch(cell.replace("\u2212", "-")) for cell in known[:_SOME]}
        groups = {cell: match.groupdict() for cell, match in matches.items() if match}
        symbols = [text for group in groups.values() for text in (group["before"] or group["behind"],) if text]
        symbols = sorted({*symbols}) if 2 * len(symbols) >= len(groups) else []
        symbols += ["()"] * any(cell.startswith("(") and cell.endswith(")") for cell in known)
        if groups and _means_gaps(matches.keys() - groups.keys(), cells) and len({*symbols} - {"()"}) <= 1 and symbols:
            found[name] = symbols
    return found


@dataclass(frozen=True)
class Contents:
    """What a column holds.

    Parameters
    ----------
    kind : ``numbers``, ``categories``, or why it is neither.
    gaps : its texts that mean a gap.
    unusual : those of them that are not usual.
    """

    kind: str
    gaps: frozenset[str]
    unusual: tuple[str, ...] = ()


def contents_of(cells: Sequence[str], layout: TextLayout) -> Contents:
    """What a column holds.

    In a column of numbers a few texts without a digit mean a gap, and numbers of nines that are far from all others.
    """
    different = set(cells)
    usual = frozenset(different.intersection(GAPS))
    known = different - usual
    if len(known) < 2:
        return Contents("constant" if known else "empty", usual)
    no_numbers = Contents("categories" if len(known) <= _CATEGORIES else "texts", usual)
    numbers, odd = dict[str, float](), set[str]()
    for cell in known:
        value = _float(layout.number(cell))
        if math.isfinite(value):
            numbers[cell] = value
        else:
            odd.add(cell)
            if len(odd) > _FEW:
                return no_numbers
    if not numbers or not _means_gaps(odd, cells):
        return no_numbers
    odd |= _far_nines(numbers, layout)
    return Contents("numbers", usual | odd, tuple(sorted(odd)))


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _far_nines(numbers: Mapping[str, float], layout: TextLayout) -> set[str]:
    """The numbers of nines that are far from all others."""
    nines = {cell for cell in numbers if "99" in cell and _NINES.fullmatch(layout.number(cell))}
    others = {value for cell, value in numbers.items() if cell not in nines} if nines else set()
    if len(others) < _FEWEST:
        return set()
    low, high = min(others), max(others)
    return {cell for cell in nines if max(low - numbers[cell], numbers[cell] - high) > _FAR * (high - low)}


def _means_gaps(odd: Set[str], cells: Sequence[str]) -> bool:
    """Whether texts mean gaps that stand among numbers: they are few, seldom and without a digit."""
    if not odd:
        return True
    if len(odd) > _FEW or any(letter.isdigit() for text in odd for letter in text):
        return False
    return sum(cell in odd for cell in cells) <= _SELDOM * sum(cell not in GAPS for cell in cells)
