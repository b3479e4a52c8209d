"""A look at a table that nothing is known of: how it is written, and which keys a `CSVSeries` needs to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minidl.core.errors import ConfigError
from minidl.core.registry import suggest
from minidl.core.text import counted, listed, shell_word
from minidl.data.series import Table
from minidl.data.tables.layout import TextLayout
from minidl.data.tables.marks import GAPS, is_number
from minidl.data.tables.row_keys import KEPT, readable
from minidl.data.tables.several import column_without_times, columns_of_series, some_of
from minidl.data.tables.symbols import Contents, contents_of
from minidl.data.tables.time_columns import columns_of_times, holds_times, unread_times
from minidl.data.tables.written import how_written

_YES_AND_NO = ({"yes", "no"}, {"true", "false"}, {"y", "n"}, {"t", "f"}, {"on", "off"})


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
    path: Path,
    target: str | Sequence[str] | None,
    time_format: str | None = None,
    series_by: Sequence[str] | None = None,
    time_zone: str | None = None,
) -> Findings:
    """The keys with which a table can be read.

    Parameters
    ----------
    target : the column to forecast, or several; None: the only one of numbers.
    time_format : of its times; None: it is looked for.
    series_by : the columns that tell several series apart; empty: it is one; None: they are looked for.
    time_zone : where times are local; None: nobody said.

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
    contents = {name: contents_of(cells, layout) for name, cells in texts.items() if name}
    targets = [target] if isinstance(target, str) else list(target or ())
    others = {name: cells for name, cells in texts.items() if name not in targets}
    times, form = columns_of_times(written.file, others, time_format, time_zone)
    numbers = [name for name, of in contents.items() if of.kind == "numbers" and name not in times]
    targets = _the_targets(targets, texts, numbers, layout)
    others = {name: cells for name, cells in others.items() if name not in targets}
    keys = {"path": str(path), "target": targets if len(targets) > 1 else targets[0], **keys}
    beside = [text for text in written.symbols.get(targets[0], []) if text != "()"]
    units = beside[0] if beside else written.units.get(targets[0], "")
    keys |= {"units": units} if units and len(targets) == 1 else {}
    keys |= _time_keys(times, form, time_zone, others, words)
    series = _series(others, times, series_by, words)
    keys |= {"series_by": series[0] if len(series) == 1 else list(series)} if series else {}
    words += [_series_words(texts, series)] if series else []
    left = {name: of for name, of in contents.items() if name not in (*times, *series)}
    _add_features(keys, words, texts, left, targets)
    words += _without_target(texts, series, targets, keys["features"])
    return Findings(keys, words, readable(keys, words, written))


def _time_keys(
    times: list[str], form: str, time_zone: str | None, others: Mapping[str, Sequence[str]], words: list[str]
) -> dict[str, Any]:
    """The keys of the columns of times, and words that say so."""
    if not times:
        if time_zone:
            raise ConfigError("--time-zone: no column of times was found.")
        words += unread_times(others)
        return {}
    read_as = f", of the form {form}" if form else ", ISO" if len(times) == 1 else ""
    words.append(f"times in {', '.join(map(repr, times))}{read_as}{f', local in {time_zone}' if time_zone else ''}")
    keys: dict[str, Any] = {"time": times if len(times) > 1 else times[0]}
    return keys | ({"time_format": form} if form else {}) | ({"time_zone": time_zone} if time_zone else {})


def _add_features(
    keys: dict[str, Any],
    words: list[str],
    texts: dict[str, list[str]],
    left: dict[str, Contents],
    targets: Sequence[str],
) -> None:
    """The keys of the columns that a model gets, of `left`, and of their gaps."""
    numbers = [name for name, of in left.items() if of.kind == "numbers"]
    keys["features"] = [*targets, *(name for name in numbers if name not in targets)]
    categories = {
        name: {text: i for i, text in enumerate(sorted({*texts[name], ""}))}
        for name, of in left.items()
        if of.kind == "categories"
    }
    if categories:
        keys |= {"features": keys["features"] + list(categories), "categories": categories}
        words.append(f"texts in {', '.join(categories)}: numbered in the order of the alphabet (`categories`)")
    left_out = [f"{name} ({of.kind})" for name, of in left.items() if name not in keys["features"]]
    words += [f"left out: {', '.join(left_out)}"] if left_out else []
    gaps = set[str]()
    for name in numbers:
        gaps |= left[name].gaps
        if left[name].unusual:
            words.append(f"{listed(list(map(repr, left[name].unusual)))} in {name}: taken as a gap (`missing`)")
    if gaps:
        keys |= {"gaps": "interpolate", "missing": sorted(gaps)}
        words.append(f"gaps, as {', '.join(map(repr, sorted(gaps)))}: filled (`gaps`)")


