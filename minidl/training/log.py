"""The training log: one JSON object an epoch, and a reader for it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from minidl.errors import CorruptFileError, StorageError
from minidl.training.loop import Callback, EpochRecord, Trainer


class WriteLog(Callback):
    """Appends every EpochRecord to a file, flushed line by line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        """One line."""
        try:
            with open(self.path, "a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(dataclasses.asdict(record)) + "\n")
        except OSError as err:
            raise StorageError(f"{self.path}: cannot write: {err.strerror or err}.") from err


def read_log(path: Path) -> list[EpochRecord]:
    """All records of a log.

    Raises
    ------
    CorruptFileError
        A line is not a record; the message names it.
    """
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            records.append(EpochRecord(**json.loads(line)))
        except (ValueError, TypeError) as err:
            raise CorruptFileError(f"{path}:{number}: not a line of a training log.") from err
    return records
