"""The columns of times of a table of which nothing is known, and the form of their times."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from minidl.core.errors import ConfigError
from minidl.data.tables.rows import TableRows
from minidl.data.tables.time_formats import TimeFormat, example

_DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d %b %Y", "%b %d, %Y", "%d-%b-%Y"),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%b-%y", "%a %d %b %Y", "%a, %d %b %Y", "%a, %b %d, %Y", "%a %d.%m.%Y"),
)
_CLOCKS = (
    *("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", "T%H:%M:%S%z", " %I:%M %p", " %I:%M:%S %p", " %I:%M%p", ", %I:%M:%S %p"),
    *(", %H:%M:%S", " %H:%M:%S.%f", " %H.%M", " %H:%M - %*"),
)
_WITH_ZONE = (" %H:%M %Z", " %H:%M:%S %Z")
_COMPACT = ("%Y%m%d", "%Y%m%d%H", "%Y%m%d%H%M", "%Y%m%d%H%M%S")
_MONTHS = ("%Y-%m", "%Y/%m", "%b %Y", "%b-%Y", "%b-%y", "%b %y", "%Y %b", "%m/%Y", "%YM%m", "%Y-M%m")
_QUARTERS = ("%Y-Q%q", "%YQ%q", "%Y Q%q", "Q%q %Y", "Q%q-%Y", "Q%q/%Y", "%Y:%q", "%Y:%m")
_WEEKS = ("%G-W%V", "%GW%V", "%G-W%V-%u", "%GW%V-%u")
_BASIC = ("%Y%m%dT%H%M", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M%z", "%Y%m%dT%H%M%S%z")
_SINCE_1970 = ("%s", "%s.0", "%Q")
_OTHERS = (*_COMPACT, *_MONTHS, *_QUARTERS, *_WEEKS, *_BASIC, "%m.%Y", "%Y%m", "%Y", "%Y.0", *_SINCE_1970)
FORMATS = ("", *_OTHERS, *(date + clock for date in _DATES for clock in (*_CLOCKS, *_WITH_ZONE)))
_NUMBERS = (*_COMPACT, "%m.%Y", "%Y%m", "%Y", "%Y.0", *_SINCE_1970)  # what other numbers look like, too
_FEWEST_NAMES = 4  # of columns that may be times
_MOST = 0.9  # of a column's cells, that are times: the others are mistakes
_FEWEST_DIGITS = 9  # of seconds since 1970: from 1973 on
_NAMES = ("date", "time", "year", "month", "jahr", "monat", "datum", "zeit", "period", "epoch", "unix")
_PARTS = ("year", "month", "day", "hour")
_OF_YEAR = {
    "quarter": ("%Y %q",),
    "month": ("%Y %m", "%Y %b"),
    "week": ("%G %V",),
    **dict.fromkeys(("doy", "day of year", "dayofyear", "day_of_year", "yday"), ("%Y %j",)),
}
_HOURS = ("%H", "%H%M")
_HOUR_NAMES = ("hour", "hours", "hr", "he", "hour ending", "hour_ending", "hourending", "stunde", "time")
_PART_FORMS = {2: "%Y %m"}  # three or four are read without one
_CLOCK_COLUMNS, _ISO_DATE = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%H.%M.%S"), "%Y-%m-%d"


def columns_of_times(
    file: TableRows, texts: dict[str, list[str]], asked: str | None, time_zone: str | None
) -> tuple[list[str], str]:
    """The columns and their form; none: there are no times.

    Parameters
    ----------
    texts : of each column of the file that is no target.
    asked : the form; None: it is looked for.
    time_zone : where times are local, so that names of zones are not looked at; None: what they say counts.

    Raises
    ------
    ConfigError
        A form or a zone is to be said, or no column has the form that was asked for.
    """
    parts = [] if asked else _parts(texts)
    if parts:
        return parts, _PART_FORMS.get(len(parts), "")
    for name, cells in texts.items():
        forms = [form for form in ([asked] if asked else FORMATS) if _form(form).matches(cells[0])]
        forms = [form for form in forms if file.all_times(name, _form(form))]
        forms = [form for form in forms if form not in _NUMBERS or _may_be_times(name, cells[0], form)]
        if len({form.replace("%m", "%d") for form in forms}) < len(forms):
            raise ConfigError(
                f"--time-format: column {name}: {cells[0]!r} may be {' or '.join(map(repr, forms))}; say which "
                "(in a config the key is `time_format`)."
            )
        if forms and not time_zone:
            _check_zones(name, forms[0], list(dict.fromkeys(cells)))
        if forms:
            return _with_more(texts, name, forms[0])
    if asked:
        raise ConfigError(f"--time-format: no column holds times like {example(asked)!r} ({asked!r}) and nothing else.")
    _check_almost_times(file, texts)
    return [], ""


def _check_almost_times(file: TableRows, texts: Mapping[str, Sequence[str]]) -> None:
    """DataError for a column of which most cells are times of one form, at the first that is none."""
    for name, cells in texts.items():
        for form in FORMATS:
            if form in _NUMBERS or not _form(form).matches(cells[0]):
                continue
            _, rows = file.some_moments([name], _form(form))
            if _MOST * len(cells) <= len(rows) < len(cells):
                row = int(np.setdiff1d(np.arange(len(cells)), rows)[0])
                raise file.error(
                    row,
                    f"column {name}: {cells[row]!r} is no time, as {len(rows):,} cells are, like {cells[0]!r}; correct "
                    "it, or leave the row out of the file.",
                )


def _form(pattern: str) -> TimeFormat:
    return TimeFormat(pattern, any_zone=True)


def _check_zones(column: str, form: str, cells: Sequence[str]) -> None:
    """ConfigError for a name of a zone that is not known, or a time that its zone has twice or not at all."""
    for cell in cells if "%Z" in form else ():
        try:
            TimeFormat(form).parse(cell)
        except ValueError as err:
            raise ConfigError(f"--time-zone: column {column}: {err}") from err


def _parts(texts: dict[str, list[str]]) -> list[str]:
    """Columns that are called year, month, day and perhaps hour, and hold such numbers; none: there are none."""
    called = {name.strip().lower(): name for name in texts}
    parts = [called[part] for part in itertools.takewhile(called.__contains__, _PARTS)]
    whole = all(cell.isascii() and cell.isdigit() and len(cell) <= 4 for name in parts for cell in set(texts[name]))
    return parts if len(parts) > 1 and whole else []


def _with_more(texts: dict[str, list[str]], date: str, form: str) -> tuple[list[str], str]:
    """A column of years or dates, with one of quarters, months or clock times beside it if there is one."""
    for name, part in itertools.product(texts, _OF_YEAR) if form in ("%Y", "%Y.0") else ():
        if part == name.strip().lower():
            for whole in [one.replace("%Y", form) + end for one in _OF_YEAR[part] for end in ("", ".0")]:
                both = TimeFormat(whole)
                if all(both.matches(f"{texts[date][0]} {cell}") for cell in set(texts[name])):
                    return [date, name], whole
    if form in ("", "%Y%m%d", *_DATES) and not any(":" in cell for cell in texts[date]):
        for name, cells in texts.items():
            clocks = (*_CLOCK_COLUMNS, *(_HOURS if name.strip().lower() in _HOUR_NAMES else ()))
            for clock in clocks if name != date else ():
                both = TimeFormat(f"{form or _ISO_DATE} {clock}")
                if all(both.matches(f"{texts[date][0]} {cell}") for cell in set(cells)):
                    return [date, name], f"{form or _ISO_DATE} {clock}"
    return [date], form


def _may_be_times(column: str, cell: str, form: str) -> bool:
    """Whether a column of whole numbers is called like times, and seconds since 1970 are some years of them."""
    return _named(column) and (form not in _SINCE_1970 or len(cell.partition(".")[0]) >= _FEWEST_DIGITS)


def _named(column: str) -> bool:
    """Whether a column is called like times."""
    return column.strip().lower() == "ts" or any(word in column.lower() for word in _NAMES)


def unread_times(texts: Mapping[str, Sequence[str]]) -> list[str]:
    """What is said of the first column that is called like times in a table where none was found that holds them."""
    for name, cells in texts.items():
        if name and _named(name) and len(set(cells)) > 1:
            odd = next((cell for cell in cells if cell), "")
            return [
                f"no column of times was found; if {name} holds them, like {odd!r}, say their --time-format "
                "(`time_format`)"
            ]
    return []


def holds_times(names: Sequence[str]) -> bool:
    """Whether most names of a table's columns but the first are dates, or months of a year."""
    some = names[1:20]
    forms = [TimeFormat(form) for form in ("", *_MONTHS, *_DATES)]
    n = max((sum(map(form.matches, some)) for form in forms), default=0)
    return len(some) >= _FEWEST_NAMES and 2 * n > len(some)
