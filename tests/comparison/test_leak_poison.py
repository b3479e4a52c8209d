"""The poison that leaks are looked for with: which rows it is in, what it looks like, where the cut lies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import hourly_rows, hourly_table, window_data, write_csv, write_experiment

from minidl.comparison import leaks, poisoned
from minidl.data import CSVSeries, Gaps, Table, WindowData
from minidl.experiment import load_experiment


def with_gaps(*rows: int, n: int = 240) -> Table:
    where = np.zeros((n, 3), bool)
    for row in rows:
        where[row, row % 3] = True
    return replace(hourly_table(n), gaps=Gaps(where))


def test_a_table_is_poisoned_with_nan_and_with_noise_from_a_row_on() -> None:
    table = with_gaps(3, 200)
    found = dict(poisoned.poisoned(window_data(table), table, [180]))
    assert list(found) == ["NaN", "noise"]
    for spoilt in found.values():
        assert spoilt.values.shape == table.values.shape
    filled = table.divided(window_data(table).borders(240))
    np.testing.assert_array_equal(found["NaN"].values[:180], filled.values[:180])
    assert np.isnan(found["NaN"].values[180:]).all()
    np.testing.assert_array_equal(found["noise"].values[:180], filled.values[:180])
    gaps = found["noise"].gaps
    assert gaps is not None
    assert np.argwhere(gaps.where).tolist() == [[3, 0]]  # what is noise is no gap
    assert dict(poisoned.poisoned(window_data(hourly_table()), hourly_table(), [180]))["noise"].gaps is None


def test_noise_lies_far_outside_of_the_data() -> None:
    values = hourly_rows()
    noise = poisoned._noise(values)
    assert noise.shape == values.shape
    # Its standard deviation is a thousand times the largest value and one; of 720 numbers within a tenth.
    assert np.std(noise) == pytest.approx(1e3 * (1 + np.abs(values).max()), rel=0.1)
    np.testing.assert_array_equal(poisoned._noise(values), noise)
    assert np.std(poisoned._noise(np.zeros((300, 3)))) == pytest.approx(1e3, rel=0.1)


def test_a_file_is_poisoned_as_a_file(tmp_path: Path) -> None:
    series = CSVSeries(
        str(write_csv(tmp_path / "air.csv")), target="pm", features=["pm", "temp"], missing=["-"], gaps="interpolate"
    )
    table = series.read()
    data = WindowData(series, time_steps=6, test_size=60, scaler=window_data(table).scaler)
    found = dict(poisoned.poisoned(data, table, [len(table) - 60]))
    assert list(found) == ["NaN", "noise in the file", "gaps in the file"]
    for spoilt in found.values():
        np.testing.assert_array_equal(spoilt.values[:-60], table.values[:-60])
        assert not np.array_equal(spoilt.values[-60:], table.values[-60:])
    noise = found["noise in the file"].values[-60:]
    assert np.abs(noise).max() > 100 * np.abs(table.values).max()
    gaps = found["gaps in the file"].gaps
    assert gaps is not None
    assert gaps.where[-60:].all()
    assert not gaps.where[:-60].any()


@pytest.mark.parametrize(
    ("table", "first", "cut"),
    [
        (hourly_table(), 186, 213),
        (hourly_table(), 187, 213),
        (with_gaps(), 186, 213),
        (with_gaps(195), 186, 196),
        (with_gaps(195, 209), 186, 210),
        (with_gaps(209, 213), 186, 214),
        (with_gaps(210, 214), 186, 211),  # of two as near the first
        (with_gaps(184), 186, 213),  # before it
        (with_gaps(185), 186, 186),
        (with_gaps(239), 186, 213),  # nothing comes after the last row
        (with_gaps(238), 186, 239),
    ],
)
def test_the_cut_is_after_the_gap_that_is_nearest_to_the_middle(table: Table, first: int, cut: int) -> None:
    assert leaks._cut(table, first) == cut


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    return load_experiment(write_experiment(tmp_path))


def test_the_cut_lies_where_a_whole_window_of_the_test_part_is_before_it(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    cut = leaks._cut
    monkeypatch.setattr(leaks, "_cut", lambda table, first: asked.append(first) or cut(table, first))
    table = small.data.series.read()
    assert leaks._forecasts_change(small, table) == ([], False)
    assert asked == [len(table) - 60 + 6]


def test_stages_are_named_in_their_order_and_differ_with_the_rows_that_they_see(small: Any) -> None:
    table = small.data.series.read()
    clean = leaks._stages(small, table)
    assert list(clean) == ["scaler", "training windows", "validation windows", "chosen checkpoint", "ensemble weights"]
    assert clean["chosen checkpoint"].startswith(f"epoch {small.training.epochs}: ")
    spoilt = dict(poisoned.poisoned(small.data, table, [len(table) - 60]))["noise in the file"]
    assert leaks._stages(small, spoilt) == clean
    earlier = dict(poisoned.poisoned(small.data, table, [len(table) - 70]))["noise in the file"]
    after = leaks._stages(small, earlier)
    assert all(after[name] != value for name, value in clean.items())


def test_a_scaler_that_is_given_nan_is_none(small: Any) -> None:
    table = small.data.series.read()
    nan = dict(poisoned.poisoned(small.data, table, [len(table) - 70]))["NaN"]
    found = leaks._stages(small, nan)
    assert list(found) == ["scaler"]
    assert found["scaler"].startswith("none: ")


def test_a_report_says_what_was_looked_at_and_how_long_it_trained(small: Any) -> None:
    report = leaks.find_leaks(small, epochs=1)
    stages = ("scaler", "training windows", "validation windows", "chosen checkpoint", "ensemble weights")
    assert report == leaks.LeakReport((), (*stages, "forecasts"), False, True)
    assert small.training.epochs != 1
    assert [leaks._verb(stage) for stage in stages] == ["depends", "depend", "depend", "depends", "depend"]
    assert [leaks._changes(stage) for stage in report.checked[:2]] == ["changes it", "changes them"]
