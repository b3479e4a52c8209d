"""Which checkpoints are kept, by which rules; no run of a whole training."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import SGD, CorruptFileError, Dense, HalfMSE, NumericalError, StorageError
from minidl.files.manifests import entry
from minidl.randomness import Streams
from minidl.runs.checkpoints import Checkpoint, load_checkpoint, read_checkpoint, save_checkpoint
from minidl.runs.saving import CHECKPOINT_NAMES, SaveCheckpoints, older_checkpoints
from minidl.training import Arrays, Trainer, Training
from minidl.training.records import EpochRecord, Position

BEST = {"epoch": 2, "step": 6, "validation_loss": 0.5}


def trainer(kept: int = 1) -> Trainer:
    model = Dense(1)
    model.build((2,), np.random.default_rng(0), "float64")
    settings = Training(epochs=9, batch_size=2, checkpoints_kept=kept)
    return Trainer(
        model, loss=HalfMSE(), optimizer=SGD(0.1, momentum=0.5), settings=settings, streams=Streams.from_seed(0)
    )


def record(epoch: int, loss: float | None) -> EpochRecord:
    return EpochRecord(epoch, 3 * epoch, 1.0, loss, None, 0.1, 0.0)


def checkpoint(**state: Any) -> Checkpoint:
    return Checkpoint({}, {}, {"checkpoint": "best", **BEST, "more": 1, **state})


LAST = {"checkpoint": "last", "epoch": 3, "position": {"examples": 4}, "best": BEST}


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (BEST, BEST),  # the very one
        (BEST, {"epoch": 4, "step": 12, "validation_loss": 0.4}),  # a better one, saved after the state
        (None, BEST),
    ],
)
def test_the_best_weights_are_those_that_the_state_tells_of_or_better_ones(
    known: Any, found: Any, tmp_path: Path
) -> None:
    saving = SaveCheckpoints(tmp_path)
    saving.restore({**LAST, "best": known}, checkpoint(**found))
    assert saving.best == found


@pytest.mark.parametrize(
    "found",
    [
        {"epoch": 4, "step": 12, "validation_loss": 0.6},
        {"epoch": 4, "step": 12, "validation_loss": 0.5},
        {"epoch": 2, "step": 7, "validation_loss": 0.5},
    ],
)
def test_another_best_checkpoint_that_is_no_better_is_refused(found: Any, tmp_path: Path) -> None:
    message = f"{tmp_path / 'best'}: not the best checkpoint that the run has saved."
    with pytest.raises(CorruptFileError, match=f"^{re.escape(message)}$"):
        SaveCheckpoints(tmp_path).restore(LAST, checkpoint(**found))


@pytest.mark.parametrize("key", ["epoch", "step", "validation_loss"])
def test_a_best_checkpoint_tells_where_it_was(key: str, tmp_path: Path) -> None:
    message = f"{tmp_path / 'best'}: its state does not tell epoch, step and score."
    with pytest.raises(CorruptFileError, match=f"^{re.escape(message)}$"):
        SaveCheckpoints(tmp_path).restore(LAST, checkpoint(**{key: None}))


def test_a_best_checkpoint_that_is_gone_is_missed(tmp_path: Path) -> None:
    message = f"{tmp_path / 'best'}: missing; it was there when the run was saved."
    with pytest.raises(CorruptFileError, match=f"^{re.escape(message)}$"):
        SaveCheckpoints(tmp_path).restore(LAST, None)
    saving = SaveCheckpoints(tmp_path)
    saving.restore({**LAST, "best": None}, None)
    assert saving.best is None


def test_an_epoch_is_the_best_if_its_loss_is_below_all_before(tmp_path: Path) -> None:
    saving, made = SaveCheckpoints(tmp_path), trainer()
    saving.on_epoch_end(made, record(1, None))
    assert saving.best is None
    for epoch, loss, best in ((2, 0.5, 2), (3, 0.5, 2), (4, 0.6, 2), (5, 0.4, 5), (6, None, 5)):
        saving.on_epoch_end(made, record(epoch, np.float64(loss) if loss else None))
        assert saving.best is not None
        assert (saving.best["epoch"], saving.best["step"]) == (best, 3 * best)
    assert saving.best == {"epoch": 5, "step": 15, "validation_loss": 0.4}
    assert type(saving.best["validation_loss"]) is float


def test_the_best_weights_are_kept_as_they_were_until_they_are_saved(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    saving, made = SaveCheckpoints(folder, about={"a": 1}, identity="me"), trainer()
    saving.on_start(made)
    then = made.model.params["W"].copy()
    made.epoch = 1
    saving.on_epoch_end(made, record(1, 0.5))
    made.model.params["W"] += 1
    saving.on_checkpoint(made)
    best, last = (read_checkpoint(folder / name) for name in ("best", "last"))
    np.testing.assert_array_equal(best.weights["W"], then)
    np.testing.assert_array_equal(last.weights["W"], then + 1)
    assert best.state == {"checkpoint": "best", "epoch": 1, "step": 3, "validation_loss": 0.5, "about": {"a": 1}}
    assert last.state["best"] == {"epoch": 1, "step": 3, "validation_loss": 0.5}
    assert (best.identity, last.identity) == ("me", "me")
    assert (best.optimizer, list(last.optimizer)) == ({}, list(made.state))
    assert (last.state["about"], last.state["log"]) == ({"a": 1}, None)
    # It is written once.
    (folder / "best" / "state.json").unlink()
    made.epoch = 2
    saving.on_end(made)
    assert not (folder / "best" / "state.json").exists()


def saved(folder: Path, kept: int, places: list[tuple[int, int]]) -> list[str]:
    """The checkpoints that are there after one was saved at each of these epochs and examples."""
    saving, made = SaveCheckpoints(folder), trainer(kept)
    saving.on_start(made)
    for made.epoch, examples in places:
        made.position = Position(examples)
        saving.on_checkpoint(made)
    return sorted(path.name for path in folder.iterdir())


def test_older_checkpoints_are_named_by_their_place_and_the_newest_are_kept(tmp_path: Path) -> None:
    places = [(0, 4), (1, 0), (1, 12), (2, 0), (10, 0)]
    assert saved(tmp_path / "0", 0, places) == ["init", "last"]
    assert saved(tmp_path / "1", 1, places) == ["init", "last", "last-000002-000000"]
    kept = ["init", "last", "last-000001-000000", "last-000001-000012", "last-000002-000000"]
    assert saved(tmp_path / "3", 3, places) == kept
    assert saved(tmp_path / "9", 9, places) == [*kept[:2], "last-000000-000004", *kept[2:]]
    _, state = load_checkpoint(tmp_path / "3" / "last-000001-000012")
    assert (state["epoch"], state["position"]["examples"]) == (1, 12)


def test_the_newest_is_the_last_by_number(tmp_path: Path) -> None:
    names = ["last-1000000-000000", "last-999999-000003", "last-999999-000002", "last-000001-1000000"]
    for name in ["last", "best", "last-1-2", "last-000001-000001.x", *reversed(names)]:
        (tmp_path / name).mkdir()
    assert [path.name for path in older_checkpoints(tmp_path)] == names
    assert all(CHECKPOINT_NAMES.fullmatch(name) for name in ["init", "best", "last", *names])
    assert not CHECKPOINT_NAMES.fullmatch("last-1-2")


def test_what_is_saved_already_is_not_saved_again(tmp_path: Path) -> None:
    assert saved(tmp_path / "a", 5, [(1, 0), (1, 0), (1, 2), (1, 2)]) == ["init", "last", "last-000001-000000"]
    saving, made = SaveCheckpoints(tmp_path / "b"), trainer()
    saving.on_start(made)
    made.epoch, made.position = 3, Position(4)
    saving.restore({**LAST, "best": None}, None)
    saving.on_end(made)
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["init"]
    saving.restore({**LAST, "best": None, "checkpoint": "best"}, None)  # of another kind: the place is not saved yet
    saving.on_end(made)
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["init", "last"]


def test_an_older_checkpoint_that_is_gone_already_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minidl.runs.saving.older_checkpoints", lambda folder: [tmp_path / "kept", tmp_path / "gone"])
    assert saved(tmp_path / "c", 1, [(1, 0)]) == ["init", "last"]


def test_initial_weights_are_saved_once_and_before_the_first_step(tmp_path: Path) -> None:
    made = trainer()
    made.step = 1
    SaveCheckpoints(tmp_path / "late").on_start(made)
    assert list((tmp_path / "late").iterdir()) == []
    made.step = 0
    SaveCheckpoints(tmp_path / "deep" / "er").on_start(made)
    before = (tmp_path / "deep" / "er" / "init" / "manifest.json").read_bytes()
    made.model.params["W"] += 1
    SaveCheckpoints(tmp_path / "deep" / "er").on_start(made)
    assert (tmp_path / "deep" / "er" / "init" / "manifest.json").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file.*: cannot make it: "):
        SaveCheckpoints(tmp_path / "file" / "checkpoints").on_start(trainer())


def test_weights_that_are_broken_are_not_saved(tmp_path: Path) -> None:
    saving, made = SaveCheckpoints(tmp_path), trainer()
    made.model.params["W"][0] = np.nan
    with pytest.raises(NumericalError, match="epoch 1, step 1"):
        saving.on_checkpoint(made)
    assert list(tmp_path.iterdir()) == []


def test_the_log_that_belongs_to_a_checkpoint_is_saved_with_it(tmp_path: Path) -> None:
    log, made = tmp_path / "log.jsonl", trainer()
    saving = SaveCheckpoints(tmp_path / "c", log)
    saving.on_start(made)
    assert load_checkpoint(tmp_path / "c" / "init")[1]["log"] == entry(b"")
    log.write_bytes(b"1\n2\n")
    saving.on_checkpoint(made)
    assert load_checkpoint(tmp_path / "c" / "last")[1]["log"] == entry(b"1\n2\n")


def test_a_training_saves_at_its_end(tmp_path: Path) -> None:
    made = trainer()
    made.run(Arrays(np.ones((4, 2)), np.ones((4, 1))), None, [SaveCheckpoints(tmp_path)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["init", "last"]
    assert load_checkpoint(tmp_path / "last")[1]["epoch"] == 9


def test_without_others_to_compare_with_an_optimizer_may_have_16_numbers_a_parameter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minidl.files.tensors.MAX_HEADER", 100)  # beside them
    for n, fits in ((1600, True), (1650, False)):
        save_checkpoint(tmp_path / "last", {"W": np.ones(100)}, {"epoch": 1, "step": 1}, optimizer={"m": np.ones(n)})
        if fits:
            assert read_checkpoint(tmp_path / "last").optimizer["m"].shape == (n,)
        else:
            with pytest.raises(CorruptFileError, match=r"optimizer\.safetensors"):
                read_checkpoint(tmp_path / "last")
