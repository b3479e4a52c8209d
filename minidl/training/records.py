"""What a training tells: a record of each epoch, and where it stands."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.core.errors import ConfigError
from minidl.core.text import printable, short


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


def remembered(memory: Any, part: Any, first: Iterable[str] | None = None) -> dict[str, float]:
    """What a schedule or a callback remembers, as a checkpoint has it: finite floats by name.

    Parameters
    ----------
    part : the schedule or callback, for messages.
    first : the names that its `start` gave; None: this is what it gave.

    Raises
    ------
    ConfigError
        A value is no finite number, or a name is not one of the first.
    """
    who = f"{type(part).__name__}: what it remembers"
    if not isinstance(memory, dict):
        raise ConfigError(f"{who} must be a dict of numbers by name; start() gave {printable(short(memory))}.")
    for name, value in memory.items():
        if not isinstance(name, str):
            raise ConfigError(f"{who} must have names that are texts, got {printable(short(name))}.")
        if not (np.ndim(value) == 0 and np.isreal(value) and hasattr(value, "__float__") and math.isfinite(value)):
            raise ConfigError(f"{who} must be finite numbers; {printable(name)} is {printable(short(value))}.")
    for name in () if first is None else sorted(memory.keys() ^ set(first)):
        wrong = "is not among them" if name in memory else "is missing"
        raise ConfigError(f"{who} must have the names that start() gives; {printable(name)} {wrong}.")
    return {name: float(value) for name, value in memory.items()}


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
