"""What a training tells: a record of each epoch, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochRecord:
    """One line of the log.

    train_loss is the mean over the epoch's batches, while the weights moved;
    validation_loss and validation_metrics are of the epoch's end, None without validation;
    learning_rate is that of the epoch's last step.
    """

    epoch: int
    step: int
    train_loss: float
    validation_loss: float | None
    validation_metrics: dict[str, float] | None
    learning_rate: float
    seconds: float


def scores_of(record: EpochRecord) -> dict[str, float]:
    """The scores of an epoch by the names that the log has for them."""
    found = {"train_loss": record.train_loss}
    if record.validation_loss is not None:
        found["validation_loss"] = record.validation_loss
    return found | {f"validation_{name}": score for name, score in (record.validation_metrics or {}).items()}


@dataclass
class Position:
    """How far the current epoch is.

    examples : done so far; at an epoch's end, before its validation, all of them.
    loss_sum : of loss times examples, over the steps so far.
    seconds : spent on the epoch so far, in this process and in those it continues.
    """

    examples: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0


def never() -> bool:
    """No request to stop; a named function, so that a Trainer can be pickled."""
    return False
