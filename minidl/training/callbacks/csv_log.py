"""The log as a table."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from minidl.core.errors import ConfigError
from minidl.core.registry import register
from minidl.core.text import printable
from minidl.files.appending import append
from minidl.files.storage import write_file
from minidl.training.callbacks.callback import Callback
from minidl.training.records import EpochRecord, scores_of


@register
@dataclass(eq=False)
class CSVLog(Callback):
    """Writes a CSV file with a row for each epoch: epoch, step, learning_rate, seconds, and all scores.

    It goes into the run's folder, or with `fit` into the current one. A training without a
    folder, as those of `minidl compare`, writes nothing. A run that goes on writes the rows of its log again.

    Parameters
    ----------
    filename : its name, without a folder; a file of that name is replaced.
    """

    filename: str = "log.csv"

    def __post_init__(self) -> None:
        super().__post_init__()
        inside = all(kind(self.filename).name == self.filename for kind in (PurePosixPath, PureWindowsPath))
        if not inside or not self.filename.endswith(".csv"):
            got = printable(self.filename)
            raise ConfigError(f"CSVLog: filename: expected a name that ends in .csv, without a folder, got {got}.")

    def on_start(self, trainer: Any) -> None:
        """The rows of epochs that are done."""
        if trainer.folder is not None:
            content = _lines([_row(record) for record in trainer.history], header=True)
            write_file(trainer.folder / self.filename, content)

    def on_epoch_end(self, trainer: Any, record: EpochRecord) -> None:
        """A row."""
        if trainer.folder is not None:
            append(trainer.folder / self.filename, _lines([_row(record)], header=len(trainer.history) == 1))


def _row(record: EpochRecord) -> dict[str, Any]:
    place = {"epoch": record.epoch, "step": record.step}
    return place | {"learning_rate": record.learning_rate, "seconds": record.seconds} | scores_of(record)


def _lines(rows: list[dict[str, Any]], *, header: bool) -> bytes:
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        if header:
            writer.writeheader()
        writer.writerows(rows)
    return text.getvalue().encode()
