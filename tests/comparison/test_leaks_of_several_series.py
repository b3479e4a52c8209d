"""Leaks between the series of one table are found; a table of several series has none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from several import lines, write

from minidl.comparison.leaks import check_no_leak, find_leaks
from minidl.data import CSVSeries, Table, WindowData, splits
from minidl.data.validation import window_starts
from minidl.experiment import load_experiment

CONFIG = """
data:
  series:
    {type: CSVSeries, path: shops.csv, target: sales, features: [sales, visits], time: date, series_by: shop,
     gaps: interpolate}
  time_steps: 5
  test_size: 15
  validation: {type: TailValidation, size: 12}
  derived: [{type: Rolling, column: sales, rows: 3}]
model:
  type: Sequential
  layers: [{type: RecurrentLayer, hidden_size: 2}, {type: LastStep}, {type: Dense, output_size: 1}]
loss: HalfMSE
optimizer: {type: Adam, learning_rate: 0.01}
training: {epochs: 1, batch_size: 16}
evaluation: {horizons: [4, 1]}
engine: numpy
"""


# The name of the series is what the model gets, too.
NAMED = (
    "data.series.features=[sales, visits, shop]",
    "data.series.categories={shop: {north: 0, south: 1, east: 2}}",
    "data.derived=[{type: OneHot, column: shop}]",
)


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, lines(gap=("north", 0)))
    Path("shops.yaml").write_text(CONFIG, encoding="utf-8")
    return lambda *overrides: load_experiment("shops.yaml", overrides)


@pytest.mark.parametrize(
    "more", [(), ("training.refit=true",), ("data.series.time=null",), NAMED], ids=["", "refit", "times", "names"]
)
def test_a_table_of_several_series_has_no_leak(load: Callable[..., Any], more: tuple[str, ...]) -> None:
    report = check_no_leak(load(*more))
    assert report.from_file
    assert {"scaler", "training windows", "validation windows", "chosen checkpoint", "forecasts"} <= {*report.checked}
    assert not report.assumes_known_covariates


def test_windows_that_reach_into_the_next_series_are_caught(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crossing(self: WindowData, table: Table, span: int, rng: Any) -> list[Any]:
        border = len(table) - self.test_size
        return [window_starts(0, border - 12, span), window_starts(border - 12, border, span)]

    monkeypatch.setattr(WindowData, "_starts", crossing)
    leaks = find_leaks(load()).leaks
    assert any("the training windows depend on the test part" in leak for leak in leaks)


def test_a_scaler_that_saw_the_test_rows_of_another_series_is_caught(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fitted(self: WindowData, table: Table) -> Any:
        border = len(table) - self.test_size  # as of one series
        parts = [table.values[:border] for _ in table.series]
        return splits.fit_each(self.scaler, parts, table.feature_names, table.series)

    monkeypatch.setattr(WindowData, "_fitted", fitted)
    leaks = find_leaks(load()).leaks
    assert any("the scaler depends on the test part" in leak for leak in leaks)


def test_a_gap_that_is_filled_from_another_series_is_caught(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = CSVSeries.read

    def read(self: CSVSeries, path: Path | None = None) -> Table:
        table = right(self, path)
        first = table.firsts[1]  # a gap in the file, here the last test row of the series above
        values = table.values.copy()
        values[first, 0] = values[first - 1, 0]
        object.__setattr__(table, "values", values)
        object.__setattr__(table, "gaps", None)
        return table

    monkeypatch.setattr(CSVSeries, "read", read)
    leaks = find_leaks(load()).leaks
    assert any("the training windows depend on the test part (noise in the file" in leak for leak in leaks)


def test_a_feature_that_looks_back_into_another_series_is_caught(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = WindowData.derive

    def rows(self: WindowData, table: Table) -> Table:
        filled = Table.joined([one.divided(self.borders(len(one))) for one in table.each()])
        return right(self, filled)

    monkeypatch.setattr(WindowData, "rows", rows)
    leaks = find_leaks(load()).leaks
    assert any("the training windows depend on the test part (noise in the file" in leak for leak in leaks)
