"""A table whose later rows are spoilt, in its file where there is one: for `minidl.comparison.leaks`."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt

from minidl.core.layer import Array
from minidl.data import Poison, Table, WindowData
from minidl.files.appending import write_new


def poisoned(data: WindowData, table: Table, firsts: Sequence[int], spare: bool = False) -> Iterator[tuple[str, Table]]:
    """What `data.rows` gives with later rows replaced, by each kind of poison, and what it is called.

    Parameters
    ----------
    firsts : of each of the table's series the first row that is replaced; all after it in the series are.
    spare : whether columns that the series says are known ahead stay as they are.
    """
    later = later_rows_of(table, firsts)
    # NaN comes after the gaps were filled and features added: before, it would be a gap, or no number to count with.
    # What is known ahead is made anew below, where the cells are poisoned.
    rows = data.rows(table)
    ahead = [name in rows.known_ahead for name in rows.feature_names]
    yield "NaN", with_rows(rows, later, np.where(ahead, rows.values[later], np.nan))
    for kind in get_args(Poison):
        content = forged_file(data, table, firsts, kind)
        if content is not None:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "poisoned.csv")
                write_new(file, content)
                spoilt = data.series.read(file)
                yield f"{kind} in the file", data.rows(_with_known(spoilt, table) if spare else spoilt)
        elif kind == "noise":
            gaps = table.gaps and replace(table.gaps, where=table.gaps.where & ~later[:, None])
            spoilt = with_rows(replace(table, gaps=gaps), later, _noise(table.values[later]))
            yield kind, data.rows(_with_known(spoilt, table) if spare else spoilt)


def _with_known(spoilt: Table, table: Table) -> Table:
    """A table with the columns of another one that are known ahead."""
    ahead, gaps = np.array([name in table.known_ahead for name in table.feature_names]), spoilt.gaps
    if gaps is not None:
        gaps = replace(gaps, where=np.where(ahead, table.gaps is not None and table.gaps.where, gaps.where))
    values = np.where(ahead, table.values, spoilt.values)
    return with_rows(replace(spoilt, gaps=gaps), np.ones(len(table), bool), values)


def later_rows_of(table: Table, firsts: Sequence[int]) -> npt.NDArray[np.bool_]:
    """(n,): which rows come after the first one of their series that is given."""
    rows = np.arange(len(table))
    later: npt.NDArray[np.bool_] = rows >= np.array(firsts)[table.series_of(rows)]
    return later


def forged_file(data: WindowData, table: Table, firsts: Sequence[int], kind: Poison) -> bytes | None:
    """The series' file with other later rows, forged by the series itself; None where it has no file to forge."""
    if not table.series:
        return data.series.forged(firsts[0], kind)
    return data.series.forged_each([row - first for row, first in zip(firsts, table.firsts, strict=True)], kind)


def _noise(values: Array) -> Array:
    # Outside the range of the data, so that a minimum or a maximum cannot miss it.
    noise: Array = np.random.default_rng(4).standard_normal(values.shape)
    noise *= 1e3 * (1 + np.abs(values).max())
    return noise


def with_rows(table: Table, which: npt.NDArray[np.bool_], rows: Array) -> Table:
    """The table with other rows; what a Table refuses is put in after it was made."""
    # In the same order of memory: sums over columns differ in their last digits with it.
    spoilt, values = copy.copy(table), table.values.copy(order="K")
    values[which] = rows
    object.__setattr__(spoilt, "values", values)
    return spoilt
