"""Windows that hold a gap of too many rows are neither trained on nor validated with; all else stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small import hourly_table, window_data

from minidl.core.errors import DataError
from minidl.data import Gaps, Table, TailValidation, Windows
from minidl.data.long_gaps import long_gaps
from minidl.forecasting import DirectRidge, rival_forecaster
from minidl.forecasting.rivals.rival import known_for
from minidl.training.selection import joined

T, N, TEST, VALIDATION = 6, 240, 60, 40
BORDERS = (N - TEST - VALIDATION, N - TEST)


def runs(*, column: int) -> np.ndarray[Any, Any]:
    """Gaps of 2, 3 and 5 rows in a column, and one of 2 + 2 rows over the border between training and validation."""
    where = np.zeros((N, 3), bool)
    for first, length in ((20, 2), (40, 3), (60, 5), (138, 4), (155, 3), (200, 9)):
        where[first : first + length, column] = True
    return where


def table(column: int) -> Table:
    return replace(hourly_table(), gaps=Gaps(runs(column=column)))


def test_gaps_are_long_within_a_part_and_in_one_column() -> None:
    # Caught here: a length that counts rows of the next part, which would look ahead, or rows of several columns.
    where = runs(column=0)
    where[22, 1] = True  # goes on where the first one ends
    assert np.flatnonzero(long_gaps(where, 2, BORDERS)).tolist() == [
        *range(40, 43), *range(60, 65), *range(155, 158), *range(200, 209)
    ]  # fmt: skip
    assert np.flatnonzero(long_gaps(where, 3)).tolist() == [*range(60, 65), *range(138, 142), *range(200, 209)]
    assert not long_gaps(where, 9).any()


@pytest.mark.parametrize("column", [0, 1])
@pytest.mark.parametrize("leads", [1, 4])
def test_windows_that_hold_a_long_gap_are_left_out(column: int, leads: int) -> None:
    data = window_data(table(column), validation=TailValidation(VALIDATION), longest_gap=2)
    parts = data.load("float64", leads=leads)
    assert parts.validation is not None
    where = runs(column=column)
    long = {*range(40, 43), *range(60, 65), *range(155, 158)}
    lines = []
    for name, part, first, stop in (
        ("training", parts.train, 0, BORDERS[0]),
        ("validation", parts.validation, *BORDERS),
    ):
        given = range(first, stop - T - leads + 1)
        usable = [start for start in given if not long & {*range(start, start + T)}]
        kept = [s for s in usable if column == 1 or not where[s + T : s + T + leads, 0].all()]
        assert part.starts.tolist() == kept
        lost = len(given) - len(usable)
        lines.append(f"{lost} of {len(given)} {name} windows left out: a gap longer than `longest_gap` stands in them")
        for lead in (1, 3):
            starts = [s for s in range(first, stop - T - lead + 1) if not long & {*range(s, s + T)}]
            known = [s for s in starts if column == 1 or not where[s + T + lead - 1, 0]]
            assert known_for(parts.table, part, lead).tolist() == known
    assert [line for line in parts.notes() if "longest_gap" in line] == lines
    assert len(parts.test) == TEST - T  # scores are of all
    both: Any = joined(parts.train, parts.validation)
    usable = [s for s in range(BORDERS[1] - T - leads + 1) if not long & {*range(s, s + T)}]
    assert both.starts.tolist() == [s for s in usable if column == 1 or not where[s + T : s + T + leads, 0].all()]
    rival_forecaster(parts, DirectRidge(), "hold_last", 3)(parts.test.starts[:2], 3)


def test_rows_after_a_gap_at_the_end_of_a_part_still_teach_each_lead_alone() -> None:
    # Caught here: the last windows of four labels hold the gap, and those of one label after them are forgotten.
    where, leads, end = np.zeros((N, 3), bool), 4, BORDERS[0]
    long = {*range(end - T - leads - 2, end - T - leads + 1)}
    where[sorted(long), 1] = True
    data = window_data(replace(table(1), gaps=Gaps(where)), validation=TailValidation(VALIDATION), longest_gap=2)
    parts = data.load("float64", leads=leads)
    expected = [s for s in range(end - T) if not long & {*range(s, s + T)}]
    assert expected[-3:] == [end - T - 3, end - T - 2, end - T - 1]
    assert known_for(parts.table, parts.train, 1).tolist() == expected


def test_a_gap_in_a_column_known_ahead_is_where_windows_hold_it() -> None:
    # Caught here: a window whose last row has the filled value of the next one, where the gap begins.
    ahead = replace(table(1), known_ahead=(table(1).feature_names[1],))
    parts = window_data(ahead, validation=TailValidation(VALIDATION), longest_gap=2).load("float64")
    long = {*range(40, 43), *range(60, 65)}
    expected = [s for s in range(BORDERS[0] - T) if not long & {*range(s + 1, s + T + 1)}]
    assert parts.train.starts.tolist() == expected


def test_without_a_long_gap_all_is_as_it_was() -> None:
    plain, asked = (window_data(table(1), **more).load("float64", leads=4) for more in ({}, {"longest_gap": 9}))
    assert asked.train.too_long is None
    assert plain.train.starts.tolist() == asked.train.starts.tolist()
    assert window_data(hourly_table(), longest_gap=1).load().train.too_long is None


def test_what_cannot_be_is_refused_in_a_line() -> None:
    parts = window_data(table(1), longest_gap=2).load("float64")
    with pytest.raises(
        DataError, match=r"^training\.bptt_steps goes along the whole series, so that data\.longest_gap"
    ):
        parts.train.series()
    with pytest.raises(DataError, match=r"^Windows: each of 10 windows holds a gap longer than data\.longest_gap"):
        Windows(np.zeros((20, 1)), np.arange(10), 5, 0, too_long=np.ones(20, bool))
