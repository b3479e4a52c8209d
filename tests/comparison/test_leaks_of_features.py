"""Features that look ahead are found from the file on, and those of the library do not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.comparison.leaks import check_no_leak, find_leaks
from minidl.data import Calendar, Change, ColumnFeature, Direction, Feature, GapMask, OneHot, Rolling, Table
from minidl.experiment import load_experiment

CONFIG = """\
dtype: float64
data:
  series:
    type: CSVSeries
    path: gaps.csv
    target: y
    features: [y, z, w]
    time: t
    gaps: interpolate
    categories: {w: {calm: 0, N: 1, E: 2}}
  time_steps: 4
  test_size: 40
  validation: {type: TailValidation, size: 20}
model:
  type: Sequential
  layers: [{type: RecurrentLayer, hidden_size: 2}, {type: LastStep}, {type: Dense, output_size: 1}]
optimizer: {type: Adam, learning_rate: 0.005}
training: {epochs: 1}
evaluation: {horizons: [3, 1]}
"""
GAPS = (slice(75, 85), slice(55, 63), slice(100, 104), slice(0, 3))


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """On 120 rows with gaps over every border; the test part begins at row 80, validation at 60."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(8)
    rows = [[f"{value:.3f}" for value in row] for row in rng.normal(10, 3, (120, 2))]
    for gap in GAPS:
        for row in rows[gap]:
            row[0] = ""
    times = np.datetime64("2024-01-01T00:00") + np.arange(120) * np.timedelta64(60, "m")
    lines = [f"{t},{y},{z},{('calm', 'N', 'E')[i % 3]}" for i, (t, (y, z)) in enumerate(zip(times, rows, strict=True))]
    Path("gaps.csv").write_text("\n".join(["t,y,z,w", *lines]) + "\n")
    Path("gappy.yaml").write_text(CONFIG)

    def load(*features: Feature, **more: Any) -> Any:
        found = load_experiment("gappy.yaml", [f"{key}={value}" for key, value in more.items()])
        found.data.derived = [*features]
        return found

    return load


@pytest.mark.parametrize(("way", "scaler"), [("hold_last", "MinMaxScaler"), ("actual", "StandardScaler")])
def test_the_librarys_own_features_do_not_look_ahead(experiment: Any, way: str, scaler: str) -> None:
    features = (
        Calendar(["day"]),
        OneHot("w", replace=False),
        Direction("w"),
        Change("y", 2),
        Rolling("y", 5),
        GapMask("y"),
    )
    report = check_no_leak(experiment(*features, **{"evaluation.future_covariates": way, "data.scaler.type": scaler}))
    assert report.from_file
    assert report.assumes_known_covariates == (way == "actual")


@dataclass(eq=False)
class Centred(ColumnFeature):
    """A mean of the row before, this row and the next one."""

    def names(self, categories: Any) -> tuple[str, ...]:
        return (f"{self.column} centred",)

    def columns(self, table: Table) -> Any:
        x = np.pad(table.column(self.column), 1, mode="edge")
        return (x[:-2] + x[1:-1] + x[2:])[:, None] / 3


@dataclass(eq=False)
class Peeking(Feature):
    """It says that it is made from the times, and looks at the values."""

    def names(self, categories: Any) -> tuple[str, ...]:
        return ("busy hour",)

    def columns(self, table: Table) -> Any:
        return np.abs(table.values[:, :1] - 10)


@dataclass(eq=False)
class BeforeGaps(ColumnFeature):
    """1 where the next value is a gap: of labels that are filled."""

    def names(self, categories: Any) -> tuple[str, ...]:
        return (f"{self.column} is filled next",)

    def columns(self, table: Table) -> Any:
        assert table.gaps is not None
        where = table.gaps.where[:, table.feature_names.index(self.column)]
        return np.append(where[1:], False)[:, None].astype(float)


@dataclass(eq=False)
class Ranked(ColumnFeature):
    """The place of a value among all of the table."""

    def names(self, categories: Any) -> tuple[str, ...]:
        return (f"{self.column} rank",)

    def columns(self, table: Table) -> Any:
        return np.argsort(np.argsort(table.column(self.column)))[:, None].astype(float)


@pytest.mark.parametrize(
    ("feature", "leak"),
    [
        (Centred("z"), "the forecasts of rows before the cut depend on rows after it (noise in the file"),
        (Centred("z"), "the rows for training depend on the validation part (noise in the file"),
        (Peeking(), "the forecasts issued before the cut depend on rows after it, although the config says hold_last"),
        (BeforeGaps("y"), "the forecasts of rows before the cut depend on rows after it (noise in the file"),
        (Ranked("y"), "the scaler depends on the test part (noise in the file"),
    ],
)
def test_planted_leaks_of_features_are_caught(experiment: Any, feature: Feature, leak: str) -> None:
    found = find_leaks(experiment(feature)).leaks
    assert any(line.startswith(leak) for line in found), found
