"""The log as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from minidl.core.registry import register
from minidl.files.appending import append
from minidl.files.storage import write_file
from minidl.training.callbacks.callback import Callback
from minidl.training.callbacks.table import check_filename, table_lines
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
        check_filename(self, self.filename)

    def on_start(self, trainer: Any) -> None:
        """The rows of epochs that are done."""
        if trainer.folder is not None:
            content = table_lines([_row(record) for record in trainer.history], header=True)
            write_file(trainer.folder / self.filename, content)

    def on_epoch_end(self, trainer: Any, record: EpochRecord) -> None:
        """A row."""
        if trainer.folder is not None:
            append(trainer.folder / self.filename, table_lines([_row(record)], header=len(trainer.history) == 1))


def _row(record: EpochRecord) -> dict[str, Any]:
    place = {"epoch": record.epoch, "step": record.step}
    return place | {"learning_rate": record.learning_rate, "seconds": record.seconds} | scores_of(record)
