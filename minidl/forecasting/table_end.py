"""The end of a table that a forecast starts from: whether it can, and the rows that come after it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.data import Table
from minidl.data.known_ahead import later_values
from minidl.data.steps import later


def known_gaps(table: Table, time_steps: int, where: str) -> npt.NDArray[np.bool_]:
    """Which values are gaps, of a table that a forecast can start from; see `forecast_ahead`."""
    if len(table) < time_steps:
        raise DataError(f"{where}the table has {len(table)} rows; a window needs {time_steps}.")
    gaps = np.zeros(table.values.shape, bool) if table.gaps is None else table.gaps.where
    if gaps[-1].any():
        raise DataError(f"{where}{_ends_with_a_gap(table, gaps)}")
    return gaps


def continued(table: Table, count: int) -> Table:
    """The table with so many more rows: times go on; values are those of the last row, but for what is known ahead."""
    values = np.concatenate([table.values, later_values(table, count)])
    times = table.times
    if times is not None:
        step = table.step
        more = None if step is None else [later(times[-1], step, j + 1) for j in range(count)]
        times = None if more is None else np.concatenate([times, np.array(more, times.dtype)])
    gaps = table.gaps
    if gaps is not None:
        gaps = replace(gaps, where=np.concatenate([gaps.where, np.zeros((count, gaps.where.shape[1]), bool)]))
    return replace(table, values=values, times=times, gaps=gaps)


def _ends_with_a_gap(table: Table, gaps: npt.NDArray[np.bool_]) -> str:
    known = np.flatnonzero(~gaps.any(axis=1))
    column = table.feature_names[int(gaps[-1].argmax())]
    end = "no row is without one"
    if len(known):
        end = f"end it with {table.when(int(known[-1]))}, the last row without one"
    start = "a forecast would start from a value that nobody measured"
    ahead = " Columns that `known_ahead` names may be known in later rows." * (column == table.target_name)
    return f"the last row has a gap (column {column}), and {start}; {end}.{ahead}"
