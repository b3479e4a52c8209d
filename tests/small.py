"""A small hourly table and a small experiment on it, for tests of everything from training to the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from minidl.core.layer import Array
from minidl.data import MinMaxScaler, Scaler, Table, WindowData
from minidl.parallel.experiments import OnlyTable

HOUR = np.timedelta64(3600, "s")


def hourly_rows(n: int = 240, seed: int = 5) -> Array:
    """(n, 3): a wandering positive target, a daily wave and a category 0, 1 or 2."""
    rng = np.random.default_rng(seed)
    hours = np.arange(n)
    pm = 60 + 40 * np.sin(hours / 17) + 25 * np.sin(hours / 5.3) + 10 * rng.standard_normal(n)
    temp = 15 + 10 * np.sin(2 * np.pi * hours / 24) + rng.standard_normal(n)
    return np.round(np.stack([pm, temp, rng.integers(0, 3, n)], axis=1), 2)


def hourly_table(n: int = 240, seed: int = 5, target_index: int = 0) -> Table:
    times = np.datetime64("2013-01-01T00:00:00", "s") + np.arange(n) * HOUR
    return Table(hourly_rows(n, seed), times, ("pm", "temp", "wind"), target_index, units="µg/m³")


def window_data(table: Table, scaler: Scaler | None = None, **arguments: Any) -> WindowData:
    """Windows of 6 rows on a table, the last 60 rows for testing."""
    arguments = {"time_steps": 6, "test_size": 60, **arguments}
    return WindowData(OnlyTable(table), scaler=scaler or MinMaxScaler(), **arguments)


def write_csv(path: Path | str, values: Array | None = None) -> Path:
    """The rows as a file with the columns date, pm, temp and wind (calm, north, south)."""
    values = hourly_rows() if values is None else values
    start = np.datetime64("2013-01-01T00:00", "m")
    lines = ["date,pm,temp,wind"]
    for i, (pm, temp, wind) in enumerate(values.tolist()):
        when = str(start + i * np.timedelta64(60, "m")).replace("T", " ")
        lines.append(f"{when},{pm!r},{temp!r},{('calm', 'north', 'south')[int(wind)]}")
    path = Path(path)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


CONFIG = """\
seed: 3
dtype: float64
data:
  series:
    type: CSVSeries
    path: air.csv
    target: pm
    features: [pm, temp, wind]
    time: date
    categories: {wind: {calm: 0, north: 1, south: 2}}
    units: µg/m³
  time_steps: 6
  test_size: 60
  validation: {type: TailValidation, size: 40}
model:
  type: Sequential
  layers:
    - {type: RecurrentLayer, hidden_size: 3}
    - {type: LastStep}
    - {type: Dense, output_size: 1}
loss: HalfMSE
optimizer: {type: SGD, learning_rate: 0.05}
training: {epochs: 3, batch_size: 16}
evaluation: {horizons: [4, 2, 1], checkpoint: best}
"""


def write_experiment(folder: Path, config: str = CONFIG) -> Path:
    """air.csv and small.yaml in a folder; the config's path."""
    write_csv(folder / "air.csv")
    path = folder / "small.yaml"
    path.write_text(config, encoding="utf-8")
    return path


def folder_content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
