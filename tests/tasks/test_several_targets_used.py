"""Runs of several targets: no look ahead, what a user sees, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import window_data
from two_targets import K, two_targets, written

from minidl.cli import main
from minidl.comparison.leaks import check_no_leak, find_leaks
from minidl.core.errors import ConfigError
from minidl.core.layer import Array
from minidl.data import OneHot, Rolling
from minidl.experiment import load_experiment
from minidl.forecasting import Rows
from minidl.runs.run import Run

# --- no look ahead


@pytest.mark.parametrize("size", [K, 4 * K])
@pytest.mark.parametrize("covariates", ["hold_last", "actual"])
def test_nothing_depends_on_later_rows(tmp_path: Path, monkeypatch: Any, size: int, covariates: str) -> None:
    changes = [f"model.layers.2.output_size={size}", f"evaluation.future_covariates={covariates}"]
    report = check_no_leak(load_experiment(written(tmp_path, monkeypatch), changes), epochs=1)
    assert report.from_file
    assert {"training windows", "chosen checkpoint", "ensemble weights", "forecasts"} <= {*report.checked}


@pytest.mark.parametrize("target", [0, 1])
def test_a_look_at_later_values_of_any_target_is_found(tmp_path: Path, monkeypatch: Any, target: int) -> None:
    """The fault: windows of forecasts hold the true later values of one of the targets."""
    honest = Rows.windows_ahead

    def windows_ahead(rows: Rows, starts: Any, j: int, covariates: Any) -> Array:
        x, column = honest(rows, starts, j, covariates), rows.targets[target]
        x[:, :, column] = rows.values[starts[:, None] + 1 + np.arange(x.shape[1]), column]
        return x

    experiment = load_experiment(written(tmp_path, monkeypatch))
    monkeypatch.setattr(Rows, "windows_ahead", windows_ahead)
    leaks = find_leaks(experiment, epochs=1).leaks
    assert any("the forecasts of rows before the cut depend on rows after it" in leak for leak in leaks)


# --- what a user does


def test_a_run_is_trained_scored_and_used(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    config = written(tmp_path, monkeypatch)
    assert main(["train", str(config), "--run-dir", "run"]) == 0
    told = capsys.readouterr().out
    assert "all targets: R²" in told
    assert "temp: RMSE, °C" in told
    assert "pm: RMSE, µg/m³" in told
    found = json.loads((tmp_path / "run/evaluation.json").read_text(encoding="utf-8"))
    assert list(found["targets"]) == ["temp", "pm"]
    assert {path.name for path in (tmp_path / "run/figures").iterdir()} == {
        "loss.png", "forecast_1.png", "forecast_2.png", "error_by_lead_1.png", "error_by_lead_2.png",
    }  # fmt: skip
    assert main(["evaluate", "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["targets"] == found["targets"]
    assert main(["predict", "run", "--output", "next.csv"]) == 0
    rows = [line.split(",") for line in Path("next.csv").read_text(encoding="utf-8").splitlines()]
    assert rows[0] == ["time", "temp [°C]", "pm [µg/m³]"]
    made = Run.open("run").predict()
    assert [[float(cell) for cell in row[1:]] for row in rows[1:]] == made.values.tolist()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "model.layers.2.output_size=4",
            r"two\.yaml:\d+:\d+: model: the model's output has shape \(4,\); a forecast of the 2 targets temp and pm "
            r"is 2 numbers for the next row, which are fed back, so \(2,\) or \(time, 2\), or as many for each lead, "
            r"of which evaluation\.horizons scores 4: \(8,\) or \(time, 8\)\.$",
        ),
        (
            "evaluation.intervals={coverage: 0.8}",
            r"evaluation\.intervals is of one target, but data\.series\.target names 2: temp, pm\.$",
        ),
        (
            "evaluation.published={source: book, r2: [1, 1, 1], loss: [0, 0, 0]}",
            r"evaluation\.published is of one target, but data\.series\.target names 2: temp, pm\.$",
        ),
        (
            "model={type: Rollout, steps: 4, target: pm, layer: {type: Dense, output_size: 1}}",
            r"model: Rollout is of one target, but data\.series\.target names 2: temp, pm\.$",
        ),
        ("data.series.target=[pm, pm]", r"data\.series\.target: 'pm' appears twice\.$"),
        (
            "data.series.target=[pm, tmp]",
            r"data\.series\.target: 'tmp' is not among the features; did you mean temp\?$",
        ),
        ("data.series.units=°C", r"data\.series\.units: expected those of each target, 2 of them, got '°C'\.$"),
    ],
)
def test_what_is_of_one_target_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: Any, change: str, said: str
) -> None:
    config = written(tmp_path, monkeypatch)
    (tmp_path / "air.csv").unlink()
    with pytest.raises(ConfigError, match=said):
        load_experiment(config, [change])


def test_verbs_for_one_target_refuse_a_run_of_several(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    config = written(tmp_path, monkeypatch)
    for name in ("one", "two"):
        assert main(["train", str(config), "--run-dir", name, "--set", "training.epochs=1"]) == 0
    of_one = "is of one target, but data.series.target names 2: temp, pm.\n"
    capsys.readouterr()
    for words, said in (
        (["evaluate", "one", "--by", "hour"], f"minidl evaluate: --by {of_one}"),
        (["evaluate", "--ensemble", "one", "two"], f"minidl evaluate: one: an ensemble {of_one}"),
        (["backtest", str(config), "--folds", "2"], f"minidl backtest: a backtest {of_one}"),
    ):
        assert main(words) == 2
        assert capsys.readouterr().err == said


def test_one_name_in_a_list_is_one_target(tmp_path: Path, monkeypatch: Any) -> None:
    changes = ["data.series.target=[pm]", "data.series.units=[µg/m³]", "model.layers.2.output_size=4"]
    parts = load_experiment(written(tmp_path, monkeypatch), changes).load_data()
    assert parts.table.targets == ()
    assert (parts.table.target_name, parts.table.units, parts.train.n_targets) == ("pm", "µg/m³", 1)


def test_a_feature_takes_no_targets_place_and_what_is_made_of_one_gives_it_away() -> None:
    data = window_data(two_targets(), derived=[Rolling("pm", rows=3), OneHot("wind", categories={"calm": 0.0})])
    table = data.load("float64", leads=2).table
    assert [table.feature_names[column] for column in table.target_columns] == ["temp", "pm"]
    assert table.of_target == ("pm mean of 3 rows",)
    with pytest.raises(ConfigError, match="pm is the target, whose place nothing can take"):
        window_data(two_targets(), derived=[OneHot("pm", categories={"a": 1.0})]).load("float64")
