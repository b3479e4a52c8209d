"""What stands in columns of numbers that is none: symbols beside a number, and texts or numbers that mean a gap."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from minidl.data.tables.layout import NUMERAL, TextLayout
from minidl.data.tables.marks import GAPS, is_number

_BEFORE = r"(?P<before>[$€£¥₹]|[A-Z]{3}(?= ?[+-]?\d))?\s?"
_BEHIND = r"(?P<behind>[^\d\s().,'+:/-][^\d\s()]*)?"
_BESIDE = re.compile(rf"(?P<open>\()?[+-]?{_BEFORE}{NUMERAL}{_BEHIND}(?(open)\))", re.ASCII)
_FEW, _SELDOM = 3, 0.2  # texts that mean gaps in a column, and how large a part of it they are at most
_NINES = re.compile(r"(-99|-?999+)(\.[09]+)?")
_FAR = 2  # ranges of the other numbers, between them and one that means a gap
_FEWEST = 8  # different numbers of which the range is one


def symbols_of(columns: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """By column, the symbols that stand beside its numbers: one that most of them have, and parentheses."""
    found = {}
    for name, cells in columns.items():
        known = [cell for cell in dict.fromkeys(cells) if cell not in GAPS]
        matches = {cell: _BESIDE.fullmatch(cell.replace("\u2212", "-")) for cell in known}
        groups = {cell: match.groupdict() for cell, match in matches.items() if match}
        odd = {cell for cell in known if cell not in groups}
        symbols = {text for group in groups.values() for text in (group["before"], group["behind"]) if text}
        beside = sum(bool(groups[cell]["before"] or groups[cell]["behind"]) for cell in cells if cell in groups)
        symbols = symbols if 2 * beside >= sum(cell in groups for cell in cells) else set()
        parentheses = ["()"] * any(group["open"] for group in groups.values())
        if groups and _means_gaps(odd, cells) and len(symbols) <= 1 and (symbols or parentheses):
            found[name] = [*symbols, *parentheses]
    return found


def gaps_of(cells: Sequence[str], layout: TextLayout) -> tuple[set[str], list[str]]:
    """The texts of a column that mean a gap, and those of them that are not usual.

    In a column of numbers a few texts without a digit do so, and numbers of nines that are far from all others.
    """
    different = set(cells)
    usual = different & set(GAPS)
    known = different - usual
    numbers = {cell: float(layout.number(cell)) for cell in known if is_number(layout.number(cell))}
    odd = known - set(numbers)
    if not _means_gaps(odd, cells):
        return usual, []
    nines = {cell for cell in numbers if _NINES.fullmatch(layout.number(cell))}
    others = [value for cell, value in numbers.items() if cell not in nines]
    if nines and len(set(others)) >= _FEWEST:
        low, high = min(others), max(others)
        odd |= {cell for cell in nines if max(low - numbers[cell], numbers[cell] - high) > _FAR * (high - low)}
    return usual | odd, sorted(odd)


def _means_gaps(odd: set[str], cells: Sequence[str]) -> bool:
    """Whether texts mean gaps that stand among numbers: they are few, seldom and without a digit."""
    if len(odd) > _FEW or any(letter.isdigit() for text in odd for letter in text):
        return False
    return sum(cell in odd for cell in cells) <= _SELDOM * sum(cell not in GAPS for cell in cells)
