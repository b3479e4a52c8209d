"""The columns of times of a table of which nothing is known, and the form of their times."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from minidl.core.errors import ConfigError
from minidl.data.tables.rows import TableRows
from minidl.data.tables.time_formats import TimeFormat, example

_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d %b %Y", "%b %d, %Y", "%d-%b-%Y")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", "T%H:%M:%S%z", " %I:%M %p", " %H:%M:%S.%f", " %H.%M")
_WITH_ZONE = (" %H:%M %Z", " %H:%M:%S %Z")
_OTHERS = ("%Y%m%d", "%Y%m%d%H", "%Y-%m", "%Y/%m", "%b %Y", "%b-%y", "%Y %b", "%Y-Q%q", "%YQ%q", "%Y", "%Y.0")
FORMATS = ("", *_OTHERS, *(date + clock for date in _DATES for clock in (*_CLOCKS, *_WITH_ZONE)))
_NUMBERS = ("%Y", "%Y.0", "%Y%m%d", "%Y%m%d%H")  # what other numbers look like, too
_PARTS = ("year", "month", "day", "hour")
_OF_YEAR = {"quarter": "%q", "month": "%m"}
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
        forms = [form for form in forms if form not in _NUMBERS or _dates_named(name)]
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
    return [], ""


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
            for whole in (f"{form} {_OF_YEAR[part]}", f"{form} {_OF_YEAR[part]}.0"):
                both = TimeFormat(whole)
                if all(both.matches(f"{texts[date][0]} {cell}") for cell in set(texts[name])):
                    return [date, name], whole
    if form in ("", *_DATES) and not any(":" in cell for cell in texts[date]):
        for name, cells in texts.items():
            for clock in _CLOCK_COLUMNS if name != date else ():
                both = TimeFormat(f"{form or _ISO_DATE} {clock}")
                if all(both.matches(f"{texts[date][0]} {cell}") for cell in set(cells)):
                    return [date, name], f"{form or _ISO_DATE} {clock}"
    return [date], form


def _dates_named(column: str) -> bool:
    """Whether a column of whole numbers is called like times."""
    return any(word in column.lower() for word in ("date", "time", "year", "jahr", "datum"))
