"""What the columns of a table are for: which of them are forecast, and what else a series' arguments name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from typing import NamedTuple, TypeVar

from minidl.core.errors import ConfigError
from minidl.core.registry import suggest

Table = TypeVar("Table")


class Target(NamedTuple):
    """Where the column stands in the table, and its units."""

    column: int
    units: str = ""


def as_only_target(table: Table, target: Target) -> Table:
    """A copy of a `minidl.data.Table`, whose values are not looked at again, in which this is the target."""
    one = copy(table)
    vars(one).update(target_index=target.column, units=target.units)
    vars(one).pop("target_known", None)
    return one


def named_targets(
    target: str | Sequence[str], units: str | Sequence[str], features: Sequence[str], who: str
) -> list[Target]:
    """The targets that a series' arguments name, one or several; `who` it is, for messages.

    Raises
    ------
    ConfigError
        One is no feature, or stands there twice, or the units are not as many.
    """
    names, of_each = ([given] if isinstance(given, str) else list(given) for given in (target, units))
    for name in names:
        if name not in features:
            raise ConfigError(f"{who}: target: {name!r} is not among the features{suggest(name, features)}")
        if names.count(name) > 1:
            raise ConfigError(f"{who}: target: {name!r} appears twice.")
    if units and len(of_each) != len(names):
        raise ConfigError(f"{who}: units: expected those of each target, {len(names)} of them, got {units!r}.")
    of_each = of_each if units else [""] * len(names)
    return [Target(features.index(name), unit) for name, unit in zip(names, of_each, strict=True)]


def check_columns(features: Sequence[str], named: Mapping[str, Collection[str]], who: str) -> None:
    """Refuse a feature that stands there twice, and names by key that are no features; `who` is for messages."""
    for name in features:
        if features.count(name) > 1:
            raise ConfigError(f"{who}: features: {name!r} appears twice.")
    for key, names in named.items():
        for name in names:
            if name not in features:
                raise ConfigError(f"{who}: {key}: {name!r} is not among the features{suggest(name, features)}")
