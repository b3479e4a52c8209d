"""Three long series, and a trainer that goes along them."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import SGD, Dense, HalfMSE, Layer, Sequential
from minidl.randomness import Streams
from minidl.training import Trainer, Training

S, L, F = 3, 20, 2
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((S, L, F)), RNG.standard_normal((S, L, 1))


def net(layers: list[Layer], outputs: int = 1, features: int = F) -> Sequential:
    model = Sequential([*layers, Dense(outputs)])
    model.build((None, features), 7, "float64")
    return model


def trainer(model: Layer, stop: Any = lambda: False, loss: Any = None, **settings: Any) -> Trainer:
    arguments = {"epochs": 2, "batch_size": S, "shuffle": False, **settings}
    made = Training(**arguments)
    streams = Streams.from_seed(0)
    return Trainer(model, loss=loss or HalfMSE(), optimizer=SGD(0.5), settings=made, streams=streams, should_stop=stop)
