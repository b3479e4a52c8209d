"""Leaks are found, and the shipped honest configs have none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import CONFIG, hourly_table, write_experiment

from minidl.comparison.leaks import LeakError, check_no_leak, find_leaks
from minidl.config import shipped
from minidl.data import CSVSeries, Series, Table, WindowData
from minidl.experiment import load_experiment
from minidl.parallel.experiments import OnlyTable

HONEST = [name for name in shipped("configs") if name.endswith("_honest") and name != "pm25_honest"]


# One is enough for every day: most differ in the model only.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name != "pm25_deep_honest")) for name in HONEST]
)
def test_a_shipped_honest_config_has_no_leak(name: str) -> None:
    experiment = load_experiment(name)
    report = check_no_leak(experiment, epochs=1)
    stages = ("scaler", "training windows", "validation windows", "chosen checkpoint", "ensemble weights")
    calibrated = ("calibration", "ensemble calibration") if experiment.evaluation.intervals else ()
    assert report.checked == (*stages, *calibrated, "forecasts")
    assert not report.assumes_known_covariates
    assert report.from_file


def test_the_textbooks_scaler_is_caught() -> None:
    with pytest.raises(LeakError) as caught:
        check_no_leak(load_experiment("pm25_deep"), epochs=1)
    lines = str(caught.value).splitlines()
    assert lines[0] == "pm25_deep: the scaler depends on the test part (NaN there changes it)"
    assert any("the training windows depend" in line for line in lines)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def load(*overrides: str) -> Any:
        return load_experiment(write_experiment(tmp_path, CONFIG), [*overrides])

    return load


@pytest.mark.parametrize("way", ["hold_last", "same_hour_yesterday"])
def test_forecasts_that_do_not_know_the_weather_use_nothing_after_their_origin(small: Any, way: str) -> None:
    report = check_no_leak(small(f"evaluation.future_covariates={way}"))
    assert not report.assumes_known_covariates


def test_later_columns_that_the_config_says_are_known_are_told_apart_from_leaks(small: Any) -> None:
    report = check_no_leak(small("evaluation.future_covariates=actual"))
    assert report.assumes_known_covariates
    assert "forecasts" in report.checked


def test_a_validation_in_the_test_part_is_caught(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # The chapter's own program once drew its validation windows from the test set.
    honest = WindowData.load

    def careless(self: Any, *arguments: Any, **keywords: Any) -> Any:
        splits = honest(self, *arguments, **keywords)
        return replace(splits, validation=splits.test)

    monkeypatch.setattr(WindowData, "load", careless)
    leaks = find_leaks(small()).leaks
    assert any(leak.startswith("the validation windows depend") for leak in leaks)
    assert any(leak.startswith("the chosen checkpoint depends") for leak in leaks)


def test_the_experiment_is_left_as_it_was(small: Any) -> None:
    experiment = small()
    before = experiment.to_config()
    find_leaks(experiment)
    assert experiment.to_config() == before


GAPPY = """\
dtype: float64
data:
  series: {type: CSVSeries, path: gaps.csv, target: y, features: [y, z], time: t, gaps: interpolate}
  time_steps: 4
  test_size: 40
  validation: {type: TailValidation, size: 20}
model:
  type: Sequential
  layers: [{type: RecurrentLayer, hidden_size: 2}, {type: LastStep}, {type: Dense, output_size: 1}]
