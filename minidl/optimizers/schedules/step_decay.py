"""A decay in steps."""

from __future__ import annotations

from dataclasses import dataclass

from minidl.core.arguments import PositiveFloat, PositiveInt
from minidl.core.registry import register
from minidl.optimizers.schedules.schedule import Progress, Schedule, ScheduleState


@register
@dataclass(eq=False)
class StepDecay(Schedule):
    """f(e) = γ^⌊e / k⌋ in epoch e (from 0 on): every k epochs the learning rate is multiplied by γ.

    Parameters
    ----------
    every : k ≥ 1, epochs.
    decay : γ > 0.
    """

    every: PositiveInt = 10
    decay: PositiveFloat = 0.1

    def factor(self, at: Progress, state: ScheduleState) -> float:
        """See the class."""
        return float(self.decay ** (at.step // (self.every * at.epoch_steps)))
