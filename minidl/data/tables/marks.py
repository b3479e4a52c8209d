"""Which marks stand before decimals and between thousands in a table of which nothing is known."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence

from minidl.data.tables.layout import NUMERAL, TextLayout

GAPS = (
    *("", "NA", "nan", "NaN", "N/A", "n/a", "n.a.", "N.A.", "k.A.", "<NA>", "#N/A", "null", "NULL", "None", "none"),
    *("?", "-", "--", "---", ".", "..", "...", "\\N", "#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "missing"),
)
_CELLS = 1000  # of a column that are looked at
_BETWEEN = (",", ".", " ", "'", "\u00a0", "\u202f", "\u2019")
# The usual ones first: a point or a comma before decimals, then commas between thousands.
_LAYOUTS = [TextLayout(), TextLayout(decimal=",")]
_LAYOUTS += [TextLayout(decimal=".", thousands=mark) for mark in _BETWEEN if mark != "."]
_LAYOUTS += [TextLayout(decimal=",", thousands=mark) for mark in _BETWEEN if mark != ","]
_SWAPPED = TextLayout(decimal=",", thousands=".")


def is_number(text: str) -> bool:
    """Whether `float` takes it, and it is finite."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def marks_of(columns: Iterable[Sequence[str]], delimiter: str) -> tuple[TextLayout, str]:
    """The marks with which most columns are numbers, and what is said of them; "": they are the usual ones.

    Where ``1,234`` may be two numbers and no other cell tells which, it is a whole one; but with a semicolon between
    cells it has decimals, as where people write so.
    """
    kinds = [known for cells in columns if (known := _some(cells)) and all(map(_numeral, known))]
    cells = [cell for known in kinds for cell in known]
    layouts = _LAYOUTS
    if all(map(is_number, cells)):
        layouts = [TextLayout(), _SWAPPED] if delimiter == ";" else _LAYOUTS[:1]
    elif delimiter != ";":
        layouts = [_LAYOUTS[0], _LAYOUTS[2], _LAYOUTS[1], *_LAYOUTS[3:]]
    counts = [sum(all(is_number(layout.number(cell)) for cell in known) for known in kinds) for layout in layouts]
    best = layouts[counts.index(max(counts))]
    others = [layout for layout, count in zip(layouts, counts, strict=True) if count == max(counts)]
    return best, _said(best, others, cells)


def _some(cells: Sequence[str]) -> list[str]:
    """The different cells of a column that are no gaps; of many, those with the most marks."""
    known = [cell for cell in dict.fromkeys(cells) if cell not in GAPS]
    if not all(map(_numeral, known[:_CELLS])):
        return known[:_CELLS]
    return sorted(known, key=lambda cell: sum(map(cell.count, _BETWEEN)), reverse=True)[:_CELLS]


def _numeral(text: str) -> bool:
    """Whether a text is made of digits and marks, or is a number."""
    return re.fullmatch(NUMERAL, text, re.ASCII) is not None or is_number(text)


def _said(best: TextLayout, others: Sequence[TextLayout], cells: Sequence[str]) -> str:
    own = _keys({key: mark for key, mark in _marks(best).items() if mark != _marks(TextLayout())[key]})
    for other in others:
        for cell in cells:
            ways = [layout.number(cell) for layout in (best, other)]
            if all(map(is_number, ways)) and float(ways[0]) != float(ways[1]):
                way, instead = (f"{float(way):.10g}" for way in ways)
                return f"{cell!r} is taken as {way}{own}; if it is {instead}, the keys are{_keys(_marks(other))}"
    odd = next((cell for cell in cells if not is_number(cell) and is_number(best.number(cell))), "")
    return f"numbers like {odd!r}{own}" if odd else ""


def _marks(layout: TextLayout) -> dict[str, str]:
    return {"decimal": layout.decimal, "thousands": layout.thousands}


def _keys(marks: Mapping[str, str]) -> str:
    """`` (`decimal: ","`)``, or nothing."""
    keys = [f"`{key}: {json.dumps(mark, ensure_ascii=False)}`" for key, mark in marks.items()]
    return f" ({' and '.join(keys)})" if keys else ""
