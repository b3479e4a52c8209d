"""Backtests of several targets: scores of all of them together and of each, by lead, and no look ahead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import hourly_rows
from two_targets import written

from minidl.backtesting.folds import Fold, edges_of, run_fold
from minidl.backtesting.leaks import check_no_backtest_leak
from minidl.backtesting.result import result
from minidl.cli import main
from minidl.comparison.leaks import LeakError
from minidl.comparison.trials import train_in_memory
from minidl.experiment import load_experiment
from minidl.forecasting import Recursive

LEVELS = (
    "model.layers.2.output_size=24",
    "loss={type: Quantile, levels: [0.1, 0.5, 0.9]}",
    "evaluation.intervals={coverage: 0.8}",
)


@pytest.mark.parametrize("changes", [(), LEVELS])
def test_a_fold_has_the_scores_of_all_targets_together(tmp_path: Path, monkeypatch: Any, changes: Any) -> None:
    config = written(tmp_path, monkeypatch)
    experiment = load_experiment(config, changes)
    edges = edges_of(experiment, 240, 1)  # the one stretch is the test part
    record = run_fold(Fold(experiment.to_config(), experiment.seed, 0, edges))
    parts = experiment.load_data()
    train_in_memory(experiment, parts)
    found = experiment.evaluation.evaluate(parts, experiment.scored_model)
    for lead, row in found["lead"].items():
        for metric in ("r2", "rmse"):
            assert record["scores"][lead]["model"][metric] == pytest.approx(row[metric])
            of_each = [own["baselines"]["linear"]["lead"][lead]["r2"] for own in found["targets"].values()]
            assert record["scores"][lead]["linear"]["r2"] == pytest.approx(np.mean(of_each))
            for name, own in found["targets"].items():
                made = record["targets"][name]
                assert made["scores"][lead]["model"][metric] == pytest.approx(own["lead"][lead][metric])
                now = own["baselines"]["persistence"]["lead"][lead][metric]
                assert made["scores"][lead]["persistence"][metric] == pytest.approx(now)
                assert made["kept"]["0"][lead]["model"] == made["scores"][lead]["model"]


@pytest.mark.parametrize("target", [0, 1])
def test_a_look_at_later_values_of_any_target_is_found(tmp_path: Path, monkeypatch: Any, target: int) -> None:
    """The fault: the model's forecasts of one of the targets are a tenth of what comes a row later."""
    honest = Recursive.of_all

    def peeking(model: Recursive, starts: Any, horizon: int) -> Any:
        made, rows = honest(model, starts, horizon), model.rows
        if len(model.columns) > target:
            later = np.minimum(starts[:, None] + rows.time_steps + np.arange(horizon) + 1, len(rows.values) - 1)
            made[:, :, target] += 0.1 * rows.values[later, model.columns[target]]
        return made

    experiment = load_experiment(written(tmp_path, monkeypatch), ["training.epochs=1"])
    monkeypatch.setattr(Recursive, "of_all", peeking)
    with pytest.raises(LeakError) as caught:
        check_no_backtest_leak(experiment, 2)
    assert f"its scores of {('temp', 'pm')[target]} on stretch 1 depend" in str(caught.value)


def test_a_backtest_of_targets_looks_at_no_later_rows(tmp_path: Path, monkeypatch: Any) -> None:
    check_no_backtest_leak(load_experiment(written(tmp_path, monkeypatch), ["training.epochs=1"]), 2)


def test_the_command_tells_scaled_errors_of_all_and_errors_in_units_of_each(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    config = written(tmp_path, monkeypatch)
    assert main(["backtest", str(config), "--folds", "2", "--set", "training.epochs=1", "--jobs", "1"]) == 0
    told = capsys.readouterr().out
    heads = [" ".join(line.split()[:4]) for line in told.splitlines() if ", over folds" in line]
    assert heads == [
        "all targets: RMSE, scaled,",
        "all targets: R², over",
        "temp: RMSE, °C, over",
        "temp: R², over folds",
        "pm: RMSE, µg/m³, over",
        "pm: R², over folds",
    ]
    assert "R² of several targets together is the mean over temp and pm" in told
    found = json.loads(Path("runs/backtest-001/backtest.json").read_text(encoding="utf-8"))
    assert {name: own["units"] for name, own in found["targets"].items()} == {"temp": "°C", "pm": "µg/m³"}
    folds = [json.loads(Path(f"runs/backtest-001/fold-{k}.json").read_text(encoding="utf-8")) for k in (1, 2)]
    for name, own in found["targets"].items():
        retrained, kept = own["folds"][1]["scores"]["retrained"]["3"], own["folds"][1]["scores"]["trained_once"]["3"]
        assert retrained == folds[1]["targets"][name]["scores"]["3"]["model"]
        assert kept == folds[0]["targets"][name]["kept"]["1"]["3"]["model"]
        of_folds = [fold["targets"][name]["scores"]["3"]["linear"]["r2"] for fold in folds]
        assert own["over_folds"]["linear"]["3"]["r2"]["median"] == pytest.approx(np.median(of_folds))
    units = np.std(hourly_rows()[: 240 - 60], axis=0)  # of the rows before the first stretch, in both folds
    for of in (folds[1]["scores"], folds[0]["kept"]["1"]):
        own = folds[1]["targets"] if of is folds[1]["scores"] else folds[0]["targets"]
        each = [one["scores"] if of is folds[1]["scores"] else one["kept"]["1"] for one in own.values()]
        squares = [(one["3"]["model"]["rmse"] / units[column]) ** 2 for one, column in zip(each, (1, 0), strict=True)]
        assert of["3"]["model"]["rmse"] == pytest.approx(np.sqrt(np.mean(squares)))
    pictures = {path.name for path in Path("runs/backtest-001/figures").iterdir()}
    assert pictures == {"backtest.png", "backtest_1.png", "backtest_2.png"}


def test_a_fold_whose_training_broke_has_scores_of_no_target() -> None:
    about = {"rows": [0, 1], "times": None, "epoch": 1, "seconds": 0.0}
    scored = {"scores": {"1": {"model": {"r2": 0.5, "rmse": 1.0}}}, "kept": {}}
    whole = {**about, "fold": 0, "error": None, **scored, "targets": {"a": scored, "b": scored}}
    broken = {**about, "fold": 1, "error": "NaN", "scores": {}, "kept": {}, "targets": {}}
    found = result([whole, broken], name="x", seed=0, units="scaled", step="h", of_targets={"a": "m", "b": ""})
    assert [fold["scores"] for fold in found["targets"]["a"]["folds"]][1] == {}
    assert found["targets"]["b"]["over_folds"]["retrained"]["1"]["rmse"]["median"] == 1.0
