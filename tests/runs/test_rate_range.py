"""What a range test makes of its losses, number by number, and where it ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small import hourly_table, window_data

from minidl import SGD, Adam, Dense, LastStep, Optimizer, RecurrentLayer, Sequential
from minidl.core.errors import ConfigError, NumericalError
from minidl.experiment import Experiment
from minidl.runs import rate_range
from minidl.runs.rate_range import RateRange, _found, _Recorded, _smoothed, range_test
from minidl.training import NumpyEngine, Trainer, Training


def experiment(every_step: bool = False, **settings: Any) -> Experiment:
    middle = [] if every_step else [LastStep()]
    made = Experiment(
        model=Sequential([RecurrentLayer(3), *middle, Dense(1)]),
        data=window_data(hourly_table()),
        optimizer=SGD(0.05),
        training=Training(**settings),
        dtype="float64",
        engine="numpy",
    )
    made.evaluation.horizons = [4, 1]  # type: ignore[attr-defined]
    made.build_model()
    return made


def ended(losses: list[float], steps: int = 100) -> bool:
    recorded = _Recorded(NumpyEngine(), steps)
    recorded.losses = losses
    return recorded.enough()


def test_losses_are_averaged_with_as_many_to_each_side_of_those_that_there_are() -> None:
    for n, side in ((20, 1), (39, 1), (40, 2), (60, 3), (5, 1)):
        losses = np.random.default_rng(n).normal(size=n)
        means = [losses[max(0, i - side) : i + side + 1].mean() for i in range(n)]
        np.testing.assert_allclose(_smoothed(losses), means, rtol=1e-12)


def found(losses: list[float], optimizer: type[Optimizer] = Adam, steps: int = 40) -> RateRange:
    return _found(losses, np.arange(float(len(losses))), steps, optimizer(0.1))


def test_the_suggestion_is_a_factor_below_the_rate_from_which_the_loss_climbs() -> None:
    # 10 until step 10, falling by 0.5 a step to 0 at step 30, rising by 0.5 a step. Means of five: the lowest is
    # 0.5 · (0 + 2 · 1 + 2 · 2) / 5 = 0.6 at step 30; 30 % of the fall above it are 3.42; the mean at 30 + k is 0.5 k.
    losses = [*[10.0] * 10, *(abs(i - 30) / 2 for i in range(10, 50))]
    got = found(losses, steps=50)
    assert (got.lowest, got.climbs, got.suggestion) == (30.0, 37.0, 3.7)
    assert found(losses, SGD).suggestion == 37 / 4
    assert (got.rates[1], got.losses, got.smoothed[30]) == (1.0, losses, pytest.approx(0.6))


def test_where_the_loss_climbs_nowhere_most_of_its_fall_is_done_at_the_suggestion() -> None:
    # Means of five fall from 10 by 0.5 a step, from step 12 on; 8 of 10 are done where they are 2, at step 26.
    losses = [*[10.0] * 10, *((30 - i) / 2 for i in range(10, 30)), *[0.0] * 10]
    assert (found(losses).climbs, found(losses).suggestion) == (None, 26.0)


def test_a_training_that_broke_has_its_edge_at_its_last_rate() -> None:
    # Caught here: a loss that is infinite at once has no smoothed loss that climbs.
    losses = [*[10.0] * 10, *((30 - i) / 2 for i in range(10, 30)), *[0.0] * 10]
    got = found(losses, steps=41)
    assert (got.climbs, got.suggestion) == (39.0, 3.9)


@pytest.mark.parametrize(("optimizer", "below"), [(SGD(0.1), 4), (SGD(0.1, momentum=0.9), 4), (Adam(), 10)])
def test_a_suggestion_of_sgd_is_nearer_to_the_edge(optimizer: Optimizer, below: int) -> None:
    made = experiment()
    made.optimizer = optimizer
    got = range_test(made, made.load_data(), high=100.0)
    assert got.climbs is not None
    assert got.suggestion == got.climbs / below


@pytest.mark.parametrize(("start", "end"), [(10.0, 8.9), (-1.0, -1.11)])
def test_a_fall_by_less_than_a_tenth_suggests_nothing(start: float, end: float) -> None:
    assert found([start] * 20 + [end] * 20).suggestion is not None
    nearly = start + 0.8 * (end - start)
    assert found([start] * 20 + [nearly] * 20).suggestion is None


@pytest.mark.parametrize(
    ("before", "just", "beyond"),
    [
        ([1.0] * 19, 15.9, 16.1),  # the mean of the last five is (4 + x) / 5, the limit 1 + 3 · 1
        ([2.0] * 5 + [1.0] * 14, 30.9, 31.1),  # 1 + 3 · 2
        ([-2.0] * 19, 27.9, 28.1),  # -2 + 3 · 2
    ],
)
def test_it_ends_where_the_last_losses_are_beyond_all_use(before: list[float], just: float, beyond: float) -> None:
    assert not ended([*before, just])
    assert ended([*before, beyond])
    assert not ended([*before[1:], beyond])  # 19 steps


def test_it_ends_after_its_steps() -> None:
    assert ended([1.0] * 20, steps=20)
    assert not ended([1.0] * 20, steps=21)
    assert not ended([1.0] * 19, steps=10)


@pytest.mark.parametrize("steps", [19, 20])
def test_a_loss_that_is_not_finite_ends_it_where_there_are_steps_enough(
    steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Breaking(NumpyEngine):
        def advance(self, trainer: Any, *rest: Any) -> tuple[int, float]:
            if trainer.step == steps:
                raise NumericalError("broken")
            return super().advance(trainer, *rest)

    monkeypatch.setattr(rate_range, "choose_engine", lambda *_: (Breaking(), "numpy"))
    made = experiment(batch_size=9)
    if steps < 20:
        with pytest.raises(NumericalError, match="broken"):
            range_test(made, made.load_data(), steps=40)
    else:
        assert len(range_test(made, made.load_data(), steps=40).losses) == steps


@pytest.mark.parametrize(("low", "high"), [(1e-3, 1e-3), (1e-3, np.inf), (-1.0, 1.0)])
def test_rates_that_are_no_range_are_refused(low: float, high: float) -> None:
    with pytest.raises(ConfigError, match=r"^range test: expected rates 0 < low < high, got "):
        range_test(experiment(), None, low=low, high=high)  # type: ignore[arg-type]


def test_streams_have_a_step_an_epoch_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    trainers: list[Trainer] = []
    chosen = rate_range.choose_engine
    monkeypatch.setattr(rate_range, "choose_engine", lambda t, *rest: trainers.append(t) or chosen(t, *rest))
    made, told = experiment(every_step=True, batch_size=4, bptt_steps=10), list[str]()
    got = range_test(made, made.load_data(), low=1e-4, high=1e-3, steps=25, notify=told.append)
    assert len(got.losses) == 25
    assert trainers[0].settings.epochs == 25
    assert told == ["engine: numpy: the config asks for it"]


def test_rates_go_from_the_first_to_the_last_by_one_factor() -> None:
    asked = experiment(batch_size=16)
    got = range_test(asked, asked.load_data(), low=1e-6, high=1e-3, steps=25)
    np.testing.assert_allclose(got.rates, np.geomspace(1e-6, 1e-3, 25), rtol=1e-9)
