"""Whether a model can learn a few examples by heart: what cannot do that learns nothing from many.

The training is that of the experiment, but for what would hide the answer: the learning rate is
constant, and there is neither a moving average nor a callback. Nothing is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from minidl.compiled.kernel import silent
from minidl.core.arguments import PositiveInt, checked
from minidl.experiment import Experiment
from minidl.fitting import run_training
from minidl.metrics import Metric
from minidl.optimizers import Constant
from minidl.tasks import Parts
from minidl.training import Callback, EpochRecord, Source, Trainer
from minidl.training.outputs import collected, outputs_by_batch
from minidl.training.selection import spread_examples

STEPS = 5000
GOOD = 0.99  # a leading metric
MOST, NEARLY_ALL = 0.9, 0.99  # of the loss at the start


@dataclass(frozen=True)
class Known:
    """How well the examples are known after so many steps: the loss and the leading metric, without dropout."""

    step: int
    loss: float
    score: float


@dataclass(frozen=True)
class Overfitting:
    """What came of it.

    Parameters
    ----------
    examples : how many there were.
    start, end : before the first step, and after the last one.
    learned : whether the leading metric is 0.99 or more and 90 % of the loss at the start is gone; where the metric is
        undefined, or less of it is better, whether 99 % of that loss is gone.
    """

    examples: int
    start: Known
    end: Known
    learned: bool


def overfit(
    experiment: Experiment,
    parts: Parts,
    n: int,
    told: Callable[[Known], None] = lambda known: None,
    notify: Callable[[str], None] = silent,
) -> Overfitting:
    """Train on n examples of the training part until they are learned, for 5,000 steps at most.

    Parameters
    ----------
    experiment : as it is loaded; it is of no use afterwards.
    parts : its data.
    n : how many examples, taken at equal distances; all, if there are fewer.
    told : gets what is known before the first step, after steps 1, 2, 5, 10, 20, 50, ... and after the last one.
    notify : gets the line that says which engine it is.

    Raises
    ------
    MinidlError
        As the training itself would.
    """
    checked(n, PositiveInt, "overfit: n")
    few = spread_examples(parts.train, n)
    batch_size = min(experiment.training.batch_size, len(few))
    plain: dict[str, Any] = {"schedule": Constant(), "moving_average": None, "callbacks": []}
    experiment.training = replace(experiment.training, epochs=STEPS, batch_size=batch_size, **plain)
    trainer = experiment.trainer()
    start = _known(trainer, few, experiment.evaluation.metrics[0])
    told(start)
    until = _UntilLearned(start, experiment.evaluation.metrics[0], told)
    run_training(trainer, few, few, engine=experiment.engine, callbacks=[until], notify=notify)
    return Overfitting(len(few), start, until.last, until.learned)


def _known(trainer: Trainer, few: Source, metric: Metric) -> Known:
    found = collected(list(outputs_by_batch(trainer.model, few)))
    loss = trainer.loss(found.y, found.target, found.weight)[0]
    scores = trainer.metrics(trainer.loss.point(found.y), found.target, found.lengths, found.weight)
    return Known(0, loss, scores.get(metric.name, math.nan))


class _UntilLearned(Callback):
    """Ends a training once its examples are learned, or after so many steps."""

    def __init__(self, first: Known, metric: Metric, told: Callable[[Known], None]) -> None:
        self.first, self.last = first, first
        self.metric, self.told = metric, told
        self._shown = 0  # at least so many steps were told of

    @property
    def learned(self) -> bool:
        """See `Overfitting`."""
        told = self.metric.larger_is_better and not math.isnan(self.last.score)
        if told and self.last.score < GOOD:
            return False
        gone = MOST if told else NEARLY_ALL
        return self.last.loss <= self.first.loss - gone * abs(self.first.loss)

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        """The validation examples are those that are learned."""
        scores, loss = record.validation_metrics or {}, record.validation_loss
        self.last = Known(record.step, math.nan if loss is None else loss, scores.get(self.metric.name, math.nan))
        if self.learned or record.step >= STEPS:
            trainer.finish("the examples are learned")
        mark = max(first * 10**k for first in (1, 2, 5) for k in range(5) if first * 10**k <= record.step)
        if trainer.finished or mark > self._shown:
            self._shown = mark
            self.told(self.last)
