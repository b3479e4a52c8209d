"""Baselines of a comparison: whose they are, where they stand once, and test parts that differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import hourly_rows, write_csv

from minidl.comparison.baselines import describe_baselines
from minidl.comparison.entries import load_entries
from minidl.comparison.plan import Plan
from minidl.comparison.session import beside
from minidl.core.errors import ConfigError
from minidl.experiment import load_experiment
from minidl.forecasting import baselines as all_baselines
from minidl.forecasting import score
from minidl.tasks import Forecast

LESS = "extends: small.yaml\ndata: {series: {features: [pm, wind]}}\n"
WIDE = "extends: small.yaml\ndata: {scaler: {type: StandardScaler}}\n"
SEES = "extends: small.yaml\ndata: {scaler: {type: MinMaxScaler, fit_on: all}}\n"


def described(folder: Path, **others: str) -> dict[str, Any]:
    """What small.yaml and these have."""
    for name, text in others.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return describe_baselines(load_entries(["small.yaml", *(f"{name}.yaml" for name in others)]))


def test_configs_of_the_same_data_share_their_baselines_which_are_scored_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored, evaluate = [], Forecast.evaluate
    monkeypatch.setattr(Forecast, "evaluate", lambda *arguments: scored.append(1) or evaluate(*arguments))
    found = described(folder, other="extends: small.yaml\nmodel: {layers: [LastStep, {type: Dense, output_size: 1}]}\n")
    experiment = load_experiment("small.yaml")
    splits = experiment.load_data()
    forecasters = all_baselines(splits, experiment.evaluation.future_covariates)
    assert len(scored) == 1 < len(forecasters)
    assert list(found["baselines"]) == list(forecasters)
    for name, forecaster in forecasters.items():
        expected = score(splits, forecaster, (4, 2, 1))
        for k in ("4", "2", "1"):
            assert found["baselines"][name]["block"][k]["rmse"] == pytest.approx(expected["block"][k]["rmse"])
    assert found["facts"] == {"units": "µg/m³", "step": "h"}
    assert found["data"]["small"] == found["data"]["other"]
    assert found["data"]["small"]["rows"] == 240
    assert found["assumptions"].keys() == {"small", "other"}


def test_the_linear_model_of_other_columns_stands_apart_and_the_rest_once(folder: Path) -> None:
    found = described(folder, less=LESS)
    names = list(found["baselines"])
    assert [name for name in names if name.endswith(" of less")] == ["linear of less"]
    assert names[-1] == "linear of less"
    one, other = found["baselines"]["linear"], found["baselines"]["linear of less"]
    assert one["block"]["4"]["rmse"] != pytest.approx(other["block"]["4"]["rmse"], rel=1e-3)
    assert found["data"]["small"]["sha256"] != found["data"]["less"]["sha256"]


def test_another_scale_of_the_same_numbers_makes_another_baseline_only_where_it_makes_other_errors(
    folder: Path,
) -> None:
    # The linear model's penalty is on scaled values; what repeats known values differs by rounding only.
    names = list(described(folder, wide=WIDE)["baselines"])
    assert [name for name in names if " of " in name] == ["linear of wide"]


def test_what_only_shows_a_shortcut_has_data_and_no_baselines_of_its_own(folder: Path) -> None:
    (folder / "sees.yaml").write_text(SEES, encoding="utf-8")
    compared = load_entries(["sees.yaml", "small.yaml"])
    found = describe_baselines([*compared, *beside(compared)])
    assert list(found["data"]) == ["sees", "small", "sees+fit_on_train"]
    assert list(found["assumptions"]) == ["sees", "small"]


def test_what_only_shows_a_shortcut_is_trained_with_the_first_five_seeds(folder: Path) -> None:
    (folder / "sees.yaml").write_text(SEES, encoding="utf-8")
    compared = load_entries(["sees.yaml", "small.yaml"])
    (added,) = beside(compared)
    assert (added.label, added.role) == ("sees+fit_on_train", "beside")
    entries = (*compared, added)
    trials = Plan(entries, 7, (), {entry.label: {} for entry in entries}, "0").trials()
    assert [trial.seed for trial in trials if trial.label == "sees"] == list(range(7))
    assert [trial.seed for trial in trials if trial.label == "sees+fit_on_train"] == list(range(5))


def test_test_parts_of_other_values_are_refused_with_what_differs(folder: Path) -> None:
    values = hourly_rows()
    values[-1, 0] += 1
    write_csv(folder / "later.csv", values)
    with pytest.raises(
        ConfigError, match=r"^compare: small and later are scored on different test hours \(data.series"
    ):
        described(folder, later="extends: small.yaml\ndata: {series: {path: later.csv}}\n")
    values[-1, 0] -= 1
    values[:100, 0] += np.arange(100)
    write_csv(folder / "later.csv", values)  # other training rows are no hindrance
    assert described(folder, later="extends: small.yaml\ndata: {series: {path: later.csv}}\n")["facts"]["step"] == "h"


def test_rows_of_other_times_are_other_test_parts(folder: Path) -> None:
    text = (folder / "air.csv").read_text(encoding="utf-8")
    (folder / "later.csv").write_text(text.replace("2013-", "2014-"), encoding="utf-8")
    with pytest.raises(ConfigError, match="are scored on different test hours"):
        described(folder, later="extends: small.yaml\ndata: {series: {path: later.csv}}\n")


def test_baselines_that_the_data_cannot_have_are_named_with_the_reason(folder: Path) -> None:
    assert described(folder, twin="extends: small.yaml\n")["left_out"] == {}
    timeless = "extends: small.yaml\ndata: {series: {time: null}}\n"
    (folder / "a.yaml").write_text(timeless, encoding="utf-8")
    found = describe_baselines(load_entries(["a.yaml", "a.yaml"]))
    assert found["facts"]["step"] == "step"
    assert len(found["left_out"]) == 1
    assert found["baselines"].keys().isdisjoint(found["left_out"])
