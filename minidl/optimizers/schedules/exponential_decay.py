"""An exponential decay."""

from __future__ import annotations

from dataclasses import dataclass

from minidl.core.arguments import PositiveFloat
from minidl.core.registry import register
from minidl.optimizers.schedules.schedule import Progress, Schedule, ScheduleState


@register
@dataclass(eq=False)
class ExponentialDecay(Schedule):
    """f(e) = γ^e after e epochs, fractions included: a little less at every step, in an epoch a factor of γ.

    Parameters
    ----------
    decay : γ > 0.
    """

    decay: PositiveFloat = 0.95

    def factor(self, at: Progress, state: ScheduleState) -> float:
        """See the class."""
        return float(self.decay**at.epoch)
