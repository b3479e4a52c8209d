"""What stands behind callbacks that look into a model: a table of what they see on one batch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

from minidl.core.arguments import PositiveInt
from minidl.training.callbacks.callback import Callback
from minidl.training.callbacks.table import add_rows, check_filename, start_table
from minidl.training.records import EpochRecord


@dataclass(eq=False)
class Look(Callback):
    """Writes a CSV file, some rows every few epochs, about the model on the first batch of the training examples.

    It goes where that of `CSVLog` goes. A run that goes on leaves the rows of the epochs that are done, and no others.

    Parameters
    ----------
    every : epochs from one look to the next.
    filename : its name, without a folder; a file of that name is replaced.
    """

    _: KW_ONLY
    every: PositiveInt = 1
    filename: str = "look.csv"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_filename(self, self.filename)

    @abstractmethod
    def rows(self, trainer: Any) -> Sequence[Mapping[str, Any]]:
        """What there is to see, by column."""

    def on_start(self, trainer: Any) -> None:
        """The rows of epochs that are done."""
        if trainer.folder is not None:
            start_table(trainer.folder / self.filename, trainer.epoch)

    def on_epoch_end(self, trainer: Any, record: EpochRecord) -> None:
        """Some rows."""
        if trainer.folder is not None and record.epoch % self.every == 0:
            rows = [{"epoch": record.epoch, **row} for row in self.rows(trainer)]
            add_rows(trainer.folder / self.filename, rows)
