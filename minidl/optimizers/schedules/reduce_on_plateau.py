"""A decay whenever a score no longer gets better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from msgspec import Meta

from minidl.core.arguments import NonNegativeFloat, NonNegativeInt
from minidl.core.registry import register
from minidl.optimizers.schedules.schedule import Progress, Schedule, ScheduleState


@register
@dataclass(eq=False)
class ReduceOnPlateau(Schedule):
    """f ← max(γ f, φ) after more than `patience` epochs without a better score, from f = 1 on.

    A score s is better than the best one b, if s < b - ε |b|; where larger is better, if s > b + ε |b|.
    After a decay `cooldown` epochs do not count. A score that is NaN or infinite is never better.

    Parameters
    ----------
    metric : the score, as the log names it: ``validation_loss``, ``validation_r2``, ``train_loss``, ...
    larger_is_better : whether of two scores the larger one is better.
    decay : γ, above 0 and below 1.
    patience : epochs, at least 0.
    threshold : ε ≥ 0.
    cooldown : epochs, at least 0.
    final : φ, the smallest factor, from 0 to 1.

    References
    ----------
    As ``torch.optim.lr_scheduler.ReduceLROnPlateau`` with ``threshold_mode='rel'``, where scores are positive.
    """

    metric: str = "validation_loss"
    larger_is_better: bool = False
    decay: Annotated[float, Meta(gt=0, lt=1)] = 0.1
    patience: NonNegativeInt = 10
    threshold: NonNegativeFloat = 1e-4
    cooldown: NonNegativeInt = 0
    final: Annotated[float, Meta(ge=0, le=1)] = 0.0
    at_once: ClassVar[bool] = True

    @property
    def watched(self) -> str | None:
        """The metric."""
        return self.metric

    def start(self) -> ScheduleState:
        """f = 1; no score yet, no epoch waited, none to rest."""
        return {"factor": 1.0, "improvements": 0.0, "best": 0.0, "waited": 0.0, "resting": 0.0}

    def factor(self, at: Progress, state: ScheduleState) -> float:
        """f."""
        return state["factor"]

    def epoch_end(self, score: float, state: ScheduleState) -> None:
        """See the class."""
        s, b = (-score, -state["best"]) if self.larger_is_better else (score, state["best"])
        if math.isfinite(s) and (not state["improvements"] or s < b - self.threshold * abs(b)):
            state["best"], state["waited"] = score, 0.0
            state["improvements"] += 1
        else:
            state["waited"] += 1
        if state["resting"]:
            state["resting"] -= 1
            state["waited"] = 0.0
        if state["waited"] > self.patience:
            state["factor"] = max(self.decay * state["factor"], self.final)
            state["resting"], state["waited"] = float(self.cooldown), 0.0
