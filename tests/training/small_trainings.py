"""A small stack with its examples and trainer, and a callback that notes what it hears."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import SGD, Dense, HalfMSE, LastStep, Layer, RecurrentLayer, Sequential
from minidl.core.layer import Array
from minidl.randomness import Streams
from minidl.training import Callback, EpochRecord, Trainer, Training

N, T, F = 10, 4, 2


def stack(last_step: bool = True, hidden_size: int = 3) -> Sequential:
    layers: list[Layer] = [RecurrentLayer(hidden_size), LastStep(), Dense(1)]
    model = Sequential(layers if last_step else [layers[0], layers[2]])
    model.build((T, F), 7, "float64")
    return model


def examples(last_step: bool = True, n: int = N) -> tuple[Array, Array]:
    """Inputs and targets that may not be written to."""
    rng = np.random.default_rng(11)
    x, y = rng.standard_normal((n, T, F)), rng.standard_normal((n, 1) if last_step else (n, T, 1))
    x.flags.writeable = y.flags.writeable = False
    return x, y


def trainer(model: Layer, seed: int = 0, **settings: Any) -> Trainer:
    stop = settings.pop("should_stop", lambda: False)
    optimizer = settings.pop("optimizer", SGD(0.1))
    settings = {"epochs": 2, "batch_size": 4, **settings}
    return Trainer(
        model,
        loss=HalfMSE(),
        optimizer=optimizer,
        settings=Training(**settings),
        streams=Streams.from_seed(seed),
        should_stop=stop,
    )


class Diary(Callback):
    def __init__(self) -> None:
        self.events: list[str] = []

    def on_start(self, trainer: Trainer) -> None:
        self.events.append(f"start at step {trainer.step}")

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        assert trainer.history[-1] is record
        self.events.append(f"epoch {trainer.epoch} at step {trainer.step}")

    def on_end(self, trainer: Trainer) -> None:
        self.events.append(f"end at step {trainer.step}")
