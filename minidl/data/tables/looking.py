"""A look at a table that nothing is known of: how it is written, and which keys a `CSVSeries` needs to read it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minidl.core.errors import ConfigError
from minidl.core.registry import suggest
from minidl.core.text import shell_word
from minidl.data.series import Table
from minidl.data.tables.layout import TextLayout
from minidl.data.tables.marks import GAPS, is_number
from minidl.data.tables.row_keys import KEPT, readable
from minidl.data.tables.several import column_without_times, columns_of_series, some_of
from minidl.data.tables.time_formats import TimeFormat
from minidl.data.tables.written import how_written

_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d %b %Y", "%b %d, %Y", "%d-%b-%Y")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", "T%H:%M:%S%z", " %I:%M %p", " %H:%M:%S.%f", " %H.%M")
_OTHERS = ("%Y%m%d", "%Y%m%d%H", "%Y-%m", "%Y/%m", "%b %Y", "%b-%y", "%Y %b", "%Y-Q%q", "%YQ%q", "%Y", "%Y.0")
FORMATS = ("", *_OTHERS, *(date + clock for date in _DATES for clock in _CLOCKS))
_NUMBERS = ("%Y", "%Y.0", "%Y%m%d", "%Y%m%d%H")  # what other numbers look like, too
_PARTS = ("year", "month", "day", "hour")
_OF_YEAR = {"quarter": "%q", "month": "%m"}
_PART_FORMS = {2: "%Y %m"}  # three or four are read without one
_CLOCK_COLUMNS, _ISO_DATE = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%H.%M.%S"), "%Y-%m-%d"
_CATEGORIES = 20


@dataclass(frozen=True)
class Findings:
    """What was found.

    Parameters
    ----------
    keys : of the series, but for those at their defaults.
    words : what was found and assumed, a sentence each.
    table : what the series reads with these keys.
    """

    keys: dict[str, Any]
    words: list[str]
    table: Table


def look_at(
    path: Path, target: str | None, time_format: str | None = None, series_by: Sequence[str] | None = None
) -> Findings:
    """The keys with which a table can be read.

    Parameters
    ----------
    target : the column to forecast; None: the only one of numbers.
    time_format : of its times; None: it is looked for.
    series_by : the columns that tell several series apart; empty: it is one; None: they are looked for.

    Raises
    ------
    ConfigError
        No such column, or what is to be decided by the user.
    DataError, StorageError
        It cannot be read.
    """
    written = how_written(path)
    layout, texts, words = written.layout, written.texts, written.words
    keys: dict[str, Any] = {key: value for key, value in vars(layout).items() if value != getattr(TextLayout(), key)}
    # One without a name is of times, or nothing.
    kinds = {name: _kind(cells, layout) for name, cells in texts.items() if name}
    times, form = _times(texts, target or "", time_format)
    numbers = [name for name, kind in kinds.items() if kind == "numbers" and name not in times]
    target = _the_target(target, texts, numbers, layout)
    keys = {"path": str(path), "target": target, **keys}
    if times:
        keys |= {"time": times if len(times) > 1 else times[0]} | ({"time_format": form} if form else {})
        read_as = f", of the form {form}" if form else ", ISO" if len(times) == 1 else ""
        words.append(f"times in {', '.join(map(repr, times))}{read_as}")
    series = _series(texts, times, target, series_by, words)
    keys |= {"series_by": series[0] if len(series) == 1 else list(series)} if series else {}
    words += [_series_words(texts, series)] if series else []
    _add_features(keys, words, texts, kinds, (*times, *series))
    return Findings(keys, words, readable(keys, words, written))


def _add_features(
    keys: dict[str, Any], words: list[str], texts: dict[str, list[str]], kinds: dict[str, str], others: Sequence[str]
) -> None:
    """The keys of the columns that a model gets, all but `others`, and of their gaps."""
    target, left = keys["target"], {name: kind for name, kind in kinds.items() if name not in others}
    numbers = [name for name, kind in left.items() if kind == "numbers"]
    keys["features"] = [target, *(name for name in numbers if name != target)]
    categories = {
        name: {text: i for i, text in enumerate(sorted({*texts[name], ""}))}
        for name, kind in left.items()
        if kind == "categories"
    }
    if categories:
        keys |= {"features": keys["features"] + list(categories), "categories": categories}
        words.append(f"texts in {', '.join(categories)}: numbered in the order of the alphabet (`categories`)")
    left_out = [f"{name} ({kind})" for name, kind in left.items() if name not in keys["features"]]
    words += [f"left out: {', '.join(left_out)}"] if left_out else []
    gaps = sorted({cell for name in numbers for cell in texts[name] if cell in GAPS})
    if gaps:
        keys |= {"gaps": "interpolate", "missing": gaps}
        words.append(f"gaps, as {', '.join(map(repr, gaps))}: lines between their neighbours (`gaps`)")


def _series(
    texts: dict[str, list[str]], times: Sequence[str], target: str, asked: Sequence[str] | None, words: list[str]
) -> tuple[str, ...]:
    """The columns that tell several series apart; ConfigError where that is to be said."""
    for name in asked or ():
        if name not in texts or name in (target, *times):
            known = [column for column in texts if column not in ("", target, *times)]
            raise ConfigError(f"--series-by: {name!r} is no column that tells series apart{suggest(name, known)}")
    if asked is not None:
        return tuple(asked)
    found = None if times else column_without_times(texts, target)
    if found is not None:
        name, in_blocks = found
        problem = (
            f"no column of times was found, and column {name} may say which of {len(set(texts[name]))} series a row "
            f"belongs to ({some_of(texts[name])})"
        )
        options = f"--series-by {shell_word(name)}"
        if in_blocks:
            raise ConfigError(
                f'--series-by: {problem}: say {options}, or --series-by "" if the rows are one series; of times in '
                "another form say the --time-format (in a config the keys are `series_by` and `time_format`)."
            )
        words.append(f"{problem}; read as one series, unless you say {options} (`series_by`)")
    return columns_of_series(texts, times, target, KEPT)


def _series_words(texts: dict[str, list[str]], columns: tuple[str, ...]) -> str:
    """How many series these columns tell apart, and some of them."""
    names = list(map(" / ".join, zip(*(texts[name] for name in columns), strict=True)))
    by = " and ".join(map(repr, columns))
    some = f"told apart by {by} (`series_by`): {some_of(names)}"
    return f"{len(set(names)):,} series, {some}; each is scaled on its own"


def _kind(cells: list[str], layout: TextLayout) -> str:
    """``numbers``, ``categories``, or why the column is neither."""
    known = set(cells) - set(GAPS)
    if len(known) < 2:
        return "constant" if known else "empty"
    if all(is_number(layout.number(text)) for text in known):
        return "numbers"
    return "categories" if len(known) <= _CATEGORIES else "texts"


def _the_target(target: str | None, texts: dict[str, list[str]], numbers: list[str], layout: TextLayout) -> str:
    """The column to forecast; ConfigError if it is to be said, or holds no numbers."""
    if target is None and len(numbers) != 1:
        which = ", ".join([*numbers[:20], *["..."] * (len(numbers) > 20)]) or "none"
        raise ConfigError(f"--from: also needs --target, the column to forecast; columns of numbers: {which}.")
    target = numbers[0] if target is None else target
    if target not in numbers:
        raise _no_numbers(target, texts.get(target, []), numbers, layout)
    return target


def _no_numbers(target: str, cells: list[str], numbers: list[str], layout: TextLayout) -> ConfigError:
    """The error of a target that is not among the columns of numbers."""
    odd = [cell for cell in cells if cell not in GAPS and not is_number(layout.number(cell))]
    hint = f": {odd[0]!r} is none." if odd else suggest(target, numbers)
    hint = hint or f"; those are {', '.join(numbers) or 'none'}."
    return ConfigError(f"--target: {target!r} is no column of numbers{hint}")


def _times(texts: dict[str, list[str]], target: str, asked: str | None) -> tuple[list[str], str]:
    """The columns of times and their form; none: there are no times."""
    parts = [] if asked else _parts(texts, target)
    if parts:
        return parts, _PART_FORMS.get(len(parts), "")
    for name, cells in texts.items():
        known = list(dict.fromkeys(cells))
        if name == target:
            continue
        forms = [form for form in ([asked] if asked else FORMATS) if TimeFormat(form).matches(known[0])]
        forms = [form for form in forms if all(map(TimeFormat(form).matches, known))]
        forms = [form for form in forms if form not in _NUMBERS or _dates_named(name)]
        if len({form.replace("%m", "%d") for form in forms}) < len(forms):
            raise ConfigError(
                f"--time-format: column {name}: {known[0]!r} may be {' or '.join(map(repr, forms))}; say which "
                "(in a config the key is `time_format`)."
            )
        if forms:
            return _with_more(texts, target, name, forms[0])
    return [], ""


def _parts(texts: dict[str, list[str]], target: str) -> list[str]:
    """Columns that are called year, month, day and perhaps hour, and hold such numbers; none: there are none."""
    called = {name.strip().lower(): name for name in texts if name != target}
    parts = [called[part] for part in itertools.takewhile(called.__contains__, _PARTS)]
    whole = all(cell.isascii() and cell.isdigit() and len(cell) <= 4 for name in parts for cell in set(texts[name]))
    return parts if len(parts) > 1 and whole else []


def _with_more(texts: dict[str, list[str]], target: str, date: str, form: str) -> tuple[list[str], str]:
    """A column of years or dates, with one of quarters, months or clock times beside it if there is one."""
    for name, part in itertools.product(texts, _OF_YEAR) if form in ("%Y", "%Y.0") else ():
        if name != target and part == name.strip().lower():
            for whole in (f"{form} {_OF_YEAR[part]}", f"{form} {_OF_YEAR[part]}.0"):
                both = TimeFormat(whole)
                if all(both.matches(f"{texts[date][0]} {cell}") for cell in set(texts[name])):
                    return [date, name], whole
    if form in ("", *_DATES) and not any(":" in cell for cell in texts[date]):
        for name, cells in texts.items():
            for clock in _CLOCK_COLUMNS if name not in (target, date) else ():
                both = TimeFormat(f"{form or _ISO_DATE} {clock}")
                if all(both.matches(f"{texts[date][0]} {cell}") for cell in set(cells)):
                    return [date, name], f"{form or _ISO_DATE} {clock}"
    return [date], form


def _dates_named(column: str) -> bool:
    """Whether a column of whole numbers is called like times."""
    return any(word in column.lower() for word in ("date", "time", "year", "jahr", "datum"))
