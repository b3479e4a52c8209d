"""What a callback is, and how the best epoch is chosen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from minidl.core.arguments import Configurable
from minidl.core.registry import open_kind
from minidl.training.records import EpochRecord, scores_of

CallbackState = dict[str, float]


class Choice(NamedTuple):
    """Which epoch's weights are the best ones.

    Parameters
    ----------
    metric : the score that says so, as the log names it: ``validation_loss``, ``validation_r2``, ``train_loss``, ...
    larger_is_better : whether of two scores the larger one is better.
    """

    metric: str = "validation_loss"
    larger_is_better: bool = False

    def score(self, record: EpochRecord) -> float | None:
        """That of an epoch; None: it has none, or one that is not finite."""
        found = scores_of(record).get(self.metric, math.nan)
        return found if math.isfinite(found) else None

    def better(self, score: float, best: float, margin: float = 0.0) -> bool:
        """Whether a score is better than the best one so far, by more than a margin."""
        return score > best + margin if self.larger_is_better else score < best - margin


VALIDATION_LOSS = Choice()


@open_kind("callback")
@dataclass(eq=False)
class Callback(Configurable):
    """What happens around the loop; every method may be left out, and gets the `minidl.training.Trainer`.

    One that stands in a config keeps what it remembers in `Trainer.memory_of`, which
    checkpoints save, and nothing in itself.
    """

    @property
    def choice(self) -> Choice | None:
        """By which score the best weights are chosen; None: that is not its business."""
        return None

    def start(self) -> CallbackState:
        """What it remembers before the first step: finite numbers by name."""
        return {}

    def on_start(self, trainer: Any) -> None:
        """Before the first step."""

    def on_epoch_end(self, trainer: Any, record: EpochRecord) -> None:
        """After an epoch and its validation."""

    def on_checkpoint(self, trainer: Any) -> None:
        """When `Training.checkpoint_every` is reached; after an epoch's last step or its end, if it falls there."""

    def on_end(self, trainer: Any) -> None:
        """After the last epoch, or when training was told to stop; not after an error."""
