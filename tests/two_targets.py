"""A small table of two targets and a config on it, for tests of several targets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import hourly_table, window_data, write_csv

from minidl import Dense, LastStep, RecurrentLayer, Sequential
from minidl.data import Filling, Gaps, Splits, Table
from minidl.data.target import Target

T, F, H, K = 6, 3, 4, 2
TARGETS = (Target(1, "°C"), Target(0, "µg/m³"))  # not in the order of the columns
CONFIG = """\
seed: 3
dtype: float64
engine: numpy
data:
  series:
    type: CSVSeries
    path: air.csv
    target: [temp, pm]
    units: [°C, µg/m³]
    features: [pm, temp, wind]
    time: date
    categories: {wind: {calm: 0, north: 1, south: 2}}
  time_steps: 6
  test_size: 60
  validation: {type: TailValidation, size: 40}
model:
  type: Sequential
  layers:
    - {type: RecurrentLayer, hidden_size: 3}
    - {type: LastStep}
    - {type: Dense, output_size: 8}
optimizer: {type: Adam, learning_rate: 0.02}
training: {epochs: 2, batch_size: 16}
evaluation: {horizons: [4, 2, 1], checkpoint: best}
"""


def two_targets(filled: tuple[tuple[int, int], ...] = ()) -> Table:
    table = hourly_table(target_index=1)
    where = np.zeros(table.values.shape, bool)
    for row, column in filled:
        where[row, column] = True
    return replace(table, units="°C", targets=TARGETS, gaps=Gaps(where, Filling()) if filled else None)


def loaded(leads: int = H, table: Table | None = None, **arguments: Any) -> Splits:
    return window_data(table or two_targets()).load("float64", leads=leads, **arguments)


def stack(leads: int, every_step: bool = False) -> Sequential:
    model = Sequential([RecurrentLayer(5), *([] if every_step else [LastStep()]), Dense(leads * K)])
    model.build((T, F), 5, "float64")
    return model


def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str = CONFIG) -> Path:
    monkeypatch.chdir(tmp_path)
    write_csv("air.csv")
    (tmp_path / "two.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "two.yaml"
