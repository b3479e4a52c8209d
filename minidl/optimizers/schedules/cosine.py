"""Half a cosine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from minidl.core.arguments import NonNegativeFloat
from minidl.core.registry import register
from minidl.optimizers.schedules.schedule import Progress, Schedule, ScheduleState


@register
@dataclass(eq=False)
class Cosine(Schedule):
    """f(t) = φ + (1 - φ) (1 + cos(π t / T)) / 2 from 1 down to φ, over the T steps of the training.

    Parameters
    ----------
    final : φ ≥ 0.

    References
    ----------
    Loshchilov and Hutter (2017), SGDR: stochastic gradient descent with warm restarts, equation 5, without restarts.
    """

    final: NonNegativeFloat = 0.0
    at_once: ClassVar[bool] = True

    def factor(self, at: Progress, state: ScheduleState) -> Any:
        """See the class."""
        return self.final + (1 - self.final) * (1 + np.cos(math.pi * at.share)) / 2
