"""Checkpoints on disk: damage, splicing, forgery, the golden format; kills and lost power are in the rows."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Adam,
    CorruptFileError,
    Dense,
    HalfMSE,
    LastStep,
    RecurrentLayer,
    Sequential,
    StorageError,
)
from minidl.files import storage
from minidl.files.manifests import MANIFEST, Manifest, checked, encode_manifest, entry, read_manifest
from minidl.files.storage import exchange, sweep, try_to_write, write_file, write_folder
from minidl.randomness import Streams
from minidl.runs.checkpoints import OPTIMIZER, STATE, WEIGHTS, read_checkpoint, save_checkpoint
from minidl.runs.saving import SaveCheckpoints, older_checkpoints
from minidl.runs.state import restore_trainer, trainer_state
from minidl.training import Arrays, Trainer, Training

GOLDEN = Path(__file__).parents[1] / "golden"
PARAMS = {"0.W": np.arange(6, dtype="float32").reshape(2, 3), "1.b": np.array([0.1, 0.2])}
ADAM = {"m": np.ones(8), "v": np.zeros(8), "t": np.array([3.0])}


@pytest.fixture
def last(tmp_path: Path) -> Path:
    """A checkpoint in the folder last."""
    save_checkpoint(tmp_path / "last", PARAMS, {"epoch": 2, "step": 7}, optimizer=ADAM)
    return tmp_path / "last"


def test_the_golden_checkpoint_of_format_1_loads() -> None:
    found = read_checkpoint(GOLDEN / "format-1" / "last", PARAMS, ADAM)
    for name, value in PARAMS.items():
        assert found.weights[name].tobytes() == value.tobytes()
        assert found.weights[name].dtype == value.dtype
    for name, value in ADAM.items():
        assert found.optimizer[name].tobytes() == value.tobytes()
    assert found.state == {"checkpoint": "last", "epoch": 2, "step": 7}


def test_a_checkpoint_of_today_has_the_bytes_of_the_golden_one(last: Path) -> None:
    # Whoever changes the format raises FORMAT and adds a golden checkpoint; the old one stays.
    names = sorted(path.name for path in last.iterdir())
    assert names == sorted([WEIGHTS, OPTIMIZER, STATE, MANIFEST])
    for name in names:
        assert (last / name).read_bytes() == (GOLDEN / "format-1" / "last" / name).read_bytes(), name


@pytest.mark.parametrize("name", [WEIGHTS, OPTIMIZER, STATE, MANIFEST])
def test_every_flipped_bit_is_refused(last: Path, name: str) -> None:
    path = last / name
    whole, rng = path.read_bytes(), random.Random(3)
    for _ in range(60):
        changed = bytearray(whole)
        changed[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        with pytest.raises(CorruptFileError, match=rf"^{path}: .*\.$"):
            read_checkpoint(last)
    path.write_bytes(whole[:-1])
    with pytest.raises(CorruptFileError, match=rf"^{path}: damaged"):
        read_checkpoint(last)
    path.unlink()
    with pytest.raises(CorruptFileError, match=rf"^{path}: missing\.$"):
        read_checkpoint(last)


def test_a_checkpoint_under_another_name_is_refused_and_an_older_last_is_not(last: Path) -> None:
    last.rename(last.with_name("best"))
    with pytest.raises(CorruptFileError, match="best: holds the checkpoint 'last', not 'best'"):
        read_checkpoint(last.with_name("best"))
    last.with_name("best").rename(last.with_name("last-000001-000000"))
    assert read_checkpoint(last.with_name("last-000001-000000")).state["epoch"] == 2


def test_a_manifest_of_another_format_is_refused_with_both_numbers(last: Path) -> None:
    manifest = json.loads((last / MANIFEST).read_text())
    del manifest["digest"], manifest["format"]
    files = manifest.pop("files")
    text = encode_manifest(files).decode()
    assert read_manifest(last, Manifest)["format"] == 1
    body = json.loads(text) | {"format": 2}
    del body["digest"]
    digest = hashlib.sha256((json.dumps(body, indent=1, sort_keys=True) + "\n").encode()).hexdigest()
    forged = json.dumps({**body, "digest": digest}, indent=1, sort_keys=True) + "\n"
    (last / MANIFEST).write_text(forged)
    with pytest.raises(CorruptFileError, match=r"format 2; this version of minidl reads format 1\.$"):
        read_checkpoint(last)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b'{"digest": 1}', b"[" * 50_000, b"x" * (1 << 17)])
def test_what_is_no_manifest_is_refused(last: Path, content: bytes) -> None:
    (last / MANIFEST).write_bytes(content)
    with pytest.raises(CorruptFileError, match=MANIFEST):
        read_manifest(last, Manifest)


@pytest.mark.parametrize("files", [[], {"a": 1}, {"a": {"bytes": "1", "sha256": "x"}}, {"a": {"bytes": 1}}])
def test_a_manifest_whose_entries_are_none_is_refused(tmp_path: Path, files: Any) -> None:
    body = encode_manifest({}).decode()
    value = json.loads(body) | {"files": files}
    del value["digest"]
    text = (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
    whole = {**value, "digest": hashlib.sha256(text).hexdigest()}
    (tmp_path / MANIFEST).write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n")
    with pytest.raises(CorruptFileError, match=r"manifest\.json: damaged: .*`\$\.files"):
        read_manifest(tmp_path, Manifest)


def test_a_file_that_is_not_listed_or_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    manifest = {"files": {"a": entry(b"12345")}}
    assert checked(tmp_path / "a", manifest, 5) == b"12345"
    with pytest.raises(CorruptFileError, match=r"5 bytes; at most 4 are expected\.$"):
        checked(tmp_path / "a", manifest, 4)
    with pytest.raises(CorruptFileError, match=r"b: not in manifest\.json"):
        checked(tmp_path / "b", manifest, 5)


def test_other_tensors_than_expected_are_refused_before_they_are_made(last: Path) -> None:
    assert read_checkpoint(last, PARAMS, ADAM).weights.keys() == PARAMS.keys()
    with pytest.raises(CorruptFileError, match=r"parameters are not the model's; the difference: 9\.x"):
        read_checkpoint(last, PARAMS | {"9.x": np.zeros(1)})
    with pytest.raises(CorruptFileError, match=r"0\.W is float32 \(2, 3\), the model's is float64 \(2, 3\)"):
        read_checkpoint(last, PARAMS | {"0.W": np.zeros((2, 3))})
    with pytest.raises(CorruptFileError, match=r"0\.W is float32 \(2, 3\), the model's is float32 \(3, 2\)"):
        read_checkpoint(last, PARAMS | {"0.W": np.zeros((3, 2), "float32")})
    with pytest.raises(CorruptFileError, match="the difference: t"):
        read_checkpoint(last, PARAMS, {"m": ADAM["m"], "v": ADAM["v"]})


def test_a_folder_is_exchanged_and_the_old_one_kept_where_asked(tmp_path: Path) -> None:
    for text in (b"1", b"2", b"3"):
        write_folder(tmp_path / "a", {"x": text}, tmp_path / "old")
    assert (tmp_path / "a" / "x").read_bytes() == b"3"
    assert (tmp_path / "old" / "x").read_bytes() == b"2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "old"]
    assert exchange(tmp_path / "a", tmp_path / "old")
    assert (tmp_path / "a" / "x").read_bytes() == b"2"
    with pytest.raises(OSError, match="No such file"):
        exchange(tmp_path / "a", tmp_path / "gone")


def test_where_folders_cannot_be_exchanged_an_old_one_left_behind_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "exchange", lambda one, other: False)
    write_folder(tmp_path / "a", {"x": b"1"})
    write_folder(tmp_path / ".a.old", {"x": b"left by a killed process"})
    write_folder(tmp_path / "a", {"x": b"2"})
    assert [(path.name, (path / "x").read_bytes()) for path in tmp_path.iterdir()] == [("a", b"2")]


def test_sweeping_removes_temporaries_and_brings_back_what_has_no_successor(tmp_path: Path) -> None:
    for name in (".a.new", ".b.old", ".c.old", "c", "d", ".mine.new", ".mine.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text(name)
    (tmp_path / ".e.new").write_text("half")
    (tmp_path / ".lock").touch()
    sweep(tmp_path, re.compile("[a-e]"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", ".mine.new", ".mine.old", "b", "c", "d"]
    assert (tmp_path / "b" / "x").read_text() == ".b.old"
    assert (tmp_path / "c" / "x").read_text() == "c"
    sweep(tmp_path / "gone", re.compile("[a-e]"))


def test_the_space_is_tried_and_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try_to_write(tmp_path, 10_000, "it")
    assert not list(tmp_path.iterdir())

    def full(descriptor: int, start: int, n: int) -> None:
        assert (start, n) == (0, 10_000)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    message = r"cannot write it: No space left on device; 10,000 bytes are needed, [\d,]+ are free\.$"
    with pytest.raises(StorageError, match=message):
        try_to_write(tmp_path, 10_000, "it")
    assert not list(tmp_path.iterdir())
    monkeypatch.delattr(os, "posix_fallocate")
    try_to_write(tmp_path, 3_000_000, "it")


def test_a_file_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(tmp_path / "a", b"1")
    (tmp_path / ".a.new").write_text("left by a killed process")
    write_file(tmp_path / "a", b"2")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"2")]


def trainer(optimizer: Any, **settings: Any) -> Trainer:
    model = Sequential([RecurrentLayer(3), LastStep(), Dense(1)])
    model.build((4, 2), 1, "float64")
    settings = {"epochs": 4, "batch_size": 3, **settings}
    return Trainer(
        model, loss=HalfMSE(), optimizer=optimizer, settings=Training(**settings), streams=Streams.from_seed(3)
    )


def examples() -> Arrays:
    rng = np.random.default_rng(1)
    return Arrays(rng.normal(size=(10, 4, 2)), rng.normal(size=(10, 1)))


@pytest.mark.parametrize("steps", [1, 3, 4, 5, 11])
def test_a_trainer_goes_on_from_any_step_to_the_same_bytes(tmp_path: Path, steps: int) -> None:
    whole = trainer(Adam())
    history = whole.run(examples())
    first = trainer(Adam(), checkpoint_every={"steps": 1})
    calls = iter(range(1, 99))
    first.should_stop = lambda: next(calls) == steps
    first.run(examples(), callbacks=[SaveCheckpoints(tmp_path)])
    saved = read_checkpoint(tmp_path / "last", first.model.params, first.state)
    second = trainer(Adam())
    restore_trainer(second, saved, first.history, tmp_path)
    assert (second.step, second.epoch) == (steps, steps // 4 - (steps % 4 == 0))
    assert trainer_state(second)["generators"] == trainer_state(first)["generators"]
    again = second.run(examples())
    assert second.parameters.values.tobytes() == whole.parameters.values.tobytes()
    assert [record.train_loss for record in again] == [record.train_loss for record in history]
    assert all(second.state[name].tobytes() == value.tobytes() for name, value in whole.state.items())


def test_older_checkpoints_are_kept_by_count(tmp_path: Path) -> None:
    made = trainer(SGD(0.1), checkpoint_every=1, checkpoints_kept=2)
    made.run(examples(), callbacks=[SaveCheckpoints(tmp_path)])
    assert [path.name for path in older_checkpoints(tmp_path)] == ["last-000003-000000", "last-000002-000000"]
    assert [read_checkpoint(path).state["epoch"] for path in older_checkpoints(tmp_path)] == [3, 2]


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": -1},
        {"step": 1.5},
        {"position": {"examples": -1, "loss_sum": 0.0, "seconds": 0.0}},
        {"position": {"examples": 0, "loss_sum": float("nan"), "seconds": 0.0}},
        {"position": {"examples": 0, "loss_sum": 0.0, "seconds": float("inf")}},
        {"generators": {"shuffling": {}}},
        {"generators": {"nobody": {}}},
        {"generators": None},
    ],
)
def test_a_state_that_is_none_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    made = trainer(Adam())
    made.run(examples(), callbacks=[SaveCheckpoints(tmp_path)])
    saved = read_checkpoint(tmp_path / "last")
    saved.state.update(change)
    with pytest.raises(CorruptFileError, match=r"state\.json: not the state of a training"):
        restore_trainer(trainer(Adam()), saved, [], tmp_path)
    with pytest.raises(CorruptFileError, match=r"has the optimizer's arrays \['m', 't', 'v'\], SGD needs \[\]"):
        restore_trainer(trainer(SGD(0.1)), saved, [], tmp_path)
