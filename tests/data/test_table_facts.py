"""What is said of a table: its seasons with how like the target is to itself, and where its gaps are."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.data import Gaps, Table
from minidl.data.tables.facts import gap_stretches, seasons

pd = pytest.importorskip("pandas")


def table(values: np.ndarray, step: np.timedelta64 | None, gaps: list[int] | None = None) -> Table:
    times = None
    if step is not None:
        unit = np.datetime_data(step.dtype)[0]
        times = (np.datetime64("2014-01", unit) + np.arange(len(values)) * step).astype("datetime64[s]")
    where = None
    if gaps is not None:
        where = np.zeros((len(values), 1), bool)
        where[gaps] = True
    return Table(values[:, None], times, ("y",), 0, gaps=None if where is None else Gaps(where))


def test_the_seasons_of_hours_are_those_of_pandas() -> None:
    hours = np.arange(500.0)
    values = (
        np.sin(2 * np.pi * hours / 24)
        + 0.5 * np.sin(2 * np.pi * hours / 168)
        + np.random.default_rng(0).normal(size=500)
    )
    gaps = [3, 4, 77, 200]
    known = pd.Series(values)
    known[gaps] = np.nan
    day, week = (known.corr(known.shift(lag)) for lag in (24, 168))
    said = seasons(table(values, np.timedelta64(3600, "s"), gaps))
    assert said == (
        "seasons, with the correlation of y and itself one season ago: "
        f"a day of 24 rows ({day:.2f}), a week of 168 rows ({week:.2f}) and a year of 8,760 rows (too few rows)"
    )


@pytest.mark.parametrize(
    ("n", "step", "said"),
    [
        (40, np.timedelta64(86400, "s"), "a week of 7 rows (1.00) and a year of 365 rows (too few rows)"),
        (40, np.timedelta64(1, "M"), "a year of 12 rows (1.00)"),
        (40, np.timedelta64(12, "M"), None),
        (40, np.timedelta64(11, "s"), None),
    ],
)
def test_seasons_come_from_the_step(n: int, step: np.timedelta64, said: str | None) -> None:
    found = seasons(table(np.arange(float(n)), step))
    if said is None:
        assert found == "no season is a whole number of rows"
    else:
        named = "seasons" if " and " in said else "season"
        assert found == f"{named}, with the correlation of y and itself one season ago: {said}"
    assert "(constant)" in seasons(table(np.ones(40), np.timedelta64(1, "D")))
    assert seasons(table(np.ones(40), None)) == "rows have no times, so that no season is known"


def test_seasons_of_several_series_are_those_of_each() -> None:
    # Caught here: the levels of the series, which would make any column like itself.
    rng = np.random.default_rng(0)
    low, high = rng.normal(size=(2, 200))
    one, two = (table(values, np.timedelta64(1, "D")) for values in (low, high + 1000))
    both = Table.joined([Table(t.values, t.times, ("y",), 0, series=(name,)) for t, name in ((one, "a"), (two, "b"))])
    pairs = np.concatenate([np.stack([values[7:], values[:-7]]) - values.mean() for values in (low, high)], axis=1)
    assert f"a week of 7 rows ({np.corrcoef(pairs)[0, 1]:.2f})" in seasons(both)


def test_the_stretches_of_gaps_are_counted_and_the_longest_is_named() -> None:
    hour = np.timedelta64(3600, "s")
    assert gap_stretches(table(np.ones(20), hour)) == []
    place = "from 2014-01-01 07:00:00 on (`max_gap` refuses long ones)"
    found = gap_stretches(table(np.ones(20), hour, [0, 7, 8, 9, 19]))
    assert found == [f"y: 5 gaps in 3 stretches, the longest of 3 rows {place}"]
    assert gap_stretches(table(np.ones(20), hour, [7])) == [f"y: 1 gap in 1 stretch, the longest of 1 row {place}"]


def test_the_columns_with_the_most_gaps_are_told_and_the_others_counted() -> None:
    where = np.zeros((20, 6), bool)
    for column, n in enumerate([1, 5, 2, 0, 3, 4]):
        where[5 : 5 + n, column] = True
    names = tuple("abcdef")
    found = gap_stretches(Table(np.ones((20, 6)), None, names, 0, gaps=Gaps(where)))
    assert [line[:9] for line in found] == ["b: 5 gaps", "f: 4 gaps", "e: 3 gaps", "gaps in 2"]
    assert "from row 5 (counted from 0) on" in found[0]


def test_a_gap_does_not_go_from_one_series_into_the_next() -> None:
    where = np.zeros((20, 1), bool)
    where[8:12] = True
    found = gap_stretches(Table(np.ones((20, 1)), None, ("y",), 0, gaps=Gaps(where), series=("a", "b"), firsts=(0, 11)))
    assert found[0].startswith("y: 4 gaps in 2 stretches, the longest of 3 rows from row 8 (counted from 0) of a on")
