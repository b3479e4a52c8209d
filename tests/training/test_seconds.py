"""The seconds of an epoch, by a clock on which every step takes one second."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minidl import SGD, Dense, HalfMSE, LastStep, RecurrentLayer, Sequential
from minidl.randomness import Streams
from minidl.training import Arrays, Trainer, Training

EXAMPLES = Arrays(np.ones((12, 4, 2)), np.ones((12, 1)))  # three steps an epoch


class SlowLoss(HalfMSE):
    """One second a call."""

    def __init__(self, clock: list[float]) -> None:
        self.clock = clock

    def __call__(self, *arguments: Any) -> Any:
        self.clock[0] += 1
        return super().__call__(*arguments)


def trainer(clock: list[float]) -> Trainer:
    model = Sequential([RecurrentLayer(2), LastStep(), Dense(1)])
    model.build((4, 2), 0, "float64")
    return Trainer(
        model,
        loss=SlowLoss(clock),
        optimizer=SGD(0.1),
        settings=Training(epochs=2, batch_size=4),
        streams=Streams.from_seed(0),
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("minidl.training.loop.time", SimpleNamespace(perf_counter=lambda: now[0]))
    return now


def test_an_epochs_seconds_are_those_of_its_steps_and_its_validation(clock: list[float]) -> None:
    history = trainer(clock).run(EXAMPLES, EXAMPLES)
    assert [record.seconds for record in history] == [4.0, 4.0]  # three steps, and the loss of all validation examples


def test_an_epoch_that_was_interrupted_counts_its_seconds_on_both_sides(clock: list[float]) -> None:
    first = trainer(clock)
    first.should_stop = lambda: clock[0] == 1002.0
    assert first.run(EXAMPLES) == []
    assert (first.position.examples, first.position.seconds) == (8, 2.0)
    clock[0] = 5000.0  # while nobody trains, no second counts
    first.should_stop = lambda: False
    assert [record.seconds for record in first.run(EXAMPLES)] == [3.0, 3.0]
