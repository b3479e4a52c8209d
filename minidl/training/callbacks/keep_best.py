"""The best weights, in memory."""

from __future__ import annotations

from typing import Any

from minidl.core.layer import Array, Layer
from minidl.training.callbacks.callback import Callback, Choice
from minidl.training.records import EpochRecord


class KeepBest(Callback):
    """Keeps the weights of the best epoch.

    Attributes
    ----------
    epoch, score, weights : of the best epoch so far; 0, None and {} before there is one.
    """

    def __init__(self, by: Choice) -> None:
        self.by = by
        self.epoch: int = 0
        self.score: float | None = None
        self.weights: dict[str, Array] = {}

    def on_epoch_end(self, trainer: Any, record: EpochRecord) -> None:
        """Remember a new best."""
        score = self.by.score(record)
        if score is not None and (self.score is None or self.by.better(score, self.score)):
            self.epoch, self.score = record.epoch, score
            self.weights = {name: value.copy() for name, value in trainer.model.params.items()}

    def restore(self, model: Layer) -> None:
        """Give a model the best weights, if there are any."""
        for name, value in model.params.items() if self.weights else ():
            value[...] = self.weights[name]
