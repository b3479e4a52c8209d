"""What a schedule is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import Configurable, NonNegativeInt
from minidl.core.errors import ConfigError
from minidl.core.registry import open_kind
from minidl.core.text import printable, short

ScheduleState = dict[str, float]


class Progress(NamedTuple):
    """How far a training is, as a schedule sees it.

    Parameters
    ----------
    step : the step that is about to be taken, from 0 on; `steps` or more in a training that goes on beyond its end.
        A schedule that is `at_once` gets an array of steps here, too.
    steps : of the whole training.
    epoch_steps : of an epoch.
    """

    step: Any
    steps: int
    epoch_steps: int

    @property
    def epoch(self) -> Any:
        """Epochs that are done, with the share of the current one."""
        return self.step / self.epoch_steps

    @property
    def share(self) -> Any:
        """Of the whole training, from 0 to 1."""
        return np.minimum(1.0, self.step / self.steps)


@open_kind("schedule")
@dataclass(eq=False)
class Schedule(Configurable, ABC):
    """The learning rate at each step: η_t = f(t) η, where η is ``optimizer.learning_rate`` and f this schedule.

    With W warm-up steps f(t) = (t + 1) / W · f(0) for t < W, and what `factor` gives counts from step W on.

    Parameters
    ----------
    warmup_steps : W ≥ 0.

    References
    ----------
    Goyal et al. (2017), Accurate, large minibatch SGD, section 2.2: gradual warm-up.
    """

    _: KW_ONLY
    warmup_steps: NonNegativeInt = 0
    # Whether the `factor` of this very class computes an array of factors from an array of steps, or one for them all.
    at_once: ClassVar[bool] = False

    @property
    def watched(self) -> str | None:
        """The score of each epoch, as the log names it, that `epoch_end` is fed with; None: it is not."""
        return None

    def start(self) -> ScheduleState:
        """The state before the first step: finite numbers by name."""
        return {}

    @abstractmethod
    def factor(self, at: Progress, state: ScheduleState) -> Any:
        """f(t) ≥ 0, after the warm-up."""

    def epoch_end(self, score: float, state: ScheduleState) -> None:
        """Take in the `watched` score of an epoch; `state` changes in place."""

    def __call__(self, at: Progress, state: ScheduleState) -> Any:
        """f(t), with the warm-up."""
        W = self.warmup_steps
        if W:
            after = Progress(np.maximum(0, at.step - W), max(1, at.steps - W), at.epoch_steps)
            found = np.minimum(1.0, (at.step + 1) / W) * self._number(self.factor(after, state))
            return found if isinstance(found, np.ndarray) else float(found)
        return self._number(self.factor(at, state))

    def _number(self, found: Any) -> Any:
        """A factor as a float, an array of them as it is."""
        try:
            return found if isinstance(found, np.ndarray) and found.ndim else float(found)
        except (TypeError, ValueError) as err:
            raise ConfigError(
                f"training.schedule: {type(self).__name__} has the factor {printable(short(found))} at a step; "
                "expected a number."
            ) from err

    def factors(self, first: Progress, n: int, state: ScheduleState) -> npt.NDArray[np.float64]:
        """f(t) of n steps from the first on, with the warm-up."""
        _, steps, epoch_steps = first
        found: Any
        writer = next(cls for cls in type(self).__mro__ if "factor" in vars(cls))
        if vars(writer).get("at_once", False):
            found = self(Progress(np.arange(first.step, first.step + n), steps, epoch_steps), state)
            if np.shape(found) not in ((), (n,)):
                raise ConfigError(
                    f"training.schedule: {type(self).__name__} is at_once, and its factors for {n} steps have the "
                    f"shape {np.shape(found)}."
                )
        else:
            found = [self(Progress(first.step + k, steps, epoch_steps), state) for k in range(n)]
        return np.full(n, found, np.float64)
