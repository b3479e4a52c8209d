"""The training log: one JSON object an epoch, and a reader for it."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

from minidl.errors import CorruptFileError, StorageError
from minidl.training.loop import Callback, EpochRecord, Trainer


class WriteLog(Callback):
    """Appends every EpochRecord to a file, flushed line by line.

    JSON has no NaN; null stands for the R² of targets that are all equal.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        """One line."""
        fields = dataclasses.asdict(record)
        if record.validation_r2 is not None and math.isnan(record.validation_r2):
            fields["validation_r2"] = None
        try:
            with open(self.path, "a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(fields) + "\n")
        except OSError as err:
            raise StorageError(f"{self.path}: cannot write: {err.strerror or err}.") from err


def read_log(path: Path) -> list[EpochRecord]:
    """All records of a log.

    Raises
    ------
    CorruptFileError
        A line is not a record; the message names it.
    StorageError
        The file is missing or cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as err:
        raise StorageError(f"{path}: cannot read: {err.strerror or err}.") from err
    records = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            records.append(EpochRecord(**json.loads(line)))
        except (ValueError, TypeError) as err:
            raise CorruptFileError(f"{path}:{number}: not a line of a training log.") from err
    return records
