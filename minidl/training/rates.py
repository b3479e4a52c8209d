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
