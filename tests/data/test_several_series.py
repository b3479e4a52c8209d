"""Several series in one table: each is read, filled, cut and scaled on its own."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from several import END, LENGTHS, data, lines, series, values_of, write

from minidl.core.errors import ConfigError, DataError
from minidl.data import MinMaxScaler, Rolling, StandardScaler, Table
from minidl.data.scalers import fit_each

NAMES = ("east", "north", "south")  # as they come first in a file that is sorted by time


def test_each_series_has_its_own_rows_in_order_of_time(tmp_path: Path) -> None:
    table = series(write(tmp_path, lines())).read()
    assert table.series == NAMES
    assert table.firsts == (0, 70, 130)
    assert table.step_name() == "d"
    for name, one in zip(NAMES, table.each(), strict=True):
        np.testing.assert_array_equal(one.values, values_of(name))
        assert one.times is not None
        assert (len(one), str(one.times[-1].astype("datetime64[D]"))) == (LENGTHS[name], str(END))
    assert table.when(130) == "2020-03-22 00:00:00 of south"
    np.testing.assert_array_equal(table.series_of(np.array([0, 69, 70, 179])), [0, 0, 1, 2])


def test_rows_without_times_keep_their_order_within_each_series(tmp_path: Path) -> None:
    table = series(write(tmp_path, lines()), time=None).read()
    for name, one in zip(NAMES, table.each(), strict=True):
        np.testing.assert_array_equal(one.values, values_of(name))
    assert table.when(71) == "row 1 (counted from 0) of north"


def test_rows_are_sorted_and_added_within_each_series(tmp_path: Path) -> None:
    left = [line for line in lines()[::-1] if not line.startswith("2020-04-20,north")]
    table = series(write(tmp_path, left), sort=True, missing_times="gaps", gaps="interpolate").read()
    north = table.each()[table.series.index("north")]
    row = LENGTHS["north"] - 21
    expected = values_of("north")
    expected[row] = (expected[row - 1] + expected[row + 1]) / 2
    np.testing.assert_allclose(north.values, expected, rtol=1e-12)
    assert table.n_filled == 2


def test_a_gap_is_filled_from_its_own_series_and_part(tmp_path: Path) -> None:
    # Caught here: the first row of a series filled from the last one of the series above it.
    path = write(tmp_path, lines(gap=("north", 0)))
    splits = data(path, gaps="interpolate").load("float64")
    first = splits.table.firsts[1]
    assert splits.table.values[first, 0] == values_of("north")[1, 0]
    path = write(tmp_path, lines(gap=("north", 45)))  # its first test row: as the last one before it
    splits = data(path, gaps="interpolate").load("float64")
    assert splits.table.values[first + 45, 0] == values_of("north")[44, 0]


def test_no_window_reaches_from_one_series_or_part_into_another(tmp_path: Path) -> None:
    for leads in (1, 3):
        splits = data(write(tmp_path, lines())).load("float64", leads=leads)
        assert splits.validation is not None
        table = splits.table
        parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
        found = {name: set[int]() for name in parts}
        for name, windows in parts.items():
            for start in windows.starts:
                rows = np.arange(start, start + windows.span)
                assert len(set(table.series_of(rows))) == 1
                found[name] |= set(rows.tolist())
        ends = np.array([*table.firsts[1:], len(table)])
        for name, first, last in (("train", None, 27), ("validation", 27, 15), ("test", 15, 0)):
            expected = {
                row
                for start, end in zip(table.firsts, ends, strict=True)
                for row in range(start if first is None else end - first, end - last)
            }
            assert found[name] == expected
        assert splits.in_test.sum() == 45
        assert set(np.flatnonzero(splits.in_test).tolist()) == found["test"]


def test_each_series_is_scaled_by_its_own_training_rows(tmp_path: Path) -> None:
    splits = data(write(tmp_path, lines())).load("float64")
    for i, (first, name) in enumerate(zip(splits.table.firsts, NAMES, strict=True)):
        own = values_of(name)
        train = own[:-15]
        scaled = (own - train.min(axis=0)) / (train.max(axis=0) - train.min(axis=0))
        np.testing.assert_allclose(splits.values[first : first + len(own)], scaled, rtol=1e-12, atol=1e-12)
        starts = np.array([first, first + 3])
        back = splits.scale_at(starts).unscale(splits.values[starts][:, :1], 0)
        np.testing.assert_allclose(back[:, 0], own[[0, 3], 0], rtol=1e-12)
        np.testing.assert_array_equal(splits.scale.of_series(name).offset, splits.scale.offset[i])
    for scaling in (splits.scale.transform, splits.scale.inverse):
        with pytest.raises(DataError, match="each series has its own scaling"):
            scaling(np.ones((3, 2)))
    with pytest.raises(DataError, match="each series has its own scaling"):
        splits.scale.unscale(np.ones(3), 0)
    with pytest.raises(DataError, match="'west' was not in the training"):
        splits.scale.of_series("west")


def test_a_column_that_tells_series_apart_has_one_scaling_for_all() -> None:
    one = np.array([[1.0, 5.0, 0.0], [3.0, 5.0, 0.0]])
    other = np.array([[10.0, 9.0, 0.0], [20.0, 9.0, 4.0]])
    scale = fit_each(MinMaxScaler(), [one, other], ["y", "region", "event"], ("a", "b"))
    np.testing.assert_array_equal(scale.offset, [[1, 5, 0], [10, 5, 0]])
    np.testing.assert_array_equal(scale.range, [[2, 4, 4], [10, 4, 4]])
    same = fit_each(StandardScaler(), [one, one], ["y", "region", "event"], ("a", "b"))
    np.testing.assert_array_equal(same.range[:, 1:], np.ones((2, 2)))


def test_derived_features_look_back_within_their_series_only(tmp_path: Path) -> None:
    made = data(write(tmp_path, lines()))
    made.derived = [Rolling("sales", 3)]
    table = made.load("float64").table
    for name, one in zip(NAMES, table.each(), strict=True):
        own = values_of(name)[:, 0]
        expected = [own[max(0, i - 2) : i + 1].mean() for i in range(len(own))]
        np.testing.assert_allclose(one.values[:, 2], expected, rtol=1e-12)


def test_what_whoever_trains_should_know_is_noted(tmp_path: Path) -> None:
    rows = lines()
    assert data(write(tmp_path, rows)).load().notes() == ["3 series of 50 to 70 rows each"]
    earlier = [line for line in rows if not line.startswith(f"{END},south")]
    notes = data(write(tmp_path, earlier)).load().notes()
    assert notes[1].startswith("they end at different times")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [*rows, rows[-1]], "shops.csv:182: east: the time 2020-05-10 00:00:00 stands there twice"),
        (lambda rows: [rows[0].replace("east", ""), *rows[1:]], "column shop: empty; expected the name of a series"),
        (lambda rows: [*rows, "2020-01-01,west,1,2"], "series 'west': CSVSeries: 1 rows and test_size 15 leave 0 rows"),
    ],
    ids=["twice", "no name", "too short"],
)
def test_what_is_wrong_is_told_with_the_name_of_the_series(tmp_path: Path, change: object, message: str) -> None:
    assert callable(change)
    with pytest.raises(DataError, match=message):
        data(write(tmp_path, change(lines()))).load()


def test_series_of_different_steps_are_refused(tmp_path: Path) -> None:
    rows = [*lines(), *(f"2020-0{i}-01,west,1,{i}" for i in range(1, 6))]
    with pytest.raises(DataError, match=re.escape("shops.csv: rows are 1 d in east and 1 month in west apart")):
        series(write(tmp_path, rows)).read()


def test_the_column_of_series_is_neither_the_target_nor_a_time(tmp_path: Path) -> None:
    for name in ("sales", "date"):
        with pytest.raises(ConfigError, match=f"series_by: '{name}' is the target, or one of the times"):
            series(tmp_path, series_by=name)


def test_a_table_of_one_series_has_no_names() -> None:
    table = Table(np.ones((3, 1)), None, ("y",), 0)
    assert table.each() == [table]
    assert table.stretches() == [slice(0, 3)]


def test_all_series_may_have_one_scaling(tmp_path: Path) -> None:
    # Caught here: a scaling of the first series alone, and one that sees test rows.
    more = data(write(tmp_path, lines()))
    for scaler in (MinMaxScaler(per_series=False), StandardScaler(per_series=False)):
        more.scaler = scaler
        splits = more.load("float64")
        rows = np.concatenate([values_of(name)[:-15] for name in NAMES])
        expected = scaler.fit(rows)
        np.testing.assert_allclose(splits.scale.offset, expected.offset, rtol=1e-12)
        np.testing.assert_allclose(splits.scale.range, expected.range, rtol=1e-12)
        assert splits.scale.series == ()
        np.testing.assert_allclose(splits.values[:70], expected.transform(values_of("east")), rtol=1e-9)
