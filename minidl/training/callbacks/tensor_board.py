"""The log as TensorBoard shows it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from minidl.core.errors import MissingPackageError
from minidl.core.extras import install_command
from minidl.core.registry import register
from minidl.training.callbacks.callback import Callback
from minidl.training.records import EpochRecord, scores_of

FIRST_EPOCH = 1


@register
@dataclass(eq=False)
class TensorBoard(Callback):
    """Writes all scores and the learning rate of each epoch for TensorBoard, into a folder ``tensorboard``.

    It stands in the run's folder, or with `fit` in the current one; ``tensorboard --logdir runs`` shows all
    runs beside each other. A training without a folder writes nothing. A run that goes on writes the epochs of its log
    again, into a file of its own, whose beginning says that what was written before is void: of a process that was
    killed some epochs may be missing. Needs tensorboardX, the extra ``tensorboard``, which writes the files without
    TensorFlow or torch.
    """

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_writer"}

    def on_start(self, trainer: Any) -> None:
        """Open a file of events; the epochs that are done.

        Raises
        ------
        MissingPackageError
            tensorboardX is not installed.
        """
        self._writer: Any = None
        if trainer.folder is None:
            return
        if find_spec("tensorboardX") is None:
            raise MissingPackageError(f"TensorBoard needs tensorboardX: {install_command('tensorboard')}")
        events = importlib.import_module("tensorboardX")
        folder = trainer.folder / "tensorboard"
        # Its own name of the file is that of the second: a run that goes on at once would write over it. A thread
        # writes, and does not wait for a `flush` of ours.
        number = len(list(folder.iterdir())) if folder.is_dir() else 0
        suffix, first = f".{number:06d}", FIRST_EPOCH if number else None
        self._writer = events.SummaryWriter(str(folder), purge_step=first, filename_suffix=suffix, flush_secs=1)
        for record in trainer.history:
            self._write(record)

    def on_epoch_end(self, trainer: Any, record: EpochRecord) -> None:
        """Its scores, at the number of the epoch."""
        if self._writer is not None:
            self._write(record)

    def _write(self, record: EpochRecord) -> None:
        for name, value in {**scores_of(record), "learning_rate": record.learning_rate}.items():
            self._writer.add_scalar(name, value, record.epoch)

    def on_end(self, trainer: Any) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
