"""No change."""

from __future__ import annotations

from dataclasses import dataclass

from minidl.core.registry import register
from minidl.optimizers.schedules.schedule import Progress, Schedule, ScheduleState


@register
@dataclass(eq=False)
class Constant(Schedule):
    """f(t) = 1: the same learning rate throughout, perhaps after a warm-up."""

    def factor(self, at: Progress, state: ScheduleState) -> float:
        """1."""
        return 1.0

    def factors(self, at: Progress, n: int, state: ScheduleState) -> list[float]:
        """1 each, after the warm-up; so short a step as that of a small net is not to wait for it."""
        return super().factors(at, n, state) if at.step < self.warmup_steps else [1.0] * n
