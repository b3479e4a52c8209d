"""Forms of times in texts, and reading them: one by one, or a whole column at once.

A form is written as for Python's strptime (``%d/%m/%Y %H:%M``). In bulk, cells of one shape
(digits, letters and marks in the same places) have their parts in the same places: the first
cell of a shape is matched, and the digits of all others are read where its parts stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from minidl.core.errors import ConfigError
from minidl.data.tables.cells import Bytes, Column, Places
from minidl.data.tables.moments import Groups, Mask, Numbers, completed, moment, moments
from minidl.data.tables.time_zones import zone_of

_ISO = (
    r"(?P<Y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)(?:[T ](?P<H>\d\d)(?::(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?)?)?)?"
    r"(?:Z|(?P<sign>[+-])(?P<zh>\d\d):?(?P<zm>\d\d))?"
)
_SHAPES = 400  # so many shapes in a block are no times
_WIDEST = 48
_PARTS = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d\d)",
    "m": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{1,2})",
    "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<I>\d{1,2})",
    "M": r"(?P<M>\d{1,2})",
    "S": r"(?P<S>\d{1,2})",
    "j": r"(?P<j>\d{1,3})",
    "q": r"(?P<q>[1-4])",
    "G": r"(?P<G>\d{4})",
    "V": r"(?P<V>\d{1,2})",
    "u": r"(?P<u>[1-7])",
    "s": r"(?P<s>\d{1,11})",
    "Q": r"(?P<Q>\d{12,14})",
    "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[AaPp])\.?[Mm]\.?",
    "b": r"(?P<b>[A-Za-z]{3,9})\.?",
    "B": r"(?P<b>[A-Za-z]{3,9})\.?",
    "a": r"(?P<a>[A-Za-z]{2,10})\.?",
    "A": r"(?P<a>[A-Za-z]{2,10})\.?",
    "z": r"(?:Z|(?P<sign>[+-])(?P<zh>\d\d):?(?P<zm>\d\d))",
    "Z": r"(?P<Z>[A-Za-z][\w+/-]*)",
    "*": r".*",
    "%": "%",
}
_LETTERS = ("a", "b", "p", "sign", "Z")
_EXAMPLES = {"q": "4", "s": "1420066800", "Q": "1420066800000", "z": "+01:00", "f": "0", "*": "..."}
_SAMPLE = datetime(2014, 12, 31, 23)


class TimeFormat:
    """A form of times.

    Parameters
    ----------
    pattern : as for strptime: ``%Y %y %m %d %b %B %j %G %V %u %H %I %p %M %S %f %z %Z``, and ``%q`` for a quarter,
        ``%s`` for seconds since 1970 and ``%Q`` for milliseconds. ``%a`` and ``%A``, the name of a day, and ``%*``, a
        text of any length, are not looked at. A week without ``%u`` is its Monday. "": ISO 8601, which Z or an offset
        may follow.
    any_zone : whether the names of time zones (``%Z``) are not looked at, so that times are local.

    Raises
    ------
    ConfigError
        An unknown part, one twice, or no year.
    """

    def __init__(self, pattern: str = "", *, any_zone: bool = False) -> None:
        self.pattern, self.any_zone = pattern, any_zone
        self._match = re.compile(_expression(pattern) if pattern else _ISO, re.ASCII).fullmatch

    def matches(self, text: str) -> bool:
        """Whether a text is a time of this form."""
        try:
            self.parse(text)
        except ValueError:
            return False
        return True

    def has_offset(self, text: str) -> bool:
        """Whether a time says its offset from UTC (``Z`` or ``+01:00``), or counts seconds from there."""
        found = self._match(text)
        return found is not None and _zoned(self._groups(found), text)

    def _groups(self, found: re.Match[str]) -> dict[str, str | None]:
        """The texts of the parts."""
        groups = found.groupdict()
        return {**groups, "Z": None} if self.any_zone else groups

    def parse(self, text: str) -> datetime:
        """A time without zone, in UTC if the text gives an offset.

        Raises
        ------
        ValueError
            The text is no time of this form.
        """
        shown = repr(text if len(text) <= 40 else text[:37] + "...")
        found = self._match(text)
        if found is None:
            raise ValueError(f"{shown} is no time like {self._example()}")
        parts = {name: int(part) for name, part in found.groupdict().items() if part and name not in _LETTERS}
        try:
            return moment(completed(parts, self._groups(found)))
        except (ValueError, OverflowError) as err:
            raise ValueError(f"{shown} is no time: {err}.") from err

    def _example(self) -> str:
        if not self.pattern:
            return "'2014-12-31 23:00' (ISO 8601; Z or +01:00 may follow)."
        return f"{example(self.pattern)!r} (`time_format`: {self.pattern!r})."

    def read(self, columns: Sequence[Column]) -> tuple[Numbers, Mask, Mask]:
        """Seconds since 1970 (n,), which cells have an offset, and which are read; the others want `parse`.

        Parameters
        ----------
        columns : whose cells are joined by spaces.
        """
        n = len(columns[0])
        seconds, zoned, known = np.zeros(n, np.int64), np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        for blocks in zip(*(column.blocks() for column in columns), strict=True):
            rows = blocks[0][0]
            cells = _joined([(column, *block[1:]) for column, block in zip(columns, blocks, strict=True)])
            for at, text, places in _shapes(cells):
                found = self._match(text)
                if found is not None and _zone_is_known(self._groups(found)):
                    groups = self._groups(found)
                    moment, right = moments(completed(_digits(found, cells, at, places), groups))
                    seconds[rows][at], known[rows][at] = moment, right
                    zoned[rows][at] = _zoned(groups, text)
        return seconds, zoned, known


def example(pattern: str) -> str:
    """How a time of this form may look."""
    for part, text in (
        ("q", "4"),
        ("s", "1420066800"),
        ("Q", "1420066800000"),
        ("z", "+01:00"),
        ("f", "0"),
        ("*", "..."),
    ):
        pattern = pattern.replace(f"%{part}", text)
    return _SAMPLE.strftime(pattern)


def _expression(pattern: str) -> str:
    """The regular expression of a strptime pattern; numbers that stand side by side have two digits each."""
    found = re.split("%(.)", pattern)
    made, names = [re.escape(found[0])], found[1::2]
    for i, (name, text) in enumerate(zip(names, found[2::2], strict=True)):
        if name not in _PARTS or names.count(name) > 1:
            problem = "stands there twice" if name in _PARTS else f"is none of {', '.join(f'%{one}' for one in _PARTS)}"
            raise ConfigError(f"time_format: {pattern!r}: %{name} {problem}.")
        beside = (not text and i + 1 < len(names)) or (i > 0 and not found[2 * i])
        made += [_PARTS[name].replace("{1,2}", "{2}" if beside else "{1,2}"), re.escape(text)]
    if not {"Y", "y", "G", "s", "Q"} & set(names):
        raise ConfigError(f"time_format: {pattern!r}: there is no year (%Y, or %y for two digits).")
    return "".join(made)


def _zoned(groups: Groups, text: str) -> bool:
    if groups.get("Z"):
        return True
    return groups["zh"] is not None or text.endswith("Z") if "zh" in groups else not groups.keys().isdisjoint("sQ")


def _zone_is_known(groups: Groups) -> bool:
    try:
        zone_of(groups.get("Z") or "UTC")
    except ValueError:
        return False
    return True


def _joined(parts: Sequence[tuple[Column, Places, Places]]) -> Bytes:
    """(n, width): the cells of all columns, with a space between; 0 where nothing stands, or where it is too long."""
    made = []
    for column, starts, ends in parts:
        lengths = ends - starts
        width = max(1, min(int(lengths.max()), _WIDEST))
        cells = column.matrix(starts, width)
        cells[(np.arange(width) >= lengths[:, None]) | (lengths > width)[:, None]] = 0
        made += [cells, np.full((len(cells), 1), ord(" "), np.uint8)]
    return np.concatenate(made[:-1], axis=1)


def _shapes(cells: Bytes) -> Iterator[tuple[Numbers, str, Numbers]]:
    """Rows of one shape, the text of the first of them, and where its characters stand."""
    shape = cells.copy()
    shape[(cells >= ord("0")) & (cells <= ord("9"))] = ord("0")
    rest = np.arange(len(cells))
    for _ in range(_SHAPES):
        same = (shape[rest] == shape[rest[0]]).all(axis=1)
        places = np.flatnonzero(shape[rest[0]])
        yield rest[same], cells[rest[0], places].tobytes().decode("latin-1"), places
        rest = rest[~same]
        if not len(rest):
            return


def _digits(found: re.Match[str], cells: Bytes, rows: Numbers, places: Numbers) -> dict[str, Any]:
    """The numbers of a match, in all rows of its shape."""
    parts = {}
    for name, text in found.groupdict().items():
        if text and name not in _LETTERS:
            parts[name] = np.zeros(len(rows), np.int64)
            for place in places[slice(*found.span(name))]:
                parts[name] = 10 * parts[name] + (cells[rows, place] - np.uint8(48))
    return parts
