"""Up, and then down: one cycle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from minidl.core.arguments import PositiveFloat
from minidl.core.registry import register
from minidl.optimizers.schedules.schedule import Progress, Schedule, ScheduleState


@register
@dataclass(eq=False)
class OneCycle(Schedule):
    """From φ₀ up to 1 at step u = ρT - 1, then down to φ₁ at the last of T steps, T - 1, along half cosines.

    f = 1 + (φ₀ - 1) (1 + cos(π t / u)) / 2 up to u, φ₁ + (1 - φ₁) (1 + cos(π (t - u) / (T - 1 - u))) / 2 from there
    on. ``optimizer.learning_rate`` is the peak. Momentum stays as it is.

    Parameters
    ----------
    rising : ρ, the share of the steps in which the rate rises, above 0 and below 1.
    initial : φ₀ > 0.
    final : φ₁ > 0.

    References
    ----------
    Smith and Topin (2019), Super-convergence: very fast training of neural networks using large learning rates.
    """

    rising: Annotated[float, Meta(gt=0, lt=1)] = 0.3
    initial: PositiveFloat = 0.04
    final: PositiveFloat = 4e-6

    def factor(self, at: Progress, state: ScheduleState) -> float:
        """See the class; where there are too few steps to rise in, it falls at once."""
        last = at.steps - 1
        top = self.rising * at.steps - 1
        if at.step <= top and top > 0:
            return _half_cosine(self.initial, 1.0, at.step / top)
        top = max(0.0, top)
        return _half_cosine(1.0, self.final, min(1.0, (at.step - top) / max(1.0, last - top)))


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
