"""Backtests of several targets: scores of all of them together, by lead, and no look ahead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from two_targets import written

from minidl.backtesting.folds import Fold, edges_of, run_fold
from minidl.backtesting.leaks import check_no_backtest_leak
from minidl.cli import main
from minidl.comparison.trials import train_in_memory
from minidl.experiment import load_experiment

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


def test_a_backtest_of_targets_looks_at_no_later_rows(tmp_path: Path, monkeypatch: Any) -> None:
    check_no_backtest_leak(load_experiment(written(tmp_path, monkeypatch), ["training.epochs=1"]), 2)


def test_the_command_tells_scaled_errors(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    config = written(tmp_path, monkeypatch)
    assert main(["backtest", str(config), "--folds", "2", "--set", "training.epochs=1", "--jobs", "1"]) == 0
    told = capsys.readouterr().out
    assert "RMSE, scaled, over folds" in told
    assert "R² of several targets together is the mean over temp and pm" in told
