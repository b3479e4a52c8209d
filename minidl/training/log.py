"""The training log: one JSON object an epoch, and a reader for it."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

from minidl.errors import CorruptFileError
from minidl.files.appending import append
from minidl.files.reading import decode_json, read_given
from minidl.training.loop import Callback, EpochRecord, Trainer

MAX_LOG = 1 << 30


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
        append(self.path, (json.dumps(fields, allow_nan=False) + "\n").encode())


def read_log(path: Path) -> list[EpochRecord]:
    """All records of a log.

    Raises
    ------
    CorruptFileError
        A line is not a record; the message names it.
    StorageError
        The file is missing or cannot be read.
    """
    return parse_log(read_given(path, MAX_LOG), path)


def parse_log(content: bytes, path: Path) -> list[EpochRecord]:
    """As `read_log`, for the content of the file."""
    records = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            records.append(decode_json(line, EpochRecord, f"{path}:{number}"))
        except CorruptFileError as err:
            raise CorruptFileError(f"{path}:{number}: not a line of a training log.") from err
    return records
