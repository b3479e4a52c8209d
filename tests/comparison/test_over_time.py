"""The test of two given runs over time, from the folder on: against forecasts made one by one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from minidl.cli import main
from minidl.comparison.folder import ComparisonFolder
from minidl.experiment import load_experiment
from minidl.forecasting import model_forecaster
from minidl.forecasting.diebold_mariano import diebold_mariano


@pytest.mark.parametrize("order", [("small", "worse"), ("worse", "small")])
def test_each_lead_is_tested_on_errors_of_all_origins(folder: Path, order: tuple[str, str]) -> None:
    assert main(["compare", *(f"{name}.yaml" for name in order), "--seeds", "1", "--jobs", "1"]) == 0
    path = Path("runs/compare-001")
    (found,) = json.loads((path / "comparison.json").read_text())["over_time"]
    assert (found["first"], found["second"], found["seeds"]) == (*order, [0, 0])
    opened = ComparisonFolder.open(path)
    records = {record["label"]: record for record in opened.records()}
    errors = {}
    for label in order:
        experiment = load_experiment(f"{label}.yaml")
        splits = experiment.load_data()
        for name, value in opened.weights(records[label]).items():
            experiment.model.params[name][...] = value
        forecast = model_forecaster(splits, experiment.model, experiment.evaluation.future_covariates)
        column, low, span = splits.table.values[:, 0], splits.scale.offset[0], splits.scale.range[0]
        # 60 test rows, windows of 6, four hours ahead: the last origin has three rows after the next one.
        first = len(column) - 60
        errors[label] = np.array(
            [
                [forecast(np.array([start]), 4)[0, j] * span + low - column[start + 6 + j] for j in range(4)]
                for start in range(first, len(column) - 6 - 3)
            ]
        )
    assert [row["lead"] for row in found["leads"]] == ["1", "2", "3", "4"]
    for j, row in enumerate(found["leads"]):
        expected = diebold_mariano(errors[order[0]][:, j], errors[order[1]][:, j], lead=j + 1)
        assert row["n"] == len(errors[order[0]]) == 51
        assert (row["statistic"], row["p"]) == pytest.approx((expected.statistic, expected.p), rel=1e-6)
        assert row["lags"] == expected.lags
    better = min(order, key=lambda label: float((errors[label][:, 0] ** 2).mean()))
    assert (found["leads"][0]["statistic"] > 0) == (better == order[1])


@pytest.mark.parametrize(("rows", "leads"), [(15, 0), (16, 4)])
def test_a_test_part_that_is_too_short_for_the_test_has_none(folder: Path, rows: int, leads: int) -> None:
    # Windows of 6 rows, four hours ahead: from 16 rows 7 forecasts are made, more than the leads and two.
    settings = ["--set", f"data.test_size={rows}", "--seeds", "1", "--jobs", "1"]
    assert main(["compare", "small.yaml", "worse.yaml", *settings]) == 0
    (found,) = json.loads(Path("runs/compare-001/comparison.json").read_text())["over_time"]
    assert [row["n"] for row in found["leads"]] == [7] * leads
