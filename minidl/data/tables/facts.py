"""What a table holds, in words: its seasons, and where its gaps are."""

from __future__ import annotations

import numpy as np

from minidl.core.text import counted, listed
from minidl.data.gaps import longest_run
from minidl.data.seasons import SeasonName, rows_of_season
from minidl.data.series import Table

_SEASONS: tuple[SeasonName, ...] = ("day", "week", "year")
_COLUMNS = 3  # of which gaps are told
_PAIRS = 3  # of values, at least, for a correlation


def seasons(table: Table) -> str:
    """The seasons that the rows' step has, and how like the target is to itself one season ago.

    Pearson's correlation of known values one season apart, of all series, each less its mean.
    """
    if table.times is None:
        return "rows have no times, so that no season is known"
    found = [(season, n) for season in _SEASONS if (n := rows_of_season(table.step, season)) is not None]
    if not found:
        return "no season is a whole number of rows"
    what = "seasons" if len(found) > 1 else "season"
    each = []
    for one in table.of_targets():
        told = [f"a {season} of {counted(n, 'row')} ({_likeness(one, n)})" for season, n in found]
        each.append(f"of {one.target_name} and itself one season ago: {listed(told)}")
    return f"{what}, with the correlation {'; '.join(each)}"


def _likeness(table: Table, lag: int) -> str:
    pairs = [np.empty((2, 0))]
    for one in table.each():
        values = np.where(one.target_known, one.values[:, one.target_index], np.nan)
        if len(one) > 2 * lag:
            pairs.append(np.stack([values[lag:], values[:-lag]]) - np.nanmean(values))
    both = np.concatenate(pairs, axis=1)
    both = both[:, ~np.isnan(both).any(axis=0)]
    if both.shape[1] < _PAIRS:
        return "too few rows"
    later, earlier = both - both.mean(axis=1, keepdims=True)
    squares = float((later**2).sum() * (earlier**2).sum())
    return f"{float(later @ earlier) / squares**0.5:.2f}" if squares else "constant"


def gap_stretches(table: Table) -> list[str]:
    """Of the columns with the most gaps, how many there are, in how many stretches, and where the longest is."""
    if table.gaps is None:
        return []
    where = table.gaps.where
    most = [int(i) for i in np.argsort(-where.sum(axis=0), kind="stable") if where[:, i].any()]
    lines = []
    for i in most[:_COLUMNS]:
        stretches, longest, row = 0, 0, 0
        for part in table.stretches():
            column = where[part, i]
            stretches += int((np.diff(column.astype(np.int8), prepend=0) == 1).sum())
            first, length = longest_run(column)
            if length > longest:
                longest, row = length, part.start + first
        number, runs = counted(int(where[:, i].sum()), "gap"), f"{stretches:,} stretch{'es' * (stretches != 1)}"
        place = f"the longest of {counted(longest, 'row')} from {table.when(row)} on"
        lines.append(f"{table.feature_names[i]}: {number} in {runs}, {place} (`max_gap` refuses long ones)")
    return lines + [f"gaps in {counted(len(most) - _COLUMNS, 'column')} more"] * (len(most) > _COLUMNS)
