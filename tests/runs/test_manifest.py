"""What a run's folder lists in its manifest, and what it takes of files and checkpoints beside."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import small

from minidl import CorruptFileError, StorageError
from minidl.runs import run_folder
from minidl.runs.checkpoints import save_checkpoint
from minidl.runs.run import Run
from minidl.runs.run_folder import RunFolder
from minidl.training import Callback, EpochRecord, Trainer

DATA = {"rows": 3, "sha256": "0"}


@pytest.fixture
def made(tmp_path: Path) -> RunFolder:
    """A folder that says whose it is."""
    found = RunFolder(tmp_path)
    found.describe(run="r", data=DATA, identity="i")
    return found


def test_a_file_is_listed_until_it_is_going_to_change(made: RunFolder) -> None:
    made.write("a.json", "{}")
    made.write("b.json", "[]")
    assert made.read("a.json") == b"{}"
    (made.path / "a.json").write_text("[]")
    with pytest.raises(CorruptFileError, match=r"a\.json"):
        made.read("a.json")
    made.unlist_file("a.json")
    assert list(made.manifest()["files"]) == ["b.json"]
    made.list_files("a.json")
    assert made.read("a.json") == b"[]"
    assert made.manifest()["run"] == "r"


def test_the_log_is_listed_only_while_no_training_writes_it(folder: Path) -> None:
    experiment, listed = small("training.epochs=2"), []
    run = Run.create(experiment)

    class Looking(Callback):
        def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
            listed.append("log.jsonl" in run.manifest()["files"])

    run.train(experiment.load_data(), [Looking()])
    listed.append("log.jsonl" in run.manifest()["files"])
    run.train(experiment.load_data(), [Looking()])
    assert listed == [False, False, True, False, False]


def test_an_engine_is_noted_when_it_takes_over_from_another(made: RunFolder) -> None:
    for name in ("numpy", "numpy", "compiled", "compiled", "numpy"):
        made.add_engine(name)
    assert made.manifest()["engines"] == ["numpy", "compiled", "numpy"]


def test_a_file_may_be_as_large_as_one_that_is_read_again(made: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "MAX_FILE", 1234)
    made.write("a.json", "x" * 1234)
    assert made.read("a.json") == b"x" * 1234
    with pytest.raises(StorageError, match=r"a\.json: 1,235 bytes; at most 1,234 can be read again\.$"):
        made.write("a.json", "x" * 1235)
    assert made.read("a.json") == b"x" * 1234


@pytest.mark.parametrize(
    ("state", "identity", "problem"),
    [
        ({}, "i", None),
        ({"epoch": None}, "i", "state.json"),
        ({"step": None}, "i", "state.json"),
        ({"about": {"run": "other", "data": DATA}}, "i", "a checkpoint of another run."),
        ({"about": {"run": "r", "data": {**DATA, "rows": 4}}}, "i", "a checkpoint of another run."),
        ({"about": None}, "i", "a checkpoint of another run."),
        ({}, "j", "a checkpoint of another run."),
    ],
)
def test_a_checkpoint_is_one_of_this_run_and_tells_where_it_was_taken(
    made: RunFolder, state: dict[str, Any], identity: str, problem: str | None
) -> None:
    params = {"W": np.ones(2)}
    whole = {"epoch": 1, "step": 2, "about": {"run": "r", "data": DATA}, **state}
    whole = {key: value for key, value in whole.items() if value is not None}
    save_checkpoint(made.path / "checkpoints" / "last", params, whole, identity=identity)
    if problem is None:
        assert made.checkpoint("last", params).state["epoch"] == 1
    else:
        with pytest.raises(CorruptFileError, match=re.escape(problem)):
            made.checkpoint("last", params)


def test_a_forecast_is_of_the_saved_weights_not_of_those_in_memory(folder: Path) -> None:
    experiment = small("training.epochs=1")
    run = Run.create(experiment)
    run.train(experiment.load_data())
    before, first = run.predict(None, 2).values, run.predict(None, 2, "init").values
    assert (first != before).all()
    run.experiment.model.params["0.W_xh"][...] = 0
    np.testing.assert_array_equal(run.predict(None, 2).values, before)


def test_what_a_write_that_was_cut_off_has_left_is_removed_when_training_begins(folder: Path) -> None:
    experiment = small("training.epochs=1")
    run = Run.create(experiment)
    (run.path / "figures").mkdir()
    left = [".config.yaml.new", ".evaluation.json.new", ".evaluation-best.json.new", "figures/.forecast.png.new"]
    others = [".own.yaml.new", ".config.yaml", "figures/.notes.txt.new"]
    for name in (*left, *others):
        (run.path / name).write_text("x")
    run.train(experiment.load_data())
    assert [name for name in (*left, *others) if (run.path / name).exists()] == others
