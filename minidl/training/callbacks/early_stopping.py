"""Stopping when nothing gets better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from minidl.core.arguments import NonNegativeFloat, PositiveInt
from minidl.core.registry import register
from minidl.core.text import counted
from minidl.training.callbacks.callback import Callback, CallbackState, Choice
from minidl.training.records import EpochRecord


@register
@dataclass(eq=False)
class EarlyStopping(Callback):
    """Ends the training after `patience` epochs in a row without a better score.

    A score s is better than the best one b, if s < b - δ; where larger is better, if s > b + δ. One that is
    NaN or infinite never is. The weights that are kept as the best ones, and scored where the config scores
    ``best``, are those of the best epoch by this score (with δ = 0).

    Parameters
    ----------
    metric : the score, as the log names it: ``validation_loss``, ``validation_r2``, ``train_loss``, ...
    larger_is_better : whether of two scores the larger one is better.
    patience : epochs, at least 1.
    min_delta : δ ≥ 0.

    References
    ----------
    The criterion and its arguments are those of Keras and Lightning; Prechelt (1998), Early stopping, but when?, in
    Neural networks: tricks of the trade, compares others.
    """

    metric: str = "validation_loss"
    larger_is_better: bool = False
    patience: PositiveInt = 10
    min_delta: NonNegativeFloat = 0.0

    @property
    def choice(self) -> Choice:
        """By the metric."""
        return Choice(self.metric, self.larger_is_better)

    def start(self) -> CallbackState:
        """No score yet, no epoch waited."""
        return {"found": 0.0, "best": 0.0, "waited": 0.0}

    def on_epoch_end(self, trainer: Any, record: EpochRecord) -> None:
        """See the class."""
        memory, score = trainer.memory_of(self), self.choice.score(record)
        if score is not None and (not memory["found"] or self.choice.better(score, memory["best"], self.min_delta)):
            memory |= {"found": 1.0, "best": score, "waited": 0.0}
            return
        memory["waited"] += 1
        if memory["waited"] >= self.patience:
            by = f" by more than {self.min_delta:g}" if self.min_delta else ""
            trainer.finish(f"no better {self.metric}{by} for {counted(self.patience, 'epoch')}")
