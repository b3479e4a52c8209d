"""What the callback writes for TensorBoard, read back from its files."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
from small import write_experiment

from minidl import TensorBoard
from minidl.core.errors import MissingPackageError
from minidl.experiment import load_experiment
from minidl.runs.resuming import resume
from minidl.runs.run import Run
from minidl.training.callbacks import tensor_board

SETTINGS = ["training.callbacks=[TensorBoard]", "training.epochs=4", "training.checkpoint_every=2"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def events(run: Path) -> list[list[Any]]:
    """Those of each file, in the order of their making."""
    pytest.importorskip("tensorboardX", reason="needs tensorboardX: pip install tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted((run / "tensorboard").iterdir()):
        content, records = path.read_bytes(), []
        while content:  # a record: length (8 bytes), check (4), data, check (4)
            n = int.from_bytes(content[:8], "little")
            records.append(Event.FromString(content[12 : 12 + n]))
            content = content[16 + n :]
        found.append(records)
    return found


def test_scores_and_rate_of_each_epoch_are_there(folder: Path) -> None:
    pytest.importorskip("tensorboardX", reason="needs tensorboardX: pip install tensorboardX")
    experiment = load_experiment("small.yaml", SETTINGS)
    run = Run.create(experiment, Path("run"))
    history = run.train(experiment.load_data())
    (records,) = events(run.path)
    found = {(v.tag, r.step): v.simple_value for r in records for v in r.summary.value}
    for record in history:
        expected = {"train_loss": record.train_loss, "validation_loss": record.validation_loss}
        expected |= {"validation_r2": record.validation_metrics["r2"], "learning_rate": record.learning_rate}
        for name, value in expected.items():
            assert found.pop((name, record.epoch)) == pytest.approx(value, rel=1e-6)
    assert not found


def test_a_run_that_goes_on_writes_what_it_has_again_and_takes_back_all_of_before(folder: Path) -> None:
    # Caught here: points of epochs that are trained again stand there twice, or those are missing that a process that
    # was killed had not written yet.
    pytest.importorskip("tensorboardX", reason="needs tensorboardX: pip install tensorboardX")
    experiment = load_experiment("small.yaml", SETTINGS)
    run, calls = Run.create(experiment, Path("run")), iter(range(1000))
    parts = experiment.load_data()
    run.train(parts, should_stop=lambda: next(calls) >= 25)  # in the third epoch
    (killed,) = (run.path / "tensorboard").iterdir()
    killed.write_bytes(killed.read_bytes()[:40])  # as if it had been killed
    again = Run.open("run", unchanged=False)
    history = resume(again, parts)
    _, records = events(run.path)
    (start,) = (i for i, record in enumerate(records) if record.session_log.status == 1)
    assert records[start].step == 1  # START: what was written at 1 and after is void
    points = [(r.step, v.simple_value) for r in records[start:] for v in r.summary.value if v.tag == "train_loss"]
    assert [epoch for epoch, _ in points] == [1, 2, 3, 4]
    assert [loss for _, loss in points] == pytest.approx([record.train_loss for record in history], rel=1e-6)
    resume(Run.open("run", unchanged=False), parts)  # within the same second, perhaps
    assert len(events(run.path)) == 3


def test_a_training_without_a_folder_needs_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor_board, "find_spec", lambda name: None)
    experiment = load_experiment("small.yaml", SETTINGS)
    parts = experiment.load_data()
    assert len(experiment.trainer().run(parts.train, parts.validation)) == 4
    with pytest.raises(MissingPackageError, match="TensorBoard needs tensorboardX: pip install tensorboardX"):
        Run.create(experiment, Path("run")).train(parts)


def test_an_open_file_is_not_copied(folder: Path) -> None:
    callback = TensorBoard()
    callback._writer = open(__file__)  # noqa: SIM115
    try:
        assert "_writer" not in vars(copy.deepcopy(callback)) | vars(pickle.loads(pickle.dumps(callback)))
    finally:
        callback._writer.close()
