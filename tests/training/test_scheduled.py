"""A schedule in a training: every step's rate, what is logged, what is watched, what is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import long_series
import numpy as np
import pytest
from small_trainings import examples, stack, trainer
from trainers import engines

from minidl import (
    SGD,
    ConfigError,
    Constant,
    Cosine,
    HalfMSE,
    Optimizer,
    Progress,
    RecurrentLayer,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    fit,
)
from minidl.optimizers import ScheduleState
from minidl.training import Arrays
from minidl.training.rates import rates_at


@dataclass(eq=False)
class Noting(Optimizer):
    """Plain descent that notes the rate of each step."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.rates: list[float] = []

    def update(self, params: Any, grads: Any, state: Any) -> None:
        self.rates.append(self.learning_rate)
        params -= self.learning_rate * grads


@dataclass(eq=False)
class Halving(Schedule):
    """1, 1/2, 1/4, ... step by step."""

    def factor(self, at: Progress, state: ScheduleState) -> float:
        return 0.5**at.step


def test_each_step_has_its_rate_and_an_epoch_logs_that_of_its_last_step() -> None:
    optimizer = Noting(0.1)
    one = trainer(stack(), optimizer=optimizer, schedule=Halving())  # 10 examples in steps of 4
    history = one.run(Arrays(*examples()))
    assert optimizer.rates == pytest.approx([0.1 * 0.5**k for k in range(6)])
    assert [record.learning_rate for record in history] == pytest.approx([0.1 / 4, 0.1 / 32])
    assert optimizer.learning_rate == 0.1  # the user's own object


@engines
def test_a_learning_rate_of_1_stays_the_users_own(engine: Any) -> None:
    one = trainer(stack(), optimizer=SGD(1.0), schedule=Cosine())
    one.engine = engine() or one.engine
    one.run(Arrays(*examples()))
    assert one.optimizer.learning_rate == 1.0


def test_a_schedule_knows_the_length_of_the_training() -> None:
    seen: list[Progress] = []

    @dataclass(eq=False)
    class Looking(Constant):
        def factor(self, at: Progress, state: ScheduleState) -> float:
            seen.append(at)
            return 1.0

    trainer(stack(), schedule=Looking()).run(Arrays(*examples()))
    assert {(at.steps, at.epoch_steps) for at in seen} == {(6, 3)}
    assert Progress(4, 6, 3).epoch == pytest.approx(4 / 3)
    assert Progress(9, 6, 3).share == 1


@pytest.mark.parametrize("lengths", [None, np.array([20, 12, 7])])
@pytest.mark.parametrize("batch_size", [2, 3])
def test_steps_of_streams_are_those_that_are_taken(lengths: Any, batch_size: int) -> None:
    model = long_series.net([RecurrentLayer(2)])
    one = long_series.trainer(model, bptt_steps=5, epochs=1, batch_size=batch_size)
    one.run(Arrays(long_series.X, long_series.Y, lengths))
    assert (
        one.epoch_steps
        == one.step
        == {(True, 2): 8, (True, 3): 4, (False, 2): 6, (False, 3): 4}[lengths is None, batch_size]
    )


@engines
def test_reduce_on_plateau_is_fed_with_the_score_that_it_watches(engine: Any) -> None:
    # No step changes anything, so the validation loss stays as it is: patience 1 lowers the rate in epochs 3 and 5.
    for metric in ("validation_loss", "validation_r2", "train_loss"):
        schedule = ReduceOnPlateau(metric, larger_is_better=metric == "validation_r2", patience=1, decay=0.5)
        one = trainer(stack(), optimizer=SGD(1e-30), schedule=schedule, epochs=6, shuffle=False)
        one.engine = engine() or one.engine
        history = one.run(Arrays(*examples()), Arrays(*examples(n=4)))
        rates = [record.learning_rate * 1e30 for record in history]
        assert rates == pytest.approx([1, 1, 1, 0.5, 0.5, 0.25])


