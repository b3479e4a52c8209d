"""When examples count as learned by heart, and after which steps it is told how far the training is."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
from small import hourly_table, window_data

from minidl import SGD, Dense, LastStep, RecurrentLayer, Sequential
from minidl.core.errors import ConfigError
from minidl.experiment import Experiment
from minidl.metrics import Metric
from minidl.runs import overfitting
from minidl.runs.overfitting import STEPS, Known, _UntilLearned, overfit
from minidl.training import EpochRecord, Training

R2, ERROR = Metric("r2", "R²", True), Metric("rmse", "RMSE", False)


def experiment() -> Experiment:
    made = Experiment(
        model=Sequential([RecurrentLayer(3), LastStep(), Dense(1)]),
        data=window_data(hourly_table()),
        optimizer=SGD(0.05),
        training=Training(batch_size=4),
        engine="numpy",
    )
    made.evaluation.horizons = [4, 1]  # type: ignore[attr-defined]
    made.build_model()
    return made


def until(metric: Metric, start: float, loss: float, score: float) -> _UntilLearned:
    made = _UntilLearned(Known(0, start, 0.0), metric, lambda known: None)
    made.last = Known(1, loss, score)
    return made


@pytest.mark.parametrize(
    ("metric", "start", "loss", "score", "learned"),
    [
        (R2, 2.0, 0.19, 0.99, True),
        (R2, 2.0, 0.19, 0.98, False),
        (R2, 2.0, 0.21, 1.0, False),
        (R2, 0.0, 0.0, 1.0, True),
        (R2, 2.0, 0.019, math.nan, True),
        (R2, 2.0, 0.03, math.nan, False),
        (ERROR, 2.0, 0.019, 5.0, True),
        (ERROR, 2.0, 0.03, 0.0, False),
        (R2, -2.0, -3.81, 1.0, True),
        (R2, -2.0, -3.79, 1.0, False),
    ],
)
def test_what_is_learned_has_its_score_and_most_of_its_loss_is_gone(
    metric: Metric, start: float, loss: float, score: float, learned: bool
) -> None:
    assert until(metric, start, loss, score).learned is learned


def steps_told(last: int, learned_at: int | None = None) -> tuple[list[int], list[int]]:
    """The steps that are told of in a training that goes on whatever it is told, and those at which it is ended."""
    told, ended = list[Known](), list[int]()
    trainer: Any = SimpleNamespace(finished=None, finish=lambda why: ended.append(step))
    callback = _UntilLearned(Known(0, 2.0, 0.0), R2, told.append)
    for step in range(1, last + 1):
        loss = 0.0 if step == learned_at else 2.0
        trainer.finished = "learned" if step in (learned_at, STEPS) else None
        callback.on_epoch_end(trainer, EpochRecord(step, step, 1.0, loss, {"r2": 1.0}, 0.1, 0.0))
    assert told[-1] == Known(told[-1].step, 0.0 if told[-1].step == learned_at else 2.0, 1.0)
    return [known.step for known in told], ended


def test_steps_are_told_of_at_1_2_5_and_their_tens_and_at_the_end() -> None:
    marks = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]
    assert steps_told(5000) == (marks, [5000])
    assert steps_told(37, learned_at=37) == ([1, 2, 5, 10, 20, 37], [37])


def test_how_many_examples_is_a_number_of_at_least_one() -> None:
    with pytest.raises(ConfigError, match=r"^overfit: n: expected `int` >= 1, got 0"):
        overfit(experiment(), None, 0)  # type: ignore[arg-type]


def test_its_batches_are_of_the_config_where_there_are_enough_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overfitting, "STEPS", 2)
    made, told, lines = experiment(), list[Known](), list[str]()
    found = overfit(made, made.load_data(), 10, told.append, lines.append)
    assert (found.examples, found.end.step, made.training.batch_size) == (10, 3, 4)  # the epoch is ended, three steps
    assert lines == ["engine: numpy: the config asks for it"]
    assert [known.step for known in told] == [0, 3]
