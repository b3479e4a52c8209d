"""When checkpoints are saved, and which: init, best, last and a few before the last."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidl.core.errors import CorruptFileError, StorageError
from minidl.core.layer import Array
from minidl.files.appending import cut_file, flush_file
from minidl.files.manifests import FileEntry, entry
from minidl.files.reading import read_inside, real_folder
from minidl.files.storage import TRIAL, try_to_write
from minidl.runs.checkpoints import Checkpoint, save_checkpoint
from minidl.runs.log import MAX_LOG
from minidl.runs.state import trainer_state
from minidl.training.callbacks import VALIDATION_LOSS, Callback, Choice
from minidl.training.diagnosis import numerical_error
from minidl.training.loop import Trainer
from minidl.training.records import EpochRecord
from minidl.training.truncated import packed

_OLDER = re.compile(r"last-(\d{6,})-(\d{6,})")
CHECKPOINT_NAMES = re.compile(rf"init|best|last|refit|{_OLDER.pattern}|{TRIAL}")  # of what is written into the folder


class SaveCheckpoints(Callback):
    """Keeps ``init``, ``last`` and, where there is a score to choose by, ``best`` in a folder.

    The best weights so far are held in memory and written, before the last
    ones, whenever a checkpoint is due and at the end.

    Parameters
    ----------
    folder : where the checkpoints go.
    log : the training's log; how much of it belongs to a checkpoint is saved with it.
    about : further JSON values that are saved with each checkpoint.
    identity : of the run that the checkpoints belong to.
    by : by which score the best weights are chosen.
    """

    def __init__(
        self,
        folder: Path,
        log: Path | None = None,
        about: Mapping[str, Any] | None = None,
        identity: str | None = None,
        by: Choice = VALIDATION_LOSS,
    ) -> None:
        self.folder = folder
        self.log = log
        self.about: dict[str, Any] = dict(about or {})
        self.identity = identity
        self.by = by
        self.best: dict[str, Any] | None = None  # epoch, step, validation_loss, and the score where that is another one
        self._best_weights: dict[str, Array] | None = None  # not yet saved
        self._saved_at: tuple[int, int] | None = None

    def restore(
        self, state: Mapping[str, Any], best: Checkpoint | None, others: Sequence[EpochRecord] | None = None
    ) -> None:
        """Go on from the checkpoint with this state.

        Parameters
        ----------
        best : the best checkpoint, if there is one. Weights that are better than
            those that the state knew may have been saved after it.
        others : the epochs so far, where the best weights were chosen by another score: theirs of now is looked up.

        Raises
        ------
        CorruptFileError
            The best checkpoint is not the one that the state tells of, nor a better one.
        """
        self._saved_at = _place(state) if state.get("checkpoint") == "last" else None
        self.best, place = None if others is not None else state.get("best"), self.folder / "best"
        if best is None:
            if self.best is not None:
                raise CorruptFileError(f"{place}: missing; it was there when the run was saved.")
            return
        found = {key: best.state.get(key) for key in ("epoch", "step", "validation_loss")}
        found |= {"score": best.state["score"]} if "score" in best.state else {}
        if None in (found["epoch"], found["step"], _score(found)):
            raise CorruptFileError(f"{place}: its state does not tell epoch, step and score.")
        if others is not None:
            for record in others:
                if record.epoch == found["epoch"]:
                    self._remember(record, best.weights)
            return
        if self.best is not None and found != self.best and not self.by.better(_score(found), _score(self.best)):
            raise CorruptFileError(f"{place}: not the best checkpoint that the run has saved.")
        self.best = found

    def on_start(self, trainer: Trainer) -> None:
        """Take the space that will be needed for a moment; save the initial weights."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise StorageError(f"{self.folder}: cannot make it: {err.strerror or err}.") from err
        arrays = [trainer.parameters.values, *trainer.own_weights().values(), *trainer.state.values()]
        # init, best, last, the one being written and the one being replaced; and some of the log.
        n_checkpoints = 5 + trainer.settings.checkpoints_kept
        needed = n_checkpoints * (sum(array.nbytes for array in arrays) + (1 << 16)) + (1 << 20)
        try_to_write(self.folder, needed, "the checkpoints of this run")
        if trainer.step == 0 and not (self.folder / "init").exists():
            self._write(trainer, "init")

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        """Remember a new best."""
        self._remember(record, trainer.model.params)

    def _remember(self, record: EpochRecord, weights: Mapping[str, Array]) -> None:
        score = self.by.score(record)
        if score is not None and (self.best is None or self.by.better(score, _score(self.best))):
            self._best_weights = {name: value.copy() for name, value in weights.items()}
            loss = None if record.validation_loss is None else float(record.validation_loss)
            self.best = {"epoch": record.epoch, "step": record.step, "validation_loss": loss}
            if self.by.metric != "validation_loss":
                self.best["score"] = float(score)

    def on_checkpoint(self, trainer: Trainer) -> None:
        """Save."""
        self._save(trainer)

    def on_end(self, trainer: Trainer) -> None:
        """Save what is not saved yet."""
        self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        if not np.isfinite(trainer.parameters.values).all():
            raise numerical_error(trainer.where(), trainer.model, trainer.parameters, float("nan"))
        if self._best_weights is not None and self.best is not None:
            state = {**self.best, "about": self.about}
            save_checkpoint(self.folder / "best", self._best_weights, state, identity=self.identity)
            self._best_weights = None
        place = (trainer.epoch, trainer.position.examples)
        if place == self._saved_at:
            return
        self._write(trainer, "last")
        self._saved_at = place
        self._prune(trainer.settings.checkpoints_kept)

    def _write(self, trainer: Trainer, name: str) -> None:
        state = trainer_state(trainer) | {"best": self.best, "log": self._log_entry(), "about": self.about}
        older = None
        if name == "last" and self._saved_at is not None and trainer.settings.checkpoints_kept:
            older = self.folder / "last-{:06d}-{:06d}".format(*self._saved_at)
        save_checkpoint(
            self.folder / name,
            trainer.model.params,
            state,
            optimizer=trainer.state,
            keep_old_as=older,
            identity=self.identity,
            carried=packed(trainer.carried)[1],
            own=trainer.own_weights(),
        )

    def _log_entry(self) -> FileEntry | None:
        """Size and SHA-256 of the log, which is flushed to the disk first."""
        if self.log is None:
            return None
        if not self.log.exists():
            return entry(b"")
        flush_file(self.log)
        return entry(read_inside(real_folder(self.log.parent), self.log.name, MAX_LOG))

    def _prune(self, n_kept: int) -> None:
        """Remove all but the newest older checkpoints."""
        for path in older_checkpoints(self.folder)[n_kept:]:
            shutil.rmtree(path, ignore_errors=True)


def older_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints that ``last`` has replaced, newest first."""
    found = [(match, path) for path in folder.iterdir() if (match := _OLDER.fullmatch(path.name))]
    return [path for match, path in sorted(found, key=lambda item: _numbers(item[0]), reverse=True)]


def _score(best: Mapping[str, Any]) -> Any:
    """What a best checkpoint was chosen by."""
    return best.get("score", best.get("validation_loss"))


def _numbers(match: re.Match[str]) -> tuple[int, int]:
    return int(match[1]), int(match[2])


def _place(state: Mapping[str, Any]) -> tuple[int, int]:
    return int(state["epoch"]), int(state["position"]["examples"])


def rewind_log(path: Path, saved: FileEntry | None) -> None:
    """Cut a log back to what it was when a checkpoint was saved.

    Raises
    ------
    CorruptFileError
        Its beginning is not what it was then.
    """
    if saved is None:
        return
    n_bytes = saved["bytes"]
    content = read_inside(path.parent, path.name, MAX_LOG) if path.exists() else b""
    if entry(content[:n_bytes]) != saved:
        raise CorruptFileError(f"{path}: damaged or changed since the checkpoint was saved.")
    if len(content) > n_bytes:
        cut_file(path, n_bytes)