optimizer: {type: Adam, learning_rate: 0.005}
training: {epochs: 2}
evaluation: {horizons: [3, 1]}
"""


def gappy(*gaps: slice) -> Any:
    """An experiment on 120 rows whose target has these gaps; the test part begins at row 80, validation at 60."""
    rng = np.random.default_rng(8)
    rows = [[f"{value:.3f}" for value in row] for row in rng.normal(10, 3, (120, 2))]
    for gap in gaps:
        for row in rows[gap]:
            row[0] = ""
    times = np.datetime64("2024-01-01T00:00") + np.arange(120) * np.timedelta64(60, "m")
    lines = ["t,y,z", *(f"{time},{y},{z}" for time, (y, z) in zip(times, rows, strict=True))]
    Path("gaps.csv").write_text("\n".join(lines) + "\n")
    Path("gappy.yaml").write_text(GAPPY)
    return load_experiment("gappy.yaml")


OVER_THE_TEST_BORDER, OVER_THE_VALIDATION_BORDER, IN_THE_TEST_PART = slice(75, 85), slice(55, 63), slice(100, 104)
EVERYWHERE = (OVER_THE_TEST_BORDER, OVER_THE_VALIDATION_BORDER, IN_THE_TEST_PART, slice(0, 3), slice(117, 120))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("gaps", [(gap,) for gap in EVERYWHERE] + [EVERYWHERE])
def test_gaps_wherever_they_lie_are_no_leak(here: Path, gaps: Any) -> None:
    assert check_no_leak(gappy(*gaps)).from_file


@pytest.mark.parametrize(
    ("gap", "leaks"),
    [
        (OVER_THE_TEST_BORDER, ("the validation windows depend on the test part", "the forecasts issued")),
        (OVER_THE_VALIDATION_BORDER, ("the rows for training depend on the validation part",)),
        (IN_THE_TEST_PART, ("the forecasts of rows before the cut", "the forecasts issued before the cut")),
    ],
)
def test_lines_through_gaps_over_a_border_are_caught(
    here: Path, gap: slice, leaks: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Breaks the library: the whole table is filled before it is divided.
    monkeypatch.setattr(Table, "divided", lambda self, borders: self)
    found = find_leaks(gappy(gap)).leaks
    for leak in leaks:
        assert any(line.startswith(leak) for line in found), (leak, found)


def test_a_series_that_standardises_the_whole_file_is_caught(here: Path) -> None:
    class Standardised(CSVSeries):
        def read(self, path: Path | None = None) -> Table:
            table = super().read(path)
            return replace(table, values=table.values - table.values.mean(axis=0))

    experiment = gappy()
    experiment.data.series = Standardised("gaps.csv", target="y", features=["y", "z"], time="t")
    assert "the scaler depends on the test part (noise in the file there changes it)" in find_leaks(experiment).leaks


def test_the_textbooks_lines_through_gaps_of_the_test_year_are_caught() -> None:
    leaks = find_leaks(load_experiment("pm25_deep_honest", ["data.series.test_gaps=lines"]), epochs=1).leaks
    assert leaks
    assert all(leak.startswith("the forecasts") for leak in leaks), leaks


@dataclass(eq=False)
class OfMyOwn(Series):
    """A user's series: reads a file by NumPy, and scales it before anybody divides it."""

    path: str
    whole: bool

    @property
    def feature_names(self) -> tuple[str, ...]:
        return ("y", "z")

    def read(self, path: Path | None = None) -> Table:
        values = np.genfromtxt(path or self.path, delimiter=",", skip_header=1, usecols=(1, 2))
        values -= values.mean(axis=0) if self.whole else 10
        return Table(values, None, self.feature_names, 0)


@pytest.mark.parametrize("whole", [True, False])
def test_a_series_of_ones_own_is_poisoned_in_its_file(here: Path, whole: bool) -> None:
    experiment = gappy()
    experiment.data.series = OfMyOwn("gaps.csv", whole)
    report = find_leaks(experiment)
    assert report.from_file
    assert bool(report.leaks) == whole


def test_a_series_without_a_file_is_poisoned_in_its_table_and_the_report_says_so() -> None:
    experiment = load_experiment("pm25_deep_honest", ["data.test_size=60", "data.validation.size=40"])
    experiment.data.series = OnlyTable(hourly_table())
    experiment.data.time_steps = 6
    report = find_leaks(experiment, epochs=1)
    assert (report.from_file, report.leaks) == (False, ())
    experiment.data.scaler.fit_on = "all"
    assert "the scaler depends on the test part (noise there changes it)" in find_leaks(experiment, epochs=1).leaks
