"""Scores of a run: from its saved weights, in the stated form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small import hourly_rows, write_csv
from small_runs import trained

from minidl.runs.run import Run


def test_evaluation_json_has_the_stated_form(folder: Path) -> None:
    run, history = trained()
    scores = run.evaluate(run.experiment.load_data())
    saved = json.loads((run.path / "evaluation.json").read_text())
    assert saved == scores
    assert list(saved["block"]) == ["4", "2", "1"]
    assert list(saved["lead"]) == ["1", "2", "3", "4"]
    assert list(saved["baselines"]) == ["persistence", "seasonal_24h", "linear"]
    assert saved["block"]["4"].keys() == {"loss", "r2", "mae", "rmse"}
    assert saved["baselines"]["linear"].keys() == {"block", "lead"}
    best = min(history, key=lambda record: record.validation_loss or 0)
    assert (saved["parameters"], saved["units"], saved["checkpoint"]) == (25, "µg/m³", "best")
    assert (saved["epoch"], saved["seed"]) == (best.epoch, 3)
    assert "µg/m³" in (run.path / "evaluation.json").read_text(encoding="utf-8")


def test_another_checkpoint_is_stored_under_its_own_name(folder: Path) -> None:
    run, _ = trained()
    splits = run.experiment.load_data()
    configured = run.evaluate(splits)
    content = (run.path / "evaluation.json").read_bytes()
    initial = run.evaluate(splits, "init")
    assert initial["block"] != configured["block"]
    assert initial["epoch"] == 0
    assert initial["baselines"] == configured["baselines"]
    assert (run.path / "evaluation.json").read_bytes() == content
    assert json.loads((run.path / "evaluation-init.json").read_text()) == initial


def test_scores_come_from_the_saved_weights_not_from_those_in_memory(folder: Path) -> None:
    run, _ = trained()
    splits = run.experiment.load_data()
    before = run.evaluate(splits)
    run.experiment.model.params["0.W_xh"][...] = 0
    assert run.evaluate(splits) == before
    assert Run.open(run.path).evaluate(splits) == before


def test_an_undefined_r2_is_null(folder: Path) -> None:
    rows = hourly_rows()
    rows[180:, 0] = 50.0
    write_csv(folder / "air.csv", rows)
    run, _ = trained("training.epochs=1")
    run.evaluate(run.experiment.load_data())
    text = (run.path / "evaluation.json").read_text()
    assert "NaN" not in text
    assert json.loads(text)["block"]["4"]["r2"] is None


def test_a_stack_without_last_step_trains_and_is_scored_by_its_last_output(folder: Path) -> None:
    layers = "[{type: RecurrentLayer, hidden_size: 3}, {type: Dense, output_size: 1}]"
    run, history = trained(f"model.layers={layers}", "training.epochs=2")
    model = run.experiment.model
    splits = run.experiment.load_data()
    scores = run.evaluate(splits)
    rows, last = splits.values, []
    for start in range(180, 234):  # the 54 windows of the test part, one by one
        last.append(float(model(rows[None, start : start + 6])[0, -1, 0]) - float(rows[start + 6, 0]))
    assert scores["block"]["1"]["loss"] == pytest.approx(sum(e * e for e in last) / 108, rel=1e-12)
    # Validation is over all steps of the windows of rows 140 ... 179.
    run.load_weights("last")
    errors = []
    for start in range(140, 174):
        errors += (model(rows[None, start : start + 6])[0, :, 0] - rows[start + 1 : start + 7, 0]).tolist()
    assert history[-1].validation_loss == pytest.approx(sum(e * e for e in errors) / (2 * len(errors)), rel=1e-12)
    assert len(run.predict(None, 3).values) == 3
