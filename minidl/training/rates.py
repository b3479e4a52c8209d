"""How far a training is, for its schedule: the number of steps of an epoch, and the rates of steps."""

from __future__ import annotations

import math

import numpy as np

from minidl.core.errors import ConfigError
from minidl.core.layer import Array
from minidl.optimizers import Progress, Schedule, ScheduleState
from minidl.training.sources import Source
from minidl.training.truncated import StreamWindows


def steps_of_epoch(train: Source, batch_size: int) -> int:
    """Steps that an epoch takes; of streams of different length, whose order changes it, with the longest first."""
    if not isinstance(train, StreamWindows):
        return -(-len(train) // batch_size)
    windows = -(-train.lengths // train.time_steps)
    return int(windows[np.arange(0, len(windows), batch_size)].sum())


def shift_of(train: Source, batch_size: int, epoch: int, examples: int, step: int) -> int:
    """What a schedule's time is ahead of the step that is about to be taken; 0 but after a change of epochs' length.

    A training that goes on with other batches or more examples is after as many epochs as before.

    Parameters
    ----------
    epoch, examples, step : complete epochs, examples of the current one, and all steps so far.
    """
    if isinstance(train, StreamWindows):
        return 0  # epochs differ, as long as streams do
    return epoch * steps_of_epoch(train, batch_size) + -(-examples // batch_size) - step


def rate_at(schedule: Schedule, state: ScheduleState, rate: float, at: Progress) -> float:
    """The learning rate of a step: the schedule's factor times `rate`.

    Raises
    ------
    ConfigError
        The factor is negative or not finite.
    """
    factor = schedule(at, state)
    if not 0 <= factor < math.inf:
        name = type(schedule).__name__
        raise ConfigError(f"training.schedule: {name} has the factor {factor} at a step; expected 0 or more.")
    return float(factor * rate)


def rates_at(schedule: Schedule, state: ScheduleState, rate: float, first: Progress, n: int) -> Array:
    """The learning rates of n steps from the first on; see `rate_at`."""
    factors = schedule.factors(first, n, state)
    good = (factors >= 0) & (factors < math.inf)
    if not good.all():
        rate_at(schedule, state, rate, first._replace(step=first.step + int(np.argmin(good))))
    rates: Array = factors * rate
    return rates
