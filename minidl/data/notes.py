"""What whoever trains on a table should know of it, in lines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from minidl.core.text import counted
from minidl.data.series import Table
from minidl.data.windows import Windows

Mask = npt.NDArray[np.bool_]


def notes_of(table: Table, in_test: Mask, leads: int, parts: Mapping[str, Windows | None]) -> list[str]:
    """What became of rows, how many gaps were filled, what those cost that are no labels, how many leads there are.

    Parameters
    ----------
    in_test : (n,), which rows are test rows.
    parts : windows of the parts that have labels, by name.
    """
    n, of_targets = table.n_filled, table.of_targets()
    unknown = sum(int((~one.target_known).sum()) for one in of_targets)
    several, longest = _several(table, in_test), max(map(len, table.later), default=0)
    if longest:
        several.append(f"up to {counted(longest, 'row')} without a target at the end are for predictions")
    filled = [f"{n} gap{'s' * (n != 1)} in the data {'were' if n != 1 else 'was'} filled"] if n else []
    where = f"target{'s' * (len(of_targets) > 1)}"
    left = [f"{unknown} of them in the {where}: they are neither trained on nor scored"] if unknown else []
    left += [line for name, windows in parts.items() if windows is not None for line in windows.lost(name)]
    return (
        several + [*table.rearranged] + filled + left + ([f"{leads} leads are forecast at once"] if leads > 1 else [])
    )


def _several(table: Table, in_test: Mask) -> list[str]:
    """How many series there are, and whether the training rows of one follow the test rows of another."""
    if not table.series:
        return []
    short, *_, long = sorted([len(one) for one in table.each()] * 2)
    rows = f"{short}" if short == long else f"{short} to {long}"
    lines = [f"{len(table.series):,} series of {rows} rows each"]
    if table.times is not None and table.times[~in_test].max() >= table.times[in_test].min():
        lines.append(
            "they end at different times, so that rows of one that are trained on may be later than others' tests; "
            "`test_by_time` begins all tests at one time"
        )
    without = sum(not in_test[rows].any() for rows in table.stretches())
    return lines + [f"{without:,} of them end before the test part begins"] * bool(without)
