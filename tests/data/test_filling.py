"""The values that stand at gaps, part by part, against plain loops; the longest run of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minidl.data.gaps import Filling, Gaps, longest_run


def by_loops(values: list[float], gaps: list[bool], borders: list[int], filling: Filling) -> list[float]:
    """Gap by gap: what is known before it, and what up to the end of its part."""
    made = list(values)
    starts = [0, *borders]
    for row in range(len(values)):
        if not gaps[row]:
            continue
        part = max(i for i, start in enumerate(starts) if start <= row)
        end = [*starts[1:], len(values)][part]
        before = [i for i in range(row) if not gaps[i]]
        after = [i for i in range(row + 1, end) if not gaps[i]]
        is_test = bool(borders) and part == len(starts) - 1
        left: tuple[int, float] | None = (before[-1], values[before[-1]]) if before else None
        if is_test and not filling.test_lines:
            made[row] = left[1] if left else values[after[0]]
            continue
        if left is None and filling.from_zero:
            left = (-1, 0.0)
        right = (after[0], values[after[0]]) if after else None
        if left and right:
            share = (row - left[0]) / (right[0] - left[0])
            made[row] = left[1] + share * (right[1] - left[1])
        else:
            made[row] = (left or right or (0, 0.0))[1]
    return made


@st.composite
def columns(draw: Any) -> Any:
    n = draw(st.integers(2, 14))
    gaps = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    borders = sorted(draw(st.sets(st.integers(1, n - 1), max_size=3)))
    gaps[draw(st.integers(0, (borders[0] if borders else n) - 1))] = False  # something is known in the first part
    return draw(st.lists(st.integers(-9, 9), min_size=n, max_size=n)), gaps, borders


@given(columns(), st.booleans(), st.booleans())
@example(([5, 0, 0, 9, 0, 0, 3], [False, True, True, False, True, True, False], [2, 5]), False, False)
@example(([0, 0, 6, 0], [True, True, False, True], []), True, False)
@settings(max_examples=150, deadline=None)
def test_gaps_are_filled_as_plain_loops_fill_them(column: Any, from_zero: bool, test_lines: bool) -> None:
    values, gaps, borders = column
    filling = Filling(from_zero=from_zero, test_lines=test_lines)
    spoilt = np.where(gaps, np.nan, np.array(values, float))
    found = filling.fill(spoilt, np.array(gaps), borders)
    np.testing.assert_allclose(found, by_loops([float(v) for v in values], gaps, borders, filling), atol=1e-12)
    assert np.isnan(spoilt).tolist() == gaps  # not written to


def test_a_table_that_is_a_test_part_takes_its_first_known_value_for_gaps_before_it() -> None:
    values = np.array([[np.nan, 1.0], [4.0, np.nan], [np.nan, 3.0], [8.0, np.nan]])
    found = Gaps(np.isnan(values)).fill(values, (0,))
    assert found.tolist() == [[4, 1], [4, 1], [4, 3], [8, 3]]
    assert Gaps(np.isnan(values)).fill(values).tolist() == [[4, 1], [4, 2], [6, 3], [8, 3]]


def test_no_rule_is_the_textbooks_unless_it_is_asked_for() -> None:
    assert (Filling().from_zero, Filling().test_lines, Filling().labels) == (False, False, False)
    assert Gaps(np.zeros((1, 1), bool)).filling == Filling()


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [
        ("", (0, 0)),
        ("...", (0, 0)),
        ("#", (0, 1)),
        ("##.", (0, 2)),
        (".#.##", (3, 2)),
        ("##.##", (0, 2)),
        ("#.###", (2, 3)),
    ],
)
def test_the_longest_run_is_the_first_of_the_longest(gaps: str, expected: tuple[int, int]) -> None:
    assert longest_run(np.array([letter == "#" for letter in gaps], bool)) == expected
