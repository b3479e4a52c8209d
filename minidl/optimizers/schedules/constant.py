"""No change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from minidl.core.registry import register
from minidl.optimizers.schedules.schedule import Progress, Schedule, ScheduleState


@register
@dataclass(eq=False)
class Constant(Schedule):
    """f(t) = 1: the same learning rate throughout, perhaps after a warm-up."""

    at_once: ClassVar[bool] = True

    def factor(self, at: Progress, state: ScheduleState) -> float:
        """1."""
        return 1.0
