"""Small models with their trainers, on both engines, and the ways to copy them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import Adam, Dense, HalfMSE, LastStep, Layer, RecurrentLayer, Sequential
from minidl.compiled.engine import CompiledEngine
from minidl.randomness import Streams
from minidl.training import Arrays, Trainer, Training

COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda item: pickle.loads(pickle.dumps(item)),
}
copies = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
engines = pytest.mark.parametrize("engine", [lambda: None, CompiledEngine], ids=["numpy", "compiled"])


def net(seed: int = 0) -> Sequential:
    model = Sequential([RecurrentLayer(4), LastStep(), Dense(1)])
    model.build((6, 3), seed, "float64")
    return model


def data() -> Arrays:
    rng = np.random.default_rng(0)
    return Arrays(rng.normal(size=(50, 6, 3)), rng.normal(size=(50, 1)))


def trainer(model: Layer, engine: Any = None, optimizer: Any = None, epochs: int = 3) -> Trainer:
    settings, streams = Training(epochs=epochs), Streams.from_seed(0)
    return Trainer(
        model, loss=HalfMSE(), optimizer=optimizer or Adam(0.05), settings=settings, streams=streams, engine=engine
    )


def weights(model: Layer) -> bytes:
    return b"".join(value.tobytes() for value in model.params.values())
