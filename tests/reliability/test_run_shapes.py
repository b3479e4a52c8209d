"""Files of a run that are of a shape that nobody wrote, of another run or of an earlier version."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from run_files import refused, with_listed
from small import write_experiment

from minidl.cli import main
from minidl.experiment import load_experiment
from minidl.files.manifests import MANIFEST
from minidl.runs.run import Run

GOLDEN = Path(__file__).parents[1] / "golden"
SHAPES = [b"[]", b"null", b"3", b'"x"', b'{"a": 1}', b'{"plugins": 1}', b"{", b"\xff", b"[" * 5000, b""]


@pytest.mark.parametrize("content", [b'{"plugins": [1]}', b'{"plugins": "x"}', b'{"resumed": 3}', b'{"resumed": [[]]}'])
def test_an_environment_of_another_shape_is_refused(run: Path, content: bytes) -> None:
    with_listed(run, "environment.json", content)
    assert ": damaged: Expected `" in refused(run, "environment.json")


@pytest.mark.parametrize("content", SHAPES)
def test_a_scale_of_another_shape_is_refused(run: Path, content: bytes) -> None:
    with_listed(run, "scale.json", content)
    refused(run, "scale.json")


@pytest.mark.parametrize("content", [shape for shape in SHAPES if shape])
def test_a_log_of_another_shape_is_refused(run: Path, content: bytes) -> None:
    with_listed(run, "log.jsonl", content + b"\n")
    assert refused(run, "log.jsonl") == "run/log.jsonl:1: not a line of a training log."


GONE = object()
CHANGES: list[dict[str, Any]] = [
    {"epoch": "1"},
    {"step": None},
    {"position": []},
    {"position": {"examples": 1.5, "loss_sum": 0, "seconds": 0}},
    {"generators": 3},
    {"generators": {"weights": []}},
    {"best": "x"},
    {"best": {"epoch": 1}},
    {"log": {"bytes": "1", "sha256": ""}},
    {"about": [1]},
    {"checkpoint": 3},
    {"epoch": GONE},
    {"step": GONE},
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_state_of_another_shape_is_refused(run: Path, change: dict[str, Any]) -> None:
    last = run / "checkpoints/last"
    state = json.loads((last / "state.json").read_text()) | change
    with_listed(last, "state.json", json.dumps({k: v for k, v in state.items() if v is not GONE}).encode())
    assert ": damaged: " in refused(run, "checkpoints/last/state.json")
    assert main(["resume", "run"]) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"run": 3},
        {"identity": []},
        {"data": {"rows": "1", "sha256": ""}},
        {"engines": "numpy"},
        {"files": [1]},
        {"files": {"x": 1}},
    ],
)
def test_a_manifest_of_another_shape_is_refused(run: Path, change: dict[str, Any]) -> None:
    values = json.loads((run / MANIFEST).read_text()) | change
    del values["digest"]
    text = (json.dumps(values, indent=1, sort_keys=True) + "\n").encode()
    whole = {**values, "digest": hashlib.sha256(text).hexdigest()}
    (run / MANIFEST).write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n")
    assert "damaged: Expected `" in refused(run, MANIFEST)


@pytest.mark.parametrize("spawned", [10**9, 10**30, -1, 1.5, "x"])
def test_a_state_that_would_spawn_absurdly_many_generators_is_refused_at_once(run: Path, spawned: Any) -> None:
    last = run / "checkpoints/last"
    state = json.loads((last / "state.json").read_text())
    state["generators"]["layers"]["spawned"] = spawned
    with_listed(last, "state.json", json.dumps(state).encode())
    assert main(["resume", "run"]) == 3


def test_the_best_weights_of_another_run_with_the_same_config_are_refused(run: Path, capsys: Any) -> None:
    experiment = load_experiment("small.yaml", ["engine=numpy", "optimizer={type: Adam}"])
    other = Run.create(experiment, Path("other"))
    other.train(experiment.load_data())
    ours, theirs = Run.open(run).manifest(), other.manifest()
    assert ours["run"] == theirs["run"]
    assert ours["data"] == theirs["data"]
    shutil.rmtree(run / "checkpoints/best")
    shutil.copytree(other.path / "checkpoints/best", run / "checkpoints/best")
    for verb in (["evaluate", "run"], ["predict", "run"], ["resume", "run"], ["reproduce", "run"]):
        assert main(verb) == 3
        assert capsys.readouterr().err.endswith("run/checkpoints/best: a checkpoint of another run.\n")


def test_an_older_best_of_the_same_run_is_no_best_when_it_goes_on(run: Path, tmp_path: Path, capsys: Any) -> None:
    best = run / "checkpoints/best"
    state = json.loads((best / "state.json").read_text())
    assert state["epoch"] > 0
    with_listed(best, "state.json", json.dumps({**state, "epoch": 1, "validation_loss": 9.0}).encode())
    assert main(["resume", "run", "--set", "training.epochs=4", "--allow-changes"]) == 3
    assert "best: not the best checkpoint that the run has saved" in capsys.readouterr().err


def test_a_run_of_an_earlier_version_still_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """It has no identity, no record of the engine, and plugins without a hash."""
    shutil.copytree(GOLDEN / "format-1" / "run", tmp_path / "run")
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("minidl.plotting.have_matplotlib", lambda: False)
    made = Run.open(Path("run"))
    assert [record.epoch for record in made.log()] == [1, 2]
    for name in ("init", "best", "last"):
        made.checkpoint(name, made.experiment.model.params)
    assert main(["summary", "run"]) == 0
    assert "engine: not recorded" in capsys.readouterr().out
    assert main(["evaluate", "run"]) == 0
    assert main(["predict", "run"]) == 0
    assert main(["resume", "run", "--allow-changes", "--set", "training.epochs=3"]) == 0
    assert len(Run.open(Path("run")).log()) == 3


def test_what_is_recorded_of_a_strange_name_is_shown_escaped(run: Path, capsys: Any) -> None:
    values = json.loads((run / "environment.json").read_text())
    values["plugins"] = [{"path": "\x1b[2Jevil\n.py", "sha256": "0"}]
    with_listed(run, "environment.json", json.dumps(values).encode())
    assert main(["predict", "run"]) == 0
    assert r"run: --plugin \x1b[2Jevil\n.py: was used at the start" in capsys.readouterr().err
