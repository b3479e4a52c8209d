"""Schedules against their formulas; torch's own are in tests/training/test_schedules_like_torch.py."""

from __future__ import annotations

import math
from typing import Any

import pytest

from minidl import (
    ConfigError,
    Constant,
    Cosine,
    ExponentialDecay,
    OneCycle,
    Progress,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
)


def factors(schedule: Schedule, steps: int = 100, epoch_steps: int = 10) -> list[float]:
    state = schedule.start()
    return [schedule(Progress(step, steps, epoch_steps), state) for step in range(steps)]


def test_factors_by_heart() -> None:
    assert factors(Constant()) == [1.0] * 100
    assert factors(StepDecay(3, 0.5)) == [1.0] * 30 + [0.5] * 30 + [0.25] * 30 + [0.125] * 10
    assert factors(ExponentialDecay(0.25))[::5] == pytest.approx([2.0**-k for k in range(20)], rel=1e-14)
    assert factors(Cosine(0.5), 4) == pytest.approx([1, 0.75 + math.sqrt(2) / 8, 0.75, 0.75 - math.sqrt(2) / 8])
    cycle = factors(OneCycle(0.5, 0.2, 0.1), 41)
    assert (cycle[0], cycle[40]) == (pytest.approx(0.2), pytest.approx(0.1))
    assert cycle[:20] == sorted(cycle[:20])
    assert cycle[20:] == sorted(cycle[20:], reverse=True)
    assert max(cycle) > 0.99


def test_a_warm_up_goes_in_equal_steps_to_where_the_schedule_begins() -> None:
    assert factors(Constant(warmup_steps=4), 6) == [0.25, 0.5, 0.75, 1, 1, 1]
    warm, plain = factors(OneCycle(warmup_steps=20)), factors(OneCycle(), 80)
    assert warm[20:] == plain
    assert warm[:20] == pytest.approx([plain[0] * (t + 1) / 20 for t in range(20)])
    # epochs count from the end of the warm-up
    assert factors(StepDecay(1, 0.5, warmup_steps=5), 20) == [0.2, 0.4, 0.6, 0.8] + [1.0] * 11 + [0.5] * 5


@pytest.mark.parametrize("warmup_steps", [0, 3])
@pytest.mark.parametrize("kind", [Constant, Cosine, ExponentialDecay, OneCycle, ReduceOnPlateau, StepDecay])
def test_factors_of_many_steps_are_those_of_each_to_the_bit(kind: Any, warmup_steps: int) -> None:
    schedule = kind(warmup_steps=warmup_steps)
    one_by_one = factors(schedule)
    for first, n in ((0, 100), (0, 1), (1, 7), (60, 40)):
        found = schedule.factors(Progress(first, 100, 10), n, schedule.start())
        assert found.tolist() == one_by_one[first : first + n]


def test_a_factor_of_a_class_of_ones_own_is_asked_step_by_step() -> None:
    class Later(Constant):
        def factor(self, at: Progress, state: Any) -> float:
            return 1.0 if at.step < 2 else 0.5  # an array of steps would be an error

    assert Later().factors(Progress(0, 4, 4), 4, {}).tolist() == [1.0, 1.0, 0.5, 0.5]


@pytest.mark.parametrize("schedule", [Cosine(0.1), OneCycle(), Cosine(warmup_steps=4), OneCycle(warmup_steps=4)])
@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_the_shortest_trainings_and_steps_beyond_the_end_have_a_factor(schedule: Schedule, steps: int) -> None:
    found = [schedule(Progress(step, steps, 1), {}) for step in (*range(steps), steps, 10 * steps + 9)]
    assert all(0 <= factor <= 1 for factor in found)
    assert found[-1] == pytest.approx(schedule.final)  # type: ignore[attr-defined]


def plateau(scores: list[float], **arguments: Any) -> list[float]:
    schedule = ReduceOnPlateau(decay=0.5, **{"patience": 1, "threshold": 0.0, **arguments})
    state, found = schedule.start(), []
    for score in scores:
        schedule.epoch_end(score, state)
        found.append(schedule(Progress(0, 1, 1), state))
    return found


def test_a_plateau_is_more_epochs_than_the_patience_without_a_better_score() -> None:
    assert plateau([3, 2, 2, 1, 1, 1, 1, 1]) == [1, 1, 1, 1, 1, 0.5, 0.5, 0.25]
    assert plateau([1, 2, 2, 3, 3, 3], larger_is_better=True) == [1, 1, 1, 1, 1, 0.5]
    assert plateau([1, 1, 1, 1, 1, 1], cooldown=2) == [1, 1, 0.5, 0.5, 0.5, 0.5]
    assert plateau([1.0, 0.95, 0.9, 0.85], threshold=0.2) == [1, 1, 0.5, 0.5]
    assert plateau([-1.0, -1.1, -1.15, -1.3], threshold=0.2) == [1, 1, 0.5, 0.5]  # a share of its size, not its sign
    assert plateau([1.0] * 9, final=0.3) == [1, 1, 0.5, 0.5, 0.3, 0.3, 0.3, 0.3, 0.3]


def test_a_score_that_is_nan_is_no_better_one() -> None:
    assert plateau([math.nan, math.nan, 1.0, math.nan, math.nan]) == [1, 0.5, 0.5, 0.5, 0.25]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant(warmup_steps=-1), "Constant: warmup_steps: expected `int` >= 0, got -1"),
        (lambda: StepDecay(0), "StepDecay: every: expected `int` >= 1, got 0"),
        (lambda: ExponentialDecay(0.0), "ExponentialDecay: decay: expected `float` > 0.0, got 0.0"),
        (lambda: Cosine(-0.1), "Cosine: final: expected `float` >= 0.0, got -0.1"),
        (lambda: OneCycle(1.0), "OneCycle: rising: expected `float` < 1.0, got 1.0"),
        (lambda: ReduceOnPlateau(decay=1.0), "ReduceOnPlateau: decay: expected `float` < 1.0, got 1.0"),
        (lambda: ReduceOnPlateau(patience=-1), "ReduceOnPlateau: patience: expected `int` >= 0, got -1"),
    ],
)
def test_arguments_out_of_range_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ConfigError) as err:
        make()
    assert str(err.value) == message
