"""A folder with two small configs on a small table, and one with a comparison of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from comparing import Capture, compare
from small import CONFIG, write_experiment
from strange_folders import CONFIGS, ONE

DEEP = """\
extends: small.yaml
model:
  type: Sequential
  layers:
    - {type: RecurrentLayer, hidden_size: 2, bias: false}
    - {type: RecurrentLayer, hidden_size: 2, bias: false}
    - {type: LastStep}
    - {type: Dense, output_size: 1, bias: false}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    if not request.node.get_closest_marker("figures"):  # they take a second and more, and one test looks at them
        monkeypatch.setattr("minidl.plotting.style.have_matplotlib", lambda: False)
    monkeypatch.chdir(tmp_path)
    write_experiment(tmp_path, CONFIG)
    (tmp_path / "deep.yaml").write_text(DEEP, encoding="utf-8")
    (tmp_path / "twin.yaml").write_text("extends: small.yaml\n", encoding="utf-8")
    (tmp_path / "worse.yaml").write_text("extends: small.yaml\noptimizer: {learning_rate: 0.0001}\n", encoding="utf-8")
    (tmp_path / "wild.yaml").write_text("extends: small.yaml\noptimizer: {learning_rate: 1.0e+9}\n", encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where the comparison that the tests change was made, once."""
    return {"folder": tmp_path_factory.mktemp("made")}


@pytest.fixture
def made(folder: Path, runs: dict[str, Path], capsys: Capture) -> Path:
    """A comparison whose last run is missing."""
    if not (runs["folder"] / "runs").exists():
        assert compare(*CONFIGS) == 0
        (ONE / "comparison.json").unlink()
        (ONE / "runs/deep/seed-0000.json").unlink()
        shutil.move("runs", runs["folder"] / "runs")
        capsys.readouterr()
    shutil.copytree(runs["folder"] / "runs", "runs")
    return folder
