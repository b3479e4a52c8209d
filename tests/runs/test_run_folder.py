"""A run folder: made once, filled, read again."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from small import CONFIG, folder_content
from small_runs import small

from minidl import ConfigError, CorruptFileError, StorageError, __version__
from minidl.experiment import load_experiment
from minidl.files import storage
from minidl.runs import run_folder
from minidl.runs.run import Run
from minidl.runs.run_folder import RunFolder


def test_a_run_gets_the_next_number_of_its_config(folder: Path) -> None:
    assert str(Run.create(small()).path) == "runs/small-001"
    assert str(Run.create(small()).path) == "runs/small-002"
    for name in ("small-007", "small_honest-040", "small-x", "small-2b", "other-099"):
        (folder / "runs" / name).mkdir()
    assert str(Run.create(small()).path) == "runs/small-008"
    for stray in ("9" * 247, "\u0669", "12a", ""):  # no numbers that a run was given
        (folder / "runs" / f"small-{stray}").mkdir()
    assert str(Run.create(small()).path) == "runs/small-009"
    (folder / "runs" / "small-999999999").mkdir()
    assert [Run.create(small()).path.name for _ in range(2)] == ["small-1000000000", "small-1000000001"]


def test_a_number_is_never_used_again_while_a_later_run_exists(folder: Path) -> None:
    first, _ = Run.create(small()), Run.create(small())
    for path in sorted(first.path.rglob("*"), reverse=True):
        path.unlink()
    first.path.rmdir()
    assert str(Run.create(small()).path) == "runs/small-003"


def test_numbers_go_on_beyond_999(folder: Path) -> None:
    (folder / "runs" / "small-999").mkdir(parents=True)
    assert str(Run.create(small()).path) == "runs/small-1000"
    assert str(Run.create(small()).path) == "runs/small-1001"


def test_an_existing_folder_is_refused_and_left_as_it_is(folder: Path) -> None:
    mine = folder / "mine"
    mine.mkdir()
    (mine / "config.yaml").write_text("precious")
    with pytest.raises(ConfigError, match="mine: exists already; a run never overwrites another, choose a new folder"):
        Run.create(small(), mine)
    assert folder_content(mine) == {"config.yaml": b"precious"}


def test_a_file_where_the_folder_should_be_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"air\.csv: exists already"):
        Run.create(small(), Path("air.csv"))
    with pytest.raises(StorageError, match=r"^air\.csv: cannot make this folder: File exists\.$"):
        Run.create(small(), Path("air.csv/run"))
    (folder / "runs").write_text("a file")
    with pytest.raises(StorageError, match="runs: cannot make a run folder: "):
        Run.create(small())


def test_parents_of_a_chosen_folder_are_made(folder: Path) -> None:
    assert Run.create(small(), folder / "a" / "b" / "c").path.is_dir()


def test_the_config_is_resolved_and_reads_back_to_an_equal_experiment(folder: Path) -> None:
    (folder / "child.yaml").write_text("extends: small.yaml\ntraining: {epochs: 2}\n")
    experiment = load_experiment("child.yaml", ["training.clip_norm=1e-3", "model.layers.0.hidden_size=4"])
    run = Run.create(experiment)
    text = (run.path / "config.yaml").read_text()
    plain = yaml.safe_load(text)
    assert "extends" not in plain
    assert (plain["training"]["epochs"], plain["training"]["batch_size"]) == (2, 16)  # own, inherited
    assert (plain["training"]["clip_norm"], plain["training"]["shuffle"]) == (0.001, True)  # --set, default
    assert plain["model"]["layers"][0]["hidden_size"] == 4
    again = Run.open(run.path)
    assert again.experiment.to_config() == experiment.to_config()
    assert again.experiment.name == "child"
    # And the copy is a config like any other.
    assert load_experiment(run.path / "config.yaml").to_config() == experiment.to_config()


def test_the_environment_is_recorded(folder: Path) -> None:
    Path("mine.py").write_text("A = 1\n")
    run = Run.create(small(), plugins=["mine.py"])
    environment = json.loads((run.path / "environment.json").read_text())
    assert environment["minidl"] == __version__
    assert environment["numpy"] == np.__version__
    assert environment["plugins"] == [{"path": "mine.py", "sha256": hashlib.sha256(b"A = 1\n").hexdigest()}]
    assert environment["command"] == sys.argv
    for key in ("python", "platform", "cpus", "blas", "blas_threads_while_training", "safetensors", "msgspec"):
        assert key in environment


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone", r"^gone: no such run folder\.$"),
        ("mine", r"^mine: no such run folder; did you mean runs/mine-001\?$"),
        ("runs/min-001/", r"^runs/min-001: no such run folder; did you mean runs/mine-001\?$"),
        ("air.csv", r"^air\.csv: is a file; the folder of a run was expected\.$"),
        ("empty", r"^empty: not a run folder \(it has no config\.yaml\)\.$"),
    ],
)
def test_what_is_no_run_is_refused(folder: Path, name: str, message: str) -> None:
    (folder / "empty").mkdir()
    (folder / "runs/mine-001").mkdir(parents=True)
    (folder / "runs/mine-001/config.yaml").touch()
    with pytest.raises(ConfigError, match=message):
        Run.open(Path(name))


def test_a_damaged_config_of_a_run_is_a_corrupt_file_in_one_line(folder: Path) -> None:
    run = Run.create(small())
    path = run.path / "config.yaml"
    path.write_text(path.read_text().replace("RecurrentLayer", "RecurrentLayr"))
    with pytest.raises(CorruptFileError, match=r"^runs/small-001/config\.yaml: damaged or changed \(.*\)\.$"):
        Run.open(run.path)


def test_a_changed_config_of_a_run_that_is_to_go_on_is_refused_with_its_place(folder: Path) -> None:
    run = Run.create(small())
    path = run.path / "config.yaml"
    path.write_text(path.read_text().replace("RecurrentLayer", "RecurrentLayr"))
    with pytest.raises(CorruptFileError) as caught:
        Run.open(run.path, unchanged=False)
    first, last = str(caught.value).splitlines()
    place = r"runs/small-001/config\.yaml:\d+:\d+: model\.layers\.0\.type: unknown layer "
    assert re.match(place + "'RecurrentLayr'; did you mean RecurrentLayer", first)
    assert last == "runs/small-001/config.yaml: the run's config is damaged, or needs a --plugin."


def test_a_file_of_a_run_is_replaced_as_a_whole_or_not_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.create(small())
    run.write("note.txt", "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"manifest\.json: cannot write: No space left on device\."):
        run.write("note.txt", "new")
    assert (run.path / "note.txt").read_text() == "old"


def test_the_config_used_here_has_every_section() -> None:
    assert set(yaml.safe_load(CONFIG)) >= {"seed", "data", "model", "loss", "optimizer", "training", "evaluation"}


def test_a_process_may_be_killed_between_any_two_writes_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    found = set()
    for n, after in itertools.product(range(3), (False, True)):
        folder, lock = RunFolder.make(tmp_path / f"run{n}{after}")
        folder.write("scale.json", "old")
        writes = iter(range(9))

        def write_file(path: Path, content: bytes, n: int = n, after: bool = after, writes: Any = writes) -> None:
            killed = next(writes) == n
            if after or not killed:
                storage.write_file(path, content)
            if killed:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(run_folder, "write_file", write_file)
            with pytest.raises(Killed):
                folder.write("scale.json", "new")
        found.add(folder.read("scale.json").decode())
        again = folder.read("scale.json")
        folder.write("evaluation.json", "more")  # another file does not make it forget
        assert folder.read("scale.json") == again
        assert "pending" not in folder.manifest()
        lock.release()
    assert found == {"old", "new"}


def test_a_file_is_not_what_it_was_to_become_before_that_was_said(tmp_path: Path) -> None:
    folder, lock = RunFolder.make(tmp_path / "run")
    folder.write("scale.json", "old")
    (folder.path / "scale.json").write_text("other", encoding="utf-8")
    with pytest.raises(CorruptFileError, match="damaged or changed"):
        folder.read("scale.json")
    lock.release()


def test_a_folder_that_another_process_renames_is_no_reason_to_refuse_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run" / "replaced").mkdir(parents=True)
    scan = os.scandir

    def while_somebody_saves(folder: Path) -> Any:
        if folder.name == "replaced":
            folder.rmdir()
        return scan(folder)

    monkeypatch.setattr(run_folder.os, "scandir", while_somebody_saves)
    RunFolder(tmp_path / "run").check_links()
    assert not (tmp_path / "run" / "replaced").exists()
    with pytest.raises(StorageError, match="cannot read"):
        RunFolder(tmp_path / "gone").check_links()
