"""``--ensemble`` of evaluate and predict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Cli


@pytest.fixture
def pair(cli: Cli, trained: Path) -> tuple[Path, Path]:
    assert cli("train", "small.yaml", "--set", "loss=MAE").code == 0
    return trained, Path("runs/small-002")


def test_predict_writes_the_mean_of_several_runs(cli: Cli, pair: tuple[Path, Path]) -> None:
    outcome = cli("predict", "--ensemble", *pair, "--horizon", 2, "--output", "ahead.csv")
    assert outcome.code == 0
    assert outcome.line.startswith("the mean of 2 runs, weights by lead from 31 windows of the validation part; each ")
    found = json.loads(cli("predict", *pair, "--ensemble", "--horizon", 2, "--json").out)
    assert list(found["weights"]) == [str(run) for run in pair]
    rows = Path("ahead.csv").read_text().splitlines()
    assert rows[0] == "time,pm [µg/m³]"
    assert [float(row.split(",")[1]) for row in rows[1:]] == found["values"]


def test_evaluate_sets_the_mean_beside_members_and_baselines(cli: Cli, pair: tuple[Path, Path]) -> None:
    outcome = cli("evaluate", "--ensemble", *pair)
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    named = ["runs/small-001", "runs/small-002"]
    columns = ["ensemble", "equal", "weights", *named, "persistence", "seasonal_24h", "linear"]
    assert lines[1].split() == ["R²", *columns]
    at = next(i for i, line in enumerate(lines) if line.startswith("weights"))
    assert lines[at].split() == ["weights", "1", "h", "ahead", "2", "h", "ahead", "4", "h", "ahead"]
    assert [line.split()[0] for line in lines[at + 1 : at + 3]] == named
    assert "ensemble: weights by lead from 31 windows of the validation part" in lines
    assert lines[-1] == "next: minidl predict --ensemble runs/small-001 runs/small-002"
    scores = json.loads(cli("evaluate", "--ensemble", *pair, "--json").out)
    assert list(scores["members"]) == named
    assert lines[2].split()[4] == f"{scores['block']['4']['r2']:.4f}"


@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_what_is_no_ensemble_is_refused_in_one_line(cli: Cli, pair: tuple[Path, Path], verb: str) -> None:
    several, alone = cli(verb, *pair), cli(verb, "--ensemble", pair[0])
    assert (several.code, alone.code) == (2, 2)
    assert several.line == f"minidl {verb}: 2 runs were given; for their mean forecast add --ensemble."
    assert alone.line == f"minidl {verb}: an ensemble is of at least two runs."
    chosen = cli(verb, "--ensemble", *pair, "--checkpoint", "last")
    assert chosen.code == 2
    assert "--checkpoint: an ensemble takes the weights that each run's config scores" in chosen.line
