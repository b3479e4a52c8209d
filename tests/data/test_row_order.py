"""Rows of a file as rows of a table: against pandas, and by hand where the calendar counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minidl.data.steps import Times
from minidl.data.tables.row_order import RowOrder, spacing_problems

START = np.datetime64("2014-03-01T00:00:00", "s")
HOURS = st.lists(st.integers(0, 9), min_size=2, max_size=9)


def hours(numbers: list[int]) -> Times:
    return START + np.array(numbers) * np.timedelta64(3600, "s")


def by_pandas(order: RowOrder, frame: pd.DataFrame) -> pd.DataFrame | None:
    """The rows that the keys ask for, by time; None where they are not evenly spaced, or not in order."""
    if order.sort:
        frame = frame.sort_values("time", kind="stable")
    if order.duplicates != "refuse":
        runs = (frame["time"].diff() != 0).cumsum()
        if order.duplicates == "average":
            frame = frame.assign(y=frame.groupby(runs)["y"].transform("mean"))
        frame = frame.groupby(runs).head(1)
    frame = frame.set_index("time")
    steps = frame.index.to_series().diff()[1:]
    if len(steps) and (steps <= 0).any():
        return None
    if order.steps == "even" and steps.nunique() > 1:
        usual = int(steps.mode()[0])  # the smallest of the most frequent ones
        whole = pd.Index(range(int(frame.index[0]), int(frame.index[-1]) + 1, usual))
        if order.missing_times == "refuse" or not frame.index.isin(whole).all():
            return None
        frame = frame.reindex(whole)
    return frame


@given(
    numbers=HOURS,
    sort=st.booleans(),
    duplicates=st.sampled_from(["refuse", "drop", "average"]),
    missing_times=st.sampled_from(["refuse", "gaps"]),
    steps=st.sampled_from(["even", "even", "rows"]),
    gaps=st.integers(0, 511),
)
@example([1, 2, 2, 3, 5], False, "average", "gaps", "even", 4)
@example([5, 2, 2, 3, 2], True, "average", "gaps", "even", 2)
@example([3, 3, 3], True, "drop", "gaps", "even", 0)
@example([0, 2, 3, 4, 6, 8], False, "refuse", "gaps", "even", 0)  # two steps are as frequent as each other
@example([0, 3, 6, 7], False, "refuse", "gaps", "even", 0)
@settings(max_examples=150, deadline=None)
def test_rows_are_those_that_pandas_makes_of_them(
    numbers: list[int], sort: bool, duplicates: Any, missing_times: Any, steps: Any, gaps: int
) -> None:
    order = RowOrder(sort=sort, duplicates=duplicates, missing_times=missing_times, steps=steps)
    n = len(numbers)
    y = np.array([np.nan if gaps >> i & 1 else float(i * i) for i in range(n)])
    w = np.arange(n, dtype=float)
    found, problems = order.arranged(hours(numbers))
    expected = by_pandas(order, pd.DataFrame({"time": numbers, "y": y, "w": w}))
    assert (expected is None) == bool(problems)
    if expected is None:
        return
    assert found.times.tolist() == hours(expected.index.tolist()).tolist()
    average = np.array([duplicates == "average", False])
    values = found.values(np.stack([y, w], axis=1), average, np.array([np.nan, -1.0]))
    np.testing.assert_array_equal(values[:, 0], expected["y"])
    np.testing.assert_array_equal(values[:, 1], expected["w"].fillna(-1.0))
    place = {hour: row for row, hour in enumerate(expected.index)}
    assert found.place.tolist() == [place[number] for number in numbers]
    assert np.array(numbers)[found.order].tolist() == (sorted(numbers) if sort else numbers)


ENDS = ["2014-01-31", "2014-02-28", "2014-03-31", "2014-06-30"]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2014-01-15", "2014-02-15", "2014-04-15"], ["2014-03-15"]),
        (["2014-01-31T23", "2014-02-28T23", "2014-04-30T23", "2014-05-31T23"], ["2014-03-31T23"]),
        (ENDS, ["2014-04-30", "2014-05-31"]),
        (["2013-01-01", "2013-04-01", "2013-07-01", "2014-01-01"], ["2013-10-01"]),
        (["2010-05-01", "2011-05-01", "2014-05-01"], ["2012-05-01", "2013-05-01"]),
        (["2014-11-01", "2014-12-01", "2015-02-01", "2015-03-01"], ["2015-01-01"]),
        (["2014-01-01", "2014-01-02", "2014-01-05"], ["2014-01-03", "2014-01-04"]),
        (["2014-01-01T00:10", "2014-01-01T00:20", "2014-01-01T00:40"], ["2014-01-01T00:30"]),
    ],
)
def test_times_that_are_left_out_are_added_also_by_the_calendar(texts: list[str], expected: list[str]) -> None:
    times = np.array(texts, "datetime64[s]")
    found, problems = RowOrder(missing_times="gaps").arranged(times)
    assert problems == {}
    assert found.times.dtype == times.dtype
    assert found.times.tolist() == np.sort(np.array([*texts, *expected], "datetime64[s]")).tolist()
    values = found.values(np.ones((len(texts), 1)), np.array([False]), np.array([7.0]))
    assert [str(time)[:16] for time in found.times[values[:, 0] == 7]] == [
        str(np.datetime64(text, "m")) for text in expected
    ]


@pytest.mark.parametrize(("last", "n"), [(40 + 19, 60), (80, 81), (81, None), (8000, None)])
def test_at_most_twenty_rows_are_added_for_each_that_is_there(last: int, n: int | None) -> None:
    found, problems = RowOrder(missing_times="gaps").arranged(hours([0, 1, 2, last]))
    assert (None if problems else len(found.times)) == n
    assert problems == {} if n else list(problems) == [3]


BEFORE, TWICE, LATE = "is before that of the row above", "stands there twice", "after the row above, usual are"


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([0, 1, 2], {}),
        ([4], {}),
        ([4, 4], {1: TWICE}),
        ([0, 1, 1, 2, 0, 3], {2: TWICE, 4: BEFORE}),
        ([3, 1, 2, 2, 0], {1: BEFORE, 3: TWICE}),
        ([0, 1, 2, 5, 6, 6, 4], {3: LATE, 6: BEFORE, 5: TWICE}),
        ([0, 1, 2, 2, 3, 6], {3: TWICE, 5: LATE}),
        ([0, 1, 2, 9, 3, 4], {3: LATE, 4: BEFORE}),  # a slip: too late, and the next too early
        ([0, 5, 6, 7, 7, 7], {1: LATE, 4: TWICE}),
        ([2, 1, 0, 6], {1: BEFORE, 3: LATE}),
        ([0, 2, 4, 5], {3: LATE}),
    ],
)
def test_the_first_row_of_each_kind_of_problem_is_named(numbers: list[int], expected: dict[int, str]) -> None:
    assert kinds(hours(numbers), "even") == expected
    # Where each row is a step it is in sorted order that a time stands there twice, and none is late.
    as_rows = {4: BEFORE} if numbers == [0, 1, 1, 2, 0, 3] else {k: v for k, v in expected.items() if v != LATE}
    assert kinds(hours(numbers), "rows") == as_rows


def kinds(times: Times, steps: str) -> dict[int, str]:
    found = spacing_problems(times, steps)
    return {row: next(word for word in (BEFORE, TWICE, LATE) if word in text) for row, text in found.items()}


def test_problems_are_at_the_rows_of_the_file_not_of_the_table() -> None:
    # Sorted it is 0 1 2 2 4: the second 2 stands in the file's row 4, and the 4 in its first.
    times = hours([4, 1, 2, 0, 2])
    assert sorted(RowOrder(sort=True).arranged(times)[1]) == [0, 4]
    assert list(RowOrder(sort=True, duplicates="drop").arranged(times)[1]) == [0]
    assert sorted(RowOrder().arranged(times)[1]) == [0, 1, 4]
    assert RowOrder(sort=True, duplicates="drop", steps="rows").arranged(times)[1] == {}
    assert list(RowOrder(sort=True, steps="rows").arranged(times)[1]) == [4]
