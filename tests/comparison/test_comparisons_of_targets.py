"""Comparisons of models of several targets: baselines and forecasts of other programs beside each target's scores."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comparing import Capture, compare
from small import hourly_rows
from two_targets import written

from minidl.comparison.baselines import describe_baselines
from minidl.comparison.entries import load_entries
from minidl.comparison.records import check_data
from minidl.comparison.tested import terms_of
from minidl.core.errors import CorruptFileError
from minidl.experiment import load_experiment

TEST, FURTHEST = 60, 4
COLUMNS = {"temp": 1, "pm": 0}
QUICK = ("--no-protocol", "--set", "training.epochs=1", "--set", "evaluation.rivals=[DirectRidge]")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    written(tmp_path, monkeypatch)
    Path("other.yaml").write_text(
        "extends: two.yaml\ndata: {time_steps: 6, derived: [{type: Rolling, column: pm, rows: 3}]}\n", encoding="utf-8"
    )
    return "two.yaml"


def persistence(change: Callable[[list[str]], list[str]] = lambda lines: lines) -> Path:
    """The last known value of each target, for each time of the test part and each lead."""
    rows, start = hourly_rows(), np.datetime64("2013-01-01T00:00", "m")
    lines = ["lead,forecast,time,target"]
    for row in range(240 - TEST, 240):
        for lead in range(1, FURTHEST + 1):
            for name, column in COLUMNS.items():
                lines.append(f"{lead},{float(rows[row - lead, column])!r},{start + 60 * row},{name}")
    path = Path("theirs.csv")
    path.write_text("\n".join(change(lines)) + "\n", encoding="utf-8")
    return path


def test_each_target_stands_beside_all_baselines_and_forecasts_of_others(config: str, capsys: Capture) -> None:
    persistence(lambda lines: [*lines, f"1,5.0,{np.datetime64('2013-01-10T00:00', 'm')},wind"])
    assert compare(config, "other.yaml", "--seeds", "1", *QUICK, "--outside", "theirs.csv") == 0
    found = json.loads(Path("runs/compare-001/comparison.json").read_text(encoding="utf-8"))
    scores: dict[str, Any] = {}
    for path, ending in ((config, ""), ("other.yaml", " of other")):
        experiment = load_experiment(path, ["evaluation.rivals=[DirectRidge]"])
        made = experiment.evaluation.evaluate(experiment.load_data(), experiment.scored_model)["targets"]
        for target, own in made.items():
            for name, tables in own["baselines"].items():
                scores.setdefault(target, {})[f"{name}{ending}"] = tables["block"]
    for target in COLUMNS:
        beside = found["targets"][target]["baselines"]
        names = ["persistence", "seasonal_24h", "linear", "direct_linear", "direct_linear of other"]
        assert list(beside) == [*names, "theirs"]
        for name in names:
            for row, of in beside[name].items():
                for metric in ("r2", "rmse"):
                    assert of[metric] == pytest.approx(scores[target][name][row][metric], rel=1e-9), name
        for row, of in beside["theirs"].items():
            assert of == pytest.approx(beside["persistence"][row], rel=1e-9)
    for table in ("block", "lead"):
        for row, of in found["baselines"]["theirs"][table].items():
            assert of == pytest.approx(found["baselines"]["persistence"][table][row], rel=1e-9)
    assert [(pair["first"], pair["second"]) for pair in found["pairs"][1:]] == [("theirs", "two"), ("theirs", "other")]
    report = Path("runs/compare-001/report.md").read_text(encoding="utf-8")
    head = next(line for line in report.splitlines() if line.startswith("| pm: RMSE, µg/m³ |"))
    assert [cell.strip() for cell in head.split("|")[2:6]] == ["two", "other", "same as now", "same time yesterday"]
    assert "direct linear model" in head
    assert head.rstrip(" |").endswith("theirs")
    capsys.readouterr()
    before = Path("runs/compare-001/comparison.json").read_bytes()
    assert compare("--resume", "runs/compare-001") == 0  # the folder has what is needed of the file
    assert Path("runs/compare-001/comparison.json").read_bytes() == before


def test_damaged_baselines_of_a_target_are_refused(config: str) -> None:
    entries = load_entries([config, "other.yaml"])
    data = describe_baselines(entries)
    del data["data"], data["targets"]["pm"]["linear"]["lead"]
    with pytest.raises(CorruptFileError, match="here: pm: linear: damaged: its scores are not of the horizons 4, 2"):
        check_data({**data, "outside": {}}, ["two", "other"], terms_of(entries[0].config), "here")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda lines: [line for line in lines if not line.endswith("pm")],
            "theirs.csv: 208 of 416 forecasts that are scored are missing; the first is of the time 2013-01-08 "
            "18:00:00, lead 1, of pm.",
        ),
        (
            lambda lines: [*lines, lines[-1]],
            "theirs.csv:482: a forecast 4 ahead of this time stands there twice; keep one.",
        ),
        (lambda lines: [line.rpartition(",")[0] for line in lines], "theirs.csv:1: no column 'target'"),
    ],
)
def test_a_wrong_file_is_refused_before_anything_is_trained(
    config: str, change: Callable[[list[str]], list[str]], message: str, capsys: Capture
) -> None:
    persistence(change)
    assert compare(config, "other.yaml", "--seeds", "1", *QUICK, "--outside", "theirs.csv") == 3
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not Path("runs").exists()