def _series(
    texts: dict[str, list[str]], times: Sequence[str], asked: Sequence[str] | None, words: list[str]
) -> tuple[str, ...]:
    """The columns that tell several series apart, of those that are no targets; ConfigError where it is to be said."""
    for name in asked or ():
        if name not in texts or name in times:
            known = [column for column in texts if column not in ("", *times)]
            raise ConfigError(f"--series-by: {name!r} is no column that tells series apart{suggest(name, known)}")
    if asked is not None:
        return tuple(asked)
    found = None if times else column_without_times(texts)
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
    return columns_of_series(texts, times, KEPT)


def _series_words(texts: dict[str, list[str]], columns: tuple[str, ...]) -> str:
    """How many series these columns tell apart, and some of them."""
    names = list(map(" / ".join, zip(*(texts[name] for name in columns), strict=True)))
    by = " and ".join(map(repr, columns))
    some = f"told apart by {by} (`series_by`): {some_of(names)}"
    return f"{len(set(names)):,} series, {some}; each is scaled on its own"


def _without_target(
    texts: dict[str, list[str]], series: Sequence[str], targets: Sequence[str], features: Sequence[str]
) -> list[str]:
    """What rows at the end without any target may be; nothing where there are none, or nothing is known in them."""
    names = list(zip(*(texts[name] for name in series), strict=True)) or [()] * len(texts[targets[0]])
    cells = zip(*(texts[target] for target in targets), strict=True)
    last = {name: i for i, (name, of) in enumerate(zip(names, cells, strict=True)) if not {*of} <= {*GAPS}}
    rows = [i for i, name in enumerate(names) if i > last.get(name, i)]
    known = [name for name in features if name not in targets and all(texts[name][i] not in GAPS for i in rows)]
    if not rows or not known:
        return []
    are, them = ("is", "it") if len(known) == 1 else ("are", "them")
    without = f"{'has' if len(rows) == 1 else 'have'} no {' and no '.join(targets)}"
    return [
        f"{counted(len(rows), 'row')} at the end {without}, and "
        f"{listed(known)} {are} known there; if {listed(known)} {are} known when a forecast is made, as a holiday or a "
        f"price is, name {them} in `known_ahead`: `minidl predict` then goes on with these rows"
    ]


def _the_targets(
    targets: Sequence[str], texts: dict[str, list[str]], numbers: list[str], layout: TextLayout
) -> list[str]:
    """The columns to forecast; ConfigError if they are to be said, or hold no numbers."""
    if not targets and len(numbers) != 1:
        which = ", ".join([*numbers[:20], *["..."] * (len(numbers) > 20)]) or "none"
        raise ConfigError(f"--from: also needs --target, the column to forecast; columns of numbers: {which}.")
    for target in targets:
        if target not in numbers:
            raise _no_numbers(target, texts, numbers, layout)
        if targets.count(target) > 1:
            raise ConfigError(f"--target: {target!r} stands there twice.")
    return list(targets or numbers)


def _no_numbers(target: str, texts: Mapping[str, list[str]], numbers: list[str], layout: TextLayout) -> ConfigError:
    """The error of a target that is not among the columns of numbers."""
    cells, known = texts.get(target, []), [name for name in texts if name]
    odd = [cell for cell in cells if cell not in GAPS and not is_number(layout.number(cell))]
    two = sorted(set(cells) - {*GAPS})
    if len(two) == 2 and {text.lower() for text in two} in _YES_AND_NO:
        hint = f": write 0 and 1 in place of {two[0]!r} and {two[1]!r}."
        return ConfigError(f"--target: {target!r} is no column of numbers{hint}")
    if not cells and holds_times(known):
        return ConfigError("--target: the header holds times; turn the table round, so that each row has a time.")
    hint = f": {odd[0]!r} is none." if odd else suggest(target, numbers)
    hint = hint or f"; those are {', '.join(numbers) or 'none'}."
    return ConfigError(f"--target: {target!r} is no column of numbers{hint}")
