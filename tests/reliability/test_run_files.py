"""Files of a run that are links, pipes, or of a shape that nobody wrote: refused in one line, nothing else touched."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import write_experiment

from minidl import CorruptFileError
from minidl.cli import main
from minidl.core.errors import ConfigError, StorageError
from minidl.experiment import load_experiment
from minidl.files.manifests import MANIFEST, encode_manifest, entry
from minidl.runs.checkpoints import read_checkpoint, save_checkpoint
from minidl.runs.run import Run

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = ["config.yaml", "environment.json", "scale.json", "log.jsonl", "manifest.json", "evaluation.json"]
CHECKPOINT = ["weights.safetensors", "optimizer.safetensors", "state.json", "manifest.json"]
ALL = [*FILES, *(f"checkpoints/{kind}/{name}" for kind in ("best", "last") for name in CHECKPOINT)]
FOLDERS = ["checkpoints", "checkpoints/best", "checkpoints/last"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an experiment and a run that has finished."""
    folder = tmp_path_factory.mktemp("trained")
    write_experiment(folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        experiment = load_experiment("small.yaml", ["engine=numpy", "optimizer={type: Adam}"])
        run = Run.create(experiment, Path("run"))
        splits = experiment.load_data()
        run.train(splits)
        run.evaluate(splits)
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in the current folder."""
    monkeypatch.setattr("minidl.plotting.have_matplotlib", lambda: False)
    shutil.copytree(trained, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return Path("run")


def everything(path: Path) -> None:
    """Read all that is read of a run."""
    run = Run.open(path)
    run.scale()
    run.log()
    run.read("evaluation.json")
    for name in ("best", "last"):
        run.checkpoint(name, run.experiment.model.params)


def refused(path: Path, name: str) -> str:
    with pytest.raises(CorruptFileError) as caught:
        everything(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}/{name}"), message
    assert message.isprintable()
    return message


@pytest.mark.parametrize("name", [*ALL, *FOLDERS])
def test_a_link_in_a_run_is_refused_wherever_it_leads(run: Path, name: str) -> None:
    everything(run)
    shutil.move(run / name, "elsewhere")
    (run / name).symlink_to(Path("elsewhere").resolve())
    assert "a symbolic link; the folder must hold its files itself" in refused(run, name)


@pytest.mark.parametrize("name", [*ALL, *FOLDERS])
def test_a_link_is_refused_while_it_is_read_as_well(run: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The look over the folder comes first; without it, as if the link had come later, it is the reading that refuses.
    monkeypatch.setattr("minidl.runs.run_folder.RunFolder.check_links", lambda self: None)
    shutil.move(run / name, "elsewhere")
    (run / name).symlink_to(Path("elsewhere").resolve())
    assert "a symbolic link" in refused(run, name)


@pytest.mark.parametrize("name", ALL)
def test_a_pipe_in_a_run_is_refused_and_hangs_nothing(run: Path, name: str) -> None:
    (run / name).unlink()
    os.mkfifo(run / name)
    assert "not a regular file" in refused(run, name)


@pytest.mark.parametrize("verb", [["evaluate"], ["predict"], ["summary"], ["resume"], ["reproduce"]])
@pytest.mark.parametrize("name", ["config.yaml", "environment.json", "manifest.json", "checkpoints"])
def test_no_verb_follows_a_link(run: Path, verb: list[str], name: str, capsys: Any) -> None:
    shutil.move(run / name, "elsewhere")
    (run / name).symlink_to(Path("elsewhere").resolve())
    assert main([*verb, "run"]) == 3
    err = capsys.readouterr().err
    assert err == f"minidl {verb[0]}: run/{name}: a symbolic link; the folder must hold its files itself.\n"


def test_a_run_that_the_user_names_by_a_link_is_that_run(run: Path, capsys: Any) -> None:
    Path("latest").symlink_to("run")
    assert main(["predict", "latest"]) == 0
    assert main(["evaluate", "latest"]) == 0


def test_nothing_is_swept_where_a_link_in_a_run_leads(run: Path, capsys: Any) -> None:
    precious = Path("precious")
    for name in (".last.new", ".last.old"):
        (precious / name).mkdir(parents=True)
        (precious / name / "x").write_text("x")
    shutil.copytree(run / "checkpoints", precious, dirs_exist_ok=True)
    shutil.rmtree(run / "checkpoints")
    (run / "checkpoints").symlink_to(precious.resolve())
    before = sorted(map(str, precious.rglob("*")))
    assert main(["resume", "run"]) == 3
    assert sorted(map(str, precious.rglob("*"))) == before


def with_listed(folder: Path, name: str, content: bytes) -> None:
    """Forge a file of a run or a checkpoint, its manifest right."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / MANIFEST).read_text())
    more = {key: value for key, value in manifest.items() if key not in ("files", "format", "digest")}
    (folder / MANIFEST).write_bytes(encode_manifest({**manifest["files"], name: entry(content)}, **more))


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


def test_the_names_of_thousands_of_layers_are_saved_and_read_again(tmp_path: Path) -> None:
    params = {f"0.{layer}.{name}": np.full(2, layer / 7) for layer in range(5000) for name in ("W_xh", "W_hh", "b_h")}
    save_checkpoint(tmp_path / "last", params, {})
    header = int.from_bytes((tmp_path / "last/weights.safetensors").read_bytes()[:8], "little")
    assert header > 1 << 20
    for expected in (None, params):
        found = read_checkpoint(tmp_path / "last", expected).weights
        assert all(found[name].tobytes() == value.tobytes() for name, value in params.items())


@pytest.mark.slow
def test_a_stack_of_thousands_of_layers_is_trained_and_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    many = "{type: Repeat, layer: {type: RecurrentLayer, hidden_size: 1}, times: 5000}"
    layers = f"model.layers=[{many}, LastStep, {{type: Dense, output_size: 1}}]"
    few = ["training.epochs=1", "training.batch_size=134", "engine=numpy"]
    settings = [part for setting in (layers, *few) for part in ("--set", setting)]
    assert main(["train", "small.yaml", *settings, "--run-dir", "run"]) == 0
    assert main(["evaluate", "run"]) == 0


def test_a_config_that_could_not_be_read_again_is_refused_before_training(tmp_path: Path, monkeypatch: Any) -> None:
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    layers = "{type: Dense, output_size: 2}, " * 40
    setting = f"model.layers=[{layers}LastStep, {{type: Dense, output_size: 1}}]"
    load_experiment("small.yaml", [setting])
    monkeypatch.setattr("minidl.config.nodes.MAX_NODES", 400)  # enough for what is written, not for all defaults
    with pytest.raises(ConfigError, match=r"^small: could not be read again from a run: .*more than 400 values"):
        load_experiment("small.yaml", [setting])
    assert not Path("runs").exists()


def test_a_checkpoint_with_more_names_than_can_be_read_is_not_written(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr("minidl.files.tensors.MAX_HEADER", 300)
    save_checkpoint(tmp_path / "last", {"a": np.zeros(2)}, {})
    with pytest.raises(StorageError, match=r"the names of 9 arrays take [\d,]+ bytes; at most 300 can be read again"):
        save_checkpoint(tmp_path / "last", {f"{n}": np.zeros(2) for n in range(9)}, {})
    assert list(read_checkpoint(tmp_path / "last").weights) == ["a"]


def test_what_is_recorded_of_a_strange_name_is_shown_escaped(run: Path, capsys: Any) -> None:
    values = json.loads((run / "environment.json").read_text())
    values["plugins"] = [{"path": "\x1b[2Jevil\n.py", "sha256": "0"}]
    with_listed(run, "environment.json", json.dumps(values).encode())
    assert main(["predict", "run"]) == 0
    assert r"run: --plugin \x1b[2Jevil\n.py: was used at the start" in capsys.readouterr().err


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.mkdir(), lambda path: path.symlink_to("/dev/zero")])
def test_a_table_or_config_that_is_no_file_is_refused(run: Path, make: Callable[[Path], Any], capsys: Any) -> None:
    make(Path("odd.yaml"))
    text = Path("small.yaml").read_text()
    Path("base.yaml").write_text("extends: odd.yaml\n")
    Path("model.yaml").write_text(text + "\nextends: base.yaml\n")
    commands = [
        (["check", "odd.yaml"], 2),
        (["check", "base.yaml"], 2),
        (["check", "model.yaml"], 2),
        (["check", "small.yaml", "--set", "model=odd.yaml"], 2),
        (["train", "small.yaml", "--set", "data.series.path=odd.yaml"], 4),
        (["predict", "run", "--input", "odd.yaml"], 4),
    ]
    for command, code in commands:
        assert main(command) == code, command
        err = capsys.readouterr().err
        assert err.count("\n") == 1, err
        assert "odd.yaml" in err
    assert not Path("runs").exists()
