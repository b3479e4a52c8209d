"""The training log: one JSON object an epoch, and a reader for it."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, TypedDict

from minidl.core.errors import CorruptFileError
from minidl.files.appending import append
from minidl.files.reading import convert_json, decode_json, read_given
from minidl.training.callbacks import Callback
from minidl.training.loop import Trainer
from minidl.training.records import EpochRecord

MAX_LOG = 1 << 30
_PREFIX = "validation_"


class _Line(TypedDict):
    """What every line says beside its metrics."""

    epoch: int
    step: int
    train_loss: float
    validation_loss: float | None
    learning_rate: float
    seconds: float


class WriteLog(Callback):
    """Appends every EpochRecord to a file, flushed line by line.

    Each of its `validation_metrics` is a key ``validation_<name>``. JSON has no NaN;
    null stands for a metric that is undefined, as the R² of targets that are all equal.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        """One line."""
        fields = dataclasses.asdict(record)
        for name, value in (fields.pop("validation_metrics") or {}).items():
            fields[_PREFIX + name] = value if math.isfinite(value) else None
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
            records.append(_record(line, f"{path}:{number}"))
        except CorruptFileError as err:
            raise CorruptFileError(f"{path}:{number}: not a line of a training log.") from err
    return records


def _record(line: bytes, where: str) -> EpochRecord:
    """What a line says; metrics of an epoch without validation, as older logs have them, are none."""
    fields = decode_json(line, dict[str, Any], where)
    known = convert_json({name: value for name, value in fields.items() if name in _Line.__annotations__}, _Line, where)
    others = {name: value for name, value in fields.items() if name not in known}
    if not all(name.startswith(_PREFIX) for name in others):
        raise CorruptFileError(f"{where}: damaged.")
    scores = convert_json(others, dict[str, float | None], where)
    metrics = {name.removeprefix(_PREFIX): math.nan if score is None else score for name, score in scores.items()}
    return EpochRecord(**known, validation_metrics=None if known["validation_loss"] is None else metrics)
