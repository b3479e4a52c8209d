"""What a config for a table says of its gaps: windows with long ones left out, masks offered, tests without truth."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from minidl.core.text import counted, listed, printable
from minidl.data import Table, WindowData
from minidl.data.gaps import longest_run
from minidl.data.long_gaps import free_of, rows_too_long
from minidl.data.splits import Splits

_MASKED = 0.02  # of a column, from which on a mask is offered
_UNSCORED = 0.1  # of the tests' target, from which on it is told
_KEPT = 0.5  # of the windows of each part, at least, that a limit leaves
_SHOWN = 5  # columns for which a mask is offered


@dataclass(frozen=True)
class GapLines:
    """What there is to say: lines of the ``data`` section, and sentences beside what was found."""

    config: str = ""
    words: tuple[str, ...] = ()


def gap_lines(data: WindowData, splits: Splits) -> GapLines:
    """The lines for the gaps of a table; none where it has none.

    A gap longer than a quarter of a window is too long to be filled: `longest_gap` leaves the windows that hold one
    out, unless fewer than half of those that train, or that validate, are left then; it is a comment then.

    Parameters
    ----------
    data : what the config has so far.
    splits : its parts.
    """
    table, limit = splits.table, max(1, data.time_steps // 4)
    if table.gaps is None:
        return GapLines()
    lines = _limit_lines(data, splits, limit) if _longest(splits) > limit else []
    lines += _mask_lines(table.feature_names, table.gaps.where.mean(axis=0).tolist())
    return GapLines("".join(f"  {line}\n" for line in lines), (_filled(table), *_unscored(splits)))


def _longest(splits: Splits) -> int:
    """Rows of the longest gap of a column before the test part."""
    table = splits.table
    where = np.zeros((0, 0), bool) if table.gaps is None else table.gaps.where & ~splits.in_test[:, None]
    return max(longest_run(column)[1] for rows in table.stretches() for column in where[rows].T)


def _limit_lines(data: WindowData, splits: Splits, limit: int) -> list[str]:
    """`longest_gap`, with what it costs."""
    table = splits.table
    stretches = zip(table.stretches(), splits.test_rows, strict=True)
    too_long = rows_too_long(table, limit, [data.borders(rows.stop - rows.start, n) for rows, n in stretches])
    costs, dear = [], False
    for name, windows in (("training", splits.train), ("validation", splits.validation)):
        if windows is not None and too_long is not None:
            free = free_of(too_long, windows.given, data.time_steps)
            costs.append(f"{(~free).sum():,} of {len(free):,} {name} windows")
            dear |= free_of(too_long, windows.starts, data.time_steps).mean() < _KEPT  # of those with a label
    beginning = f"longest_gap: {limit}"
    if dear:
        return [
            f"# {beginning:<26}# rows: windows that hold a longer gap would be left out; not asked for, since",
            f"# {'':<26}# these are {listed(costs)}",
        ]
    return [
        f"{beginning:<28}# rows: windows that hold a longer gap are left out of training and validation;",
        f"{'':<28}# these are {listed(costs)}",
    ]


def _mask_lines(names: tuple[str, ...], shares: list[float]) -> list[str]:
    """An offer of masks for the columns of which much is missing."""
    much = {name: share for name, share in zip(names, shares, strict=True) if share > _MASKED}
    some = sorted(much, key=lambda name: -much[name])[:_SHOWN]
    if not some:
        return []
    told = listed([f"{100 * much[name]:.0f} % of {name}" for name in some])
    more = f", and {counted(len(much) - _SHOWN, 'column')} more" if len(much) > _SHOWN else ""
    masks = ", ".join(f"{{type: GapMask, column: {json.dumps(name)}}}" for name in some)
    return [f"# missing: {printable(told)}{more}; a mask tells the model where:", f"# derived: [{masks}]"]


def _filled(table: Table) -> str:
    names = listed([one.target_name for one in table.of_targets()])
    return (
        "gaps are filled, by lines between their neighbours and in the test part by the last known value; what was a "
        f"gap in {names} is neither trained on nor scored"
    )


def _unscored(splits: Splits) -> list[str]:
    """Of which targets much is missing in the test part."""
    tables = splits.table.of_targets()
    shares = {table.target_name: 1 - float(np.mean(table.target_known[splits.in_test])) for table in tables}
    return [
        f"{100 * share:.0f} % of {name} is missing in the test part: it is not scored"
        for name, share in shares.items()
        if share > _UNSCORED
    ]
