"""The room on the disk that a training asks for before it begins, and the log that goes back to a checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minidl import Adam, CorruptFileError, Dense, HalfMSE, LastStep, RecurrentLayer, Sequential
from minidl.files.manifests import entry
from minidl.randomness import Streams
from minidl.runs.saving import SaveCheckpoints, rewind_log
from minidl.training import Arrays, Trainer, Training


@pytest.mark.parametrize(("hidden_size", "kept", "config"), [(2, 20, ""), (150, 2, ""), (2, 20, "x" * 60_000)])
def test_the_room_that_is_tried_is_enough_for_the_checkpoints_and_not_far_too_much(
    hidden_size: int, kept: int, config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    monkeypatch.setattr("minidl.runs.saving.try_to_write", lambda folder, n_bytes, what: tried.append(n_bytes))
    model = Sequential([RecurrentLayer(hidden_size), LastStep(), Dense(1)])
    model.build((4, 2), 1, "float64")
    trainer = Trainer(
        model,
        loss=HalfMSE(),
        optimizer=Adam(0.01),
        settings=Training(epochs=kept + 2, batch_size=6, checkpoints_kept=kept, checkpoint_every=1),
        streams=Streams.from_seed(3),
    )
    examples = Arrays(np.ones((6, 4, 2)), np.ones((6, 1)))
    trainer.run(examples, examples, [SaveCheckpoints(tmp_path / "checkpoints", about={"config": {"title": config}})])
    written = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert len(list((tmp_path / "checkpoints").iterdir())) == 3 + kept  # init, best, last
    assert [written < n_bytes < 4 * written + 3_000_000 for n_bytes in tried] == [True]


def test_a_log_goes_back_to_what_it_was_when_a_checkpoint_was_saved(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"1\n2\n3\n")
    rewind_log(log, None)  # a checkpoint without a log
    assert log.read_bytes() == b"1\n2\n3\n"
    for _ in range(2):
        rewind_log(log, entry(b"1\n2\n"))
        assert log.read_bytes() == b"1\n2\n"
    for changed in (b"1\n3\n", b"1\n2\n3\n"):
        with pytest.raises(CorruptFileError, match=r"log.jsonl: damaged or changed since the checkpoint was saved\.$"):
            rewind_log(log, entry(changed))
    assert log.read_bytes() == b"1\n2\n"
    rewind_log(tmp_path / "none.jsonl", entry(b""))
    assert not (tmp_path / "none.jsonl").exists()
