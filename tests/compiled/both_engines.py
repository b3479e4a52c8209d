"""A small model, its data and its trainers: trained twice, once in each engine."""

from __future__ import annotations

import copy

import numpy as np

from minidl import SGD, Dense, HalfMSE, LastStep, RecurrentLayer, Sequential
from minidl.compiled.engine import CompiledEngine
from minidl.data import Windows
from minidl.randomness import Streams
from minidl.training import Trainer, Training

X = np.random.default_rng(0).normal(size=(40, 6, 3))
Y = np.random.default_rng(1).normal(size=(40, 1))


def built(*layers, dtype="float64"):
    model = Sequential([*(layers or [RecurrentLayer(4)]), LastStep(), Dense(1)])
    model.build((6, 3), 5, dtype)
    return model


def windows(n, *, time_steps=6, features=3, every_step=False, leads=1, dtype="float64", seed=1):
    """`n` overlapping windows of random rows, with the first column as target."""
    values = np.random.default_rng(seed).normal(size=(n + time_steps + leads - 1, features)).astype(dtype)
    return Windows(values, np.arange(n, dtype=np.int64), time_steps, 0, every_step, leads)


def trainer(model, *, engine=None, loss=None, optimizer=None, **settings):
    return Trainer(
        model,
        loss=loss or HalfMSE(),
        optimizer=optimizer or SGD(0.1),
        settings=Training(**{"epochs": 1, "batch_size": 16, **settings}),
        streams=Streams.from_seed(3),
        engine=engine,
    )


def train_both(model, source, *, validation=None, **arguments):
    """(NumPy trainer, compiled trainer) after the same training; the model is built and stays as it is."""
    trainers = []
    for engine in (None, CompiledEngine()):
        one = trainer(copy.deepcopy(model), engine=engine, **copy.deepcopy(arguments))
        one.run(source, validation)
        trainers.append(one)
    return trainers


def difference(a, b):
    """The largest difference of two arrays, relative to the largest entry."""
    return float(np.abs(a - b).max() / np.abs(a).max())
