"""Runs of several targets: no look ahead, what a user sees, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import window_data
from two_targets import H, K, loaded, stack, two_targets, written

from minidl.cli import main
from minidl.comparison.leaks import check_no_leak, find_leaks
from minidl.core.errors import ConfigError
from minidl.core.layer import Array
from minidl.data import OneHot, Rolling
from minidl.experiment import load_experiment
from minidl.forecasting import Recursive, block_scores, model_forecaster, score_shifted
from minidl.runs.run import Run
from minidl.tasks import Forecast

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
    """The fault: the forecasts of one of the targets are its true later values."""
    honest = Recursive.of_all

    def peeking(model: Recursive, starts: Any, horizon: int) -> Array:
        made, rows = honest(model, starts, horizon), model.rows
        if len(model.columns) == K:
            made[:, :, target] = replace(rows, target_index=model.columns[target]).truth(starts, horizon)
        return made

    experiment = load_experiment(written(tmp_path, monkeypatch))
    monkeypatch.setattr(Recursive, "of_all", peeking)
    leaks = find_leaks(experiment, epochs=1).leaks
    assert "the forecasts of rows before the cut depend on rows after it (NaN there changes them)" in leaks


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
    assert main(["summary", "run"]) == 0
    assert "task: Forecast of temp and pm, learned by HalfMSE" in capsys.readouterr().out
    assert main(["evaluate", "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["targets"] == found["targets"]
    assert main(["predict", "run", "--output", "next.csv"]) == 0
    rows = [line.split(",") for line in Path("next.csv").read_text(encoding="utf-8").splitlines()]
    assert rows[0] == ["time", "temp [°C]", "pm [µg/m³]"]
    made = Run.open("run").predict()
    assert [[float(cell) for cell in row[1:]] for row in rows[1:]] == made.values.tolist()


def test_scores_by_lead_of_each_target_are_those_of_the_evaluation(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    config = written(tmp_path, monkeypatch)
    assert main(["train", str(config), "--run-dir", "run", "--set", "training.epochs=1"]) == 0
    found = json.loads((tmp_path / "run/evaluation.json").read_text(encoding="utf-8"))["targets"]
    capsys.readouterr()
    assert main(["evaluate", "run", "--by", "lead", "--json"]) == 0
    by_lead = json.loads(capsys.readouterr().out)
    assert list(by_lead) == ["temp", "pm"]
    for name, groups in by_lead.items():
        for lead, row in groups.items():
            for metric in ("r2", "rmse"):
                assert row["model"][metric] == pytest.approx(found[name]["lead"][lead][metric])
                expected = found[name]["baselines"]["linear"]["lead"][lead][metric]
                assert row["linear"][metric] == pytest.approx(expected)
    assert main(["evaluate", "run", "--by", "level"]) == 0
    told = capsys.readouterr().out
    assert "temp: RMSE, °C, by level" in told
    assert "pm: bias (forecast - truth), µg/m³, by level" in told


def test_models_are_compared_by_the_mean_over_the_targets_and_each_is_shown(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    config = str(written(tmp_path, monkeypatch))
    words = ["compare", config, config, "--seeds", "2", "--jobs", "1", "--set", "training.epochs=1"]
    assert main([*words, "--set", "evaluation.future_covariates=actual"]) == 0
    told = capsys.readouterr().out
    assert "R²: median (lowest to highest) of 2 seeds; blocks of k hours, temp and pm together" in told
    found = json.loads(Path("runs/compare-001/comparison.json").read_text(encoding="utf-8"))
    assert found["facts"]["units"] == "scaled"
    assert found["over_time"] == []
    label = found["asked"]["configs"][0]
    for row in ("4", "2", "1"):
        of_each = [target["configs"][label][row]["r2"] for target in found["targets"].values()]
        assert found["configs"][label]["block"][row]["r2"]["values"] == pytest.approx(np.mean(of_each, axis=0))
    report = Path("runs/compare-001/report.md").read_text(encoding="utf-8")
    assert "## Each target" in report
    assert "| temp: RMSE, °C |" in report
    assert main(["compare", "--resume", "runs/compare-001"]) == 0  # its records can be read again


def test_what_a_comparison_asks_beyond_the_tables_is_of_all_targets_too() -> None:
    model, task = stack(1), Forecast(horizons=[H, 1])
    parts = loaded(1)
    terms, each = task.terms(), parts.of_targets()
    more = terms.more_scores(parts, model)
    terms.check_more_scores(more)
    for k in (H, 1):
        made = [model_forecaster(one, model, "actual") for one in each]
        alone = [block_scores(one, forecaster, k)["r2"] for one, forecaster in zip(each, made, strict=True)]
        assert more["covariates"]["actual"][str(k)]["r2"] == pytest.approx(np.mean(alone))
        made = [model_forecaster(one, model, "hold_last") for one in each]
        alone = [score_shifted(one, forecaster, k)["r2"] for one, forecaster in zip(each, made, strict=True)]
        assert more["shifted"][str(k)]["r2"] == pytest.approx(np.mean(alone))
        for one, forecaster in zip(each, made, strict=True):
            own = more["targets"][one.table.target_name]
            assert own["block"][str(k)] == pytest.approx(block_scores(one, forecaster, k))


@pytest.mark.parametrize("column", [0, 1])
def test_runs_are_of_the_same_examples_only_if_all_targets_are(column: int) -> None:
    terms, table = Forecast().terms(), two_targets()
    values = table.values.copy()
    values[200, column] += 1
    truths = {terms.truth(loaded(1, one)) for one in (table, two_targets(), replace(table, values=values))}
    assert len(truths) == 2


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
