"""Several series that end at different times, whose test parts begin at one time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from several import LENGTHS, lines, series, values_of, write

from minidl.backtesting.folds import Fold, edges_of, longest, run_fold
from minidl.backtesting.leaks import check_no_backtest_leak
from minidl.comparison.leaks import check_no_leak
from minidl.core.errors import DataError
from minidl.data import TailValidation, WindowData
from minidl.data.test_rows import rows_left
from minidl.experiment import load_experiment

T, NAMES = 5, ("east", "north", "south")
FIRST = np.datetime64("2020-04-26")  # fifteen days to the end of east and north, 2020-05-10
CONFIG = """
dtype: float64
data:
  series: {type: CSVSeries, path: shops.csv, target: sales, features: [sales, visits], time: date, series_by: shop}
  time_steps: 5
  test_size: 24
  test_by_time: true
  validation: {type: TailValidation, size: 9}
model:
  type: Sequential
  layers: [{type: RecurrentLayer, hidden_size: 2}, {type: LastStep}, {type: Dense, output_size: 1}]
optimizer: {type: Adam, learning_rate: 0.01}
training: {epochs: 1, batch_size: 16}
evaluation: {horizons: [3, 1]}
engine: numpy
"""


def until(last: str) -> list[str]:
    """The rows of the file, of which south has those up to a day."""
    return [line for line in lines() if not (",south," in line and line[:10] > last)]


def data(path: Path, **more: Any) -> WindowData:
    asked = {"time_steps": T, "test_size": 15, "validation": TailValidation(8), "test_by_time": True, **more}
    return WindowData(series(path), **asked)


@pytest.mark.parametrize(
    ("last", "rows"), [("2020-05-10", 15), ("2020-05-03", 8), ("2020-04-28", 3), ("2020-04-20", 0)]
)
def test_test_parts_begin_at_one_time(tmp_path: Path, last: str, rows: int) -> None:
    # Caught here: rows counted from each end, and scaling or training windows that reach into the test part.
    splits = data(write(tmp_path, until(last))).load("float64")
    table = splits.table
    assert splits.test_rows == (15, 15, rows)
    assert table.times is not None
    np.testing.assert_array_equal(splits.in_test, table.times >= FIRST)
    assert splits.n_train_rows == (~splits.in_test).sum()
    assert table.times[splits.train.origin_rows].max() < FIRST
    assert splits.validation is not None
    assert table.times[splits.validation.origin_rows].max() < FIRST
    assert table.times[splits.test.starts].min() == FIRST
    counted = np.bincount(table.series_of(splits.test.starts), minlength=3)
    assert counted.tolist() == [10, 10, max(rows - T, 0)]
    left = LENGTHS["south"] - (np.datetime64("2020-05-10") - np.datetime64(last)).astype(int) - rows
    train = values_of("south")[:left]
    np.testing.assert_allclose(splits.scale.offset[2], train.min(axis=0))


def test_what_is_known_of_the_others_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, until("2020-04-20"))
    by_rows, by_time = data(path, test_by_time=False).load().notes(), data(path).load().notes()
    assert by_rows[1].endswith("later than others' tests; `test_by_time` begins all tests at one time")
    assert by_time[1:] == ["1 of them end before the test part begins"]
    assert len(data(write(tmp_path, lines())).load().notes()) == 1


def test_one_time_needs_times(tmp_path: Path) -> None:
    table = series(write(tmp_path, lines()), time=None).read()
    with pytest.raises(DataError, match=r"data\.test_by_time: the rows have no times"):
        rows_left(table, 15, True)
    with pytest.raises(DataError, match="60 rows are all"):
        rows_left(series(write(tmp_path, [line for line in lines() if ",north," in line])).read(), 60, True)


@pytest.mark.parametrize("last", ["2020-05-03", "2020-04-12"])
def test_nothing_leaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, until(last))
    Path("shops.yaml").write_text(CONFIG)
    assert check_no_leak(load_experiment("shops.yaml")).from_file


def test_stretches_of_a_backtest_begin_at_one_time_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, until("2020-05-03"))
    Path("shops.yaml").write_text(CONFIG)
    experiment: Any = load_experiment("shops.yaml")
    table = experiment.data.series.read()
    edges = edges_of(experiment, longest(table), 2)
    folds = [run_fold(Fold(experiment.to_config(), experiment.seed, number, edges)) for number in range(2)]
    assert [fold["times"] for fold in folds] == [
        ["2020-04-17 00:00:00", "2020-04-28 00:00:00"],
        ["2020-04-29 00:00:00", "2020-05-10 00:00:00"],
    ]
    # Of the second stretch south has 5 of the 12 days: no window.
    counts = [fold["scores"]["1"]["model"]["n"] for fold in folds]
    assert counts == [3 * (12 - T - 2), 2 * (12 - T - 2)]
    assert folds[0]["kept"]["1"]["1"]["model"]["n"] == counts[1]
    check_no_backtest_leak(experiment, 2)
