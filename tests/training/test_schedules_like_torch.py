"""100 steps with each schedule against torch's own, in both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from torch_training import EPOCH_STEPS, STEPS, check, ours, torchs
from trainers import engines

from minidl import SGD, Constant, Cosine, ExponentialDecay, OneCycle, Progress, ReduceOnPlateau, Schedule, StepDecay

RATE = 0.2
torch = pytest.importorskip("torch", reason="torch is not installed: schedules are compared with their formulas only")
schedulers = torch.optim.lr_scheduler


def warm(optimizer: Any, steps: int, after: Callable[[Any], Any]) -> Any:
    """`after` behind a linear warm-up of torch's."""
    ramp = schedulers.LinearLR(optimizer, start_factor=1 / steps, total_iters=steps - 1)
    return schedulers.SequentialLR(optimizer, [ramp, after(optimizer)], milestones=[steps])


CASES: dict[str, tuple[Schedule, Callable[[Any], Any]]] = {
    "Constant": (Constant(), lambda o: schedulers.ConstantLR(o, factor=1.0)),
    "StepDecay": (StepDecay(4, 0.5), lambda o: schedulers.StepLR(o, 4 * EPOCH_STEPS, 0.5)),
    "ExponentialDecay": (ExponentialDecay(0.9), lambda o: schedulers.ExponentialLR(o, 0.9 ** (1 / EPOCH_STEPS))),
    "Cosine": (Cosine(), lambda o: schedulers.CosineAnnealingLR(o, STEPS)),
    "Cosine, not to 0": (Cosine(0.1), lambda o: schedulers.CosineAnnealingLR(o, STEPS, eta_min=0.1 * RATE)),
    "OneCycle": (OneCycle(), lambda o: schedulers.OneCycleLR(o, RATE, STEPS, cycle_momentum=False)),
    "OneCycle, others": (
        OneCycle(0.4, 0.1, 0.001),
        lambda o: schedulers.OneCycleLR(
            o, RATE, STEPS, pct_start=0.4, cycle_momentum=False, div_factor=10.0, final_div_factor=100.0
        ),
    ),
    "warm-up": (
        Cosine(warmup_steps=13),
        lambda o: warm(o, 13, lambda p: schedulers.CosineAnnealingLR(p, STEPS - 13)),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_100_steps_equal_those_of_torch(name: str) -> None:
    # Catches a rate of the step before or after, an epoch's rate for all of its steps, a warm-up that begins at 0.
    schedule, theirs = CASES[name]
    expected = torchs(lambda p: torch.optim.SGD(p, RATE, momentum=0.5), theirs)
    check(ours(SGD(RATE, momentum=0.5), schedule=schedule), expected)


@engines
def test_both_engines_take_the_rate_of_every_step(engine: Any) -> None:
    schedule, theirs = CASES["warm-up"]
    expected = torchs(lambda p: torch.optim.SGD(p, RATE, momentum=0.5), theirs)
    check(ours(SGD(RATE, momentum=0.5), engine(), schedule=schedule), expected)


@pytest.mark.parametrize("larger", [False, True])
@pytest.mark.parametrize("cooldown", [0, 3])
def test_reduce_on_plateau_lowers_the_rate_when_torch_does(larger: bool, cooldown: int) -> None:
    rng = np.random.default_rng(3)
    scores = 1 + np.abs(np.linspace(-1, 1, 60)) * (-1 if larger else 1) + 0.05 * rng.normal(size=60)
    schedule = ReduceOnPlateau(
        larger_is_better=larger, decay=0.5, patience=2, threshold=0.01, cooldown=cooldown, final=0.01
    )
    state, rates = schedule.start(), []
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], RATE)
    theirs = schedulers.ReduceLROnPlateau(
        optimizer, "max" if larger else "min", 0.5, 2, 0.01, cooldown=cooldown, min_lr=0.01 * RATE
    )
    expected = []
    for score in scores.tolist():
        schedule.epoch_end(score, state)
        theirs.step(score)
        rates.append(RATE * schedule(Progress(0, 100, 10), state))
        expected.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx(expected, rel=1e-12)
    assert len(set(rates)) > 4