def test_a_score_that_no_epoch_has_is_refused_before_the_first_step() -> None:
    one = trainer(stack(), schedule=ReduceOnPlateau(metric="validation_mae"))
    message = (
        "training.schedule.metric: validation_mae is no score of an epoch; "
        "expected train_loss or validation_loss or validation_r2."
    )
    with pytest.raises(ConfigError) as err:
        one.run(Arrays(*examples()), Arrays(*examples(n=4)))
    assert str(err.value) == message
    assert one.step == 0
    with pytest.raises(ConfigError, match="expected train_loss; there are no validation examples"):
        trainer(stack(), schedule=ReduceOnPlateau()).run(Arrays(*examples()))


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_a_factor_that_is_no_rate_is_refused(value: float) -> None:
    @dataclass(eq=False)
    class Wrong(Schedule):
        def factor(self, at: Progress, state: ScheduleState) -> float:
            return value if at.step == 1 else 1.0  # as an engine that asks for many steps sees it, in their midst

    message = f"training.schedule: Wrong has the factor {value} at a step; expected 0 or more."
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        trainer(stack(), schedule=Wrong()).run(Arrays(*examples()))
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        rates_at(Wrong(), {}, 0.1, Progress(0, 4, 2), 3)


@pytest.mark.parametrize("value", [None, "much", [1.0], 1j])
@pytest.mark.parametrize("warmup_steps", [0, 2])
def test_a_factor_that_is_no_number_is_refused(value: Any, warmup_steps: int) -> None:
    @dataclass(eq=False)
    class Wrong(Schedule):
        def factor(self, at: Progress, state: ScheduleState) -> Any:
            return value

    message = f"training.schedule: Wrong has the factor {value!r} at a step; expected a number."
    schedule = Wrong(warmup_steps=warmup_steps)
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        trainer(stack(), schedule=schedule).run(Arrays(*examples()))
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        rates_at(schedule, {}, 0.1, Progress(0, 4, 2), 3)


def test_factors_of_as_many_steps_as_nobody_asked_for_are_refused() -> None:
    @dataclass(eq=False)
    class Wrong(Schedule):
        at_once = True

        def factor(self, at: Progress, state: ScheduleState) -> Any:
            return np.ones(2)

    message = "training.schedule: Wrong is at_once, and its factors for 3 steps have the shape (2,)."
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        rates_at(Wrong(), {}, 0.1, Progress(0, 4, 2), 3)


def test_after_a_change_of_batches_a_training_is_after_as_many_epochs_as_before() -> None:
    # Caught here: steps that were taken count as if they had been as large as those to come.
    one = trainer(stack(), schedule=StepDecay(every=2, decay=0.5), epochs=3, shuffle=False)  # 10 examples in steps of 4
    one.run(Arrays(*examples()))
    one.settings.epochs, one.settings.batch_size = 6, 1
    one.run(Arrays(*examples()))
    one.settings.epochs, one.settings.batch_size = 8, 5
    history = one.run(Arrays(*examples(n=20)))
    assert [record.step for record in history] == [3, 6, 9, 19, 29, 39, 43, 47]
    assert [record.learning_rate for record in history] == pytest.approx([0.1 * 0.5 ** (e // 2) for e in range(8)])


def test_the_time_of_a_schedule_along_streams_is_that_of_the_steps() -> None:
    asked = iter([False, True])
    model = long_series.net([RecurrentLayer(2)])
    one = long_series.trainer(model, lambda: next(asked, False), bptt_steps=5, batch_size=2, schedule=Halving())
    one.run(Arrays(long_series.X, long_series.Y, np.array([20, 12, 7])))
    assert one.step == 2
    history = one.run(Arrays(long_series.X, long_series.Y, np.array([20, 12, 7])))
    assert [record.learning_rate for record in history] == [0.5 * 0.5 ** (record.step - 1) for record in history]


def test_after_a_change_of_batches_within_an_epoch_its_rest_is_of_the_epoch() -> None:
    asked = iter([True])
    one = trainer(stack(), schedule=Halving(), epochs=2, shuffle=False, should_stop=lambda: next(asked, False))
    one.run(Arrays(*examples()))
    assert (one.step, one.position.examples) == (1, 4)
    one.settings.batch_size = 2
    one.run(Arrays(*examples()))
    assert one.step == 1 + 3 + 5
    assert one.history[-1].learning_rate == pytest.approx(0.1 * 0.5**9)  # the last of two epochs of five steps


def test_fit_takes_a_schedule() -> None:
    model = stack()
    history = fit(
        model,
        *examples(),
        loss=HalfMSE(),
        optimizer=SGD(0.1),
        epochs=2,
        batch_size=5,
        schedule=Cosine(),
        engine="numpy",
    )
    rates = [0.1 * (1 + np.cos(np.pi * step / 4)) / 2 for step in (1, 3)]
    assert [record.learning_rate for record in history] == pytest.approx(rates)
