"""The learning-rate range test: a short training whose rate grows at every step, to see where the loss climbs again.

It starts from the initial weights, sees the training part alone, and nothing is kept of it. What it suggests is
the rate from which the loss climbs, divided by a factor that was measured (docs/training.md), not derived.

References
----------
Smith (2017), Cyclical learning rates for training neural networks, section 3.3, WACV (arXiv 1506.01186, 2015), where
the rate grows linearly and the largest useful one is where the score begins to fall; that it grows by a factor, and
that a tenth is taken, is from S. Gugger (2018), How do you find a good learning rate.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minidl.compiled import choose_engine
from minidl.compiled.kernel import silent
from minidl.core.arguments import MAX_NUMBER, PositiveFloat, PositiveInt, checked
from minidl.core.errors import ConfigError, NumericalError
from minidl.core.layer import Array
from minidl.experiment import Experiment
from minidl.optimizers import SGD, Optimizer, Progress, Schedule, ScheduleState
from minidl.tasks import Parts
from minidl.training import Engine, Source
from minidl.training.engine import Advanced, Order
from minidl.training.rates import steps_of_epoch
from minidl.training.threads import blas_threads

FEWEST = 20  # steps
LOWEST = 1e-30  # rate
RECENT = 5  # steps whose mean loss tells that it has grown beyond all use
SHARE = 20  # a smoothed loss is a mean over a twentieth of the steps to each side
LEAST_FALL = 0.1  # of the smoothed loss at the start, for a suggestion
CLIMB = 0.3  # of the fall; a smoothed loss so far above its lowest climbs
DONE = 0.8  # of the fall; what a suggestion has where the loss climbs nowhere
BELOW, BELOW_SGD = 10, 4  # a suggestion is so many times below the rate from which the loss climbs


@dataclass(frozen=True, eq=False)
class RateRange:
    """What a range test found.

    Parameters
    ----------
    rates, losses : of each step; the loss is that of its batch, before it.
    smoothed : the means of neighbouring losses.
    suggestion : `climbs` divided by 4 for `SGD`, and by 10 for optimizers that set the size of their steps themselves;
        where the loss climbs nowhere, the first rate at which 80 % of the smoothed loss's fall are done. None: it falls
        by less than a tenth of what it was.
    lowest : the rate at which the smoothed loss is lowest.
    climbs : the first rate after `lowest` at which the smoothed loss is above its lowest by 30 % of its fall, or at
        which the training broke; None: there is none.
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    suggestion: float | None
    lowest: float
    climbs: float | None


def range_test(
    experiment: Experiment,
    parts: Parts,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 300,
    notify: Callable[[str], None] = silent,
) -> RateRange:
    """Train while the rate of step t is low · (high / low)^(t / (steps - 1)).

    It ends early where the loss is not finite, or its mean over the last 5 steps higher than the lowest such mean
    by three times that of the first steps. There is neither a moving average nor a callback.

    Parameters
    ----------
    experiment : as it is loaded; it is of no use afterwards.
    parts : its data.
    low, high : the first and the last rate, from 1e-30 to 1e9.
    steps : at least 20; as many epochs as they need.
    notify : gets the line that says which engine it is.

    Raises
    ------
    ConfigError
        The range is none, or too short.
    NumericalError
        The loss was not finite before so many steps were taken.
    """
    check_range(low, high, steps)
    batch_size = experiment.training.batch_size
    experiment.optimizer = copy.copy(experiment.optimizer)
    experiment.optimizer.learning_rate, rising = high, _Rising(low / high, steps)
    plain: dict[str, Any] = {"schedule": rising, "moving_average": None, "callbacks": []}
    epochs = steps if experiment.training.bptt_steps else -(-steps // steps_of_epoch(parts.train, batch_size))
    experiment.training = replace(experiment.training, epochs=epochs, **plain)
    trainer = experiment.trainer()
    engine, line = choose_engine(trainer, experiment.engine, parts.train, notify)
    notify(f"engine: {line}")
    recorded = _Recorded(engine, steps)
    trainer.engine, trainer.should_stop = recorded, recorded.enough
    try:
        with blas_threads(experiment.training.threads):
            trainer.run(parts.train)
    except NumericalError:
        if len(recorded.losses) < FEWEST:
            raise
    return _found(recorded.losses, trainer.learning_rates(0, len(recorded.losses)), steps, experiment.optimizer)


def check_range(low: float, high: float, steps: int) -> None:
    """Refuse what is no range; see `range_test`."""
    if not 0 < low < high < np.inf:
        raise ConfigError(f"range test: expected rates 0 < low < high, got {low:g} and {high:g}.")
    if low < LOWEST or high > MAX_NUMBER:
        raise ConfigError(f"range test: expected rates from {LOWEST:g} to {MAX_NUMBER:g}, got {low:g} and {high:g}.")
    if checked(steps, PositiveInt, "range test: steps") < FEWEST:
        raise ConfigError(f"range test: expected {FEWEST} steps or more, got {steps}.")


@dataclass(eq=False)
class _Rising(Schedule):
    """A factor that grows by the same factor at every step, from the first one to 1."""

    first: PositiveFloat
    steps: PositiveInt

    def factor(self, at: Progress, state: ScheduleState) -> float:
        """See the class."""
        return float(self.first ** (1 - at.step / (self.steps - 1)))


class _Recorded:
    """The steps of another engine, one at a time, with their losses."""

    def __init__(self, engine: Engine, steps: int) -> None:
        self.engine, self.name, self.steps = engine, engine.name, steps
        self.losses: list[float] = []

    def advance(self, trainer: Advanced, train: Source, order: Order, position: int, total: float) -> tuple[int, float]:
        """One step; see `Engine`."""
        stop = position + trainer.settings.batch_size
        done, loss_sum = self.engine.advance(trainer, train, order[:stop], position, total)
        self.losses.append((loss_sum - total) / (done - position))
        return done, loss_sum

    def enough(self) -> bool:
        """Whether all steps are taken, or the loss has grown beyond all use."""
        n = len(self.losses)
        if n < FEWEST:
            return False
        recent = np.convolve(self.losses, np.full(RECENT, 1 / RECENT), "valid")
        return n >= self.steps or bool(recent[-1] > recent.min() + 3 * abs(recent[0]))


def _found(losses: list[float], at: Array, steps: int, optimizer: Optimizer) -> RateRange:
    rates, smoothed = at.tolist(), _smoothed(np.array(losses))
    start, lowest = float(smoothed[0]), int(smoothed.argmin())
    least = float(smoothed[lowest])
    fall = start - least
    above = np.flatnonzero(smoothed[lowest:] > least + CLIMB * fall)
    climbs = rates[lowest + int(above[0])] if len(above) else rates[-1] if len(rates) < steps else None
    done = rates[int(np.argmax(smoothed <= start - DONE * fall))]
    suggestion = done if climbs is None else climbs / (BELOW_SGD if isinstance(optimizer, SGD) else BELOW)
    return RateRange(
        rates, losses, smoothed.tolist(), suggestion if fall > LEAST_FALL * abs(start) else None, rates[lowest], climbs
    )


def _smoothed(losses: Array) -> Array:
    """Means of the losses around each step, of those that there are."""
    width = 2 * max(1, len(losses) // SHARE) + 1
    kernel = np.ones(width)
    found: Array = np.convolve(losses, kernel, "same") / np.convolve(np.ones(len(losses)), kernel, "same")
    return found
