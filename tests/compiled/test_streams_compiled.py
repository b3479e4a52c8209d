"""Truncated backpropagation in compiled code: as in NumPy, in one thread or two, and to the same bytes when stopped."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from both_engines import difference

from minidl import (
    Adam,
    Dense,
    Dropout,
    GRULayer,
    HalfMSE,
    IndRNNLayer,
    LSTMLayer,
    RecurrentLayer,
    Sequential,
    SLSTMLayer,
)
from minidl.compiled.choice import settings_obstacle
from minidl.compiled.engine import CompiledEngine
from minidl.compiled.kernel import LayerKernel, kernel_of, register_kernel
from minidl.core.layer import Layer
from minidl.randomness import Streams
from minidl.training import Arrays, Trainer, Training
from minidl.training.records import never

S, L, F = 13, 23, 2
RNG = np.random.default_rng(0)
X, Y, WEIGHT = RNG.standard_normal((S, L, F)), RNG.standard_normal((S, L, 1)), RNG.uniform(0.5, 2, (S, L))
LENGTHS = np.array([23, 7, 12, 20, 3, 23, 23, 9, 14, 6, 18, 2, 1])


def net(*layers: Layer) -> Sequential:
    model = Sequential([*copy.deepcopy(layers), Dense(1)])
    model.build((None, F), 7, "float64")
    return model


def trainer(model: Layer, engine: Any = None, stop: Any = never, **settings: Any) -> Trainer:
    settings = {"epochs": 2, "batch_size": S, "bptt_steps": 6, **settings}
    return Trainer(
        model,
        loss=HalfMSE(),
        optimizer=Adam(0.05),
        settings=Training(**settings),
        streams=Streams.from_seed(0),
        engine=engine,
        should_stop=stop,
    )


# Adam enlarges rounding where gradients are small, hence 1e-9.
def agree(layers: list[Layer], source: Arrays, **settings: Any) -> None:
    plain, fast = trainer(net(*layers), **settings), trainer(net(*layers), CompiledEngine(), **settings)
    plain.run(source)
    fast.run(source)
    assert fast.step == plain.step
    for name, value in plain.model.params.items():
        assert difference(value, fast.model.params[name]) < 1e-9, name
    for one, other in zip(plain.history, fast.history, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-12)


# Fails if the state is not carried on, if its part of dW_hh is left out, or if lanes change places.
@pytest.mark.parametrize("settings", [{}, {"batch_size": 4}, {"batch_size": 26, "bptt_steps": 4}])
def test_streams_are_trained_as_in_numpy(settings: dict[str, Any]) -> None:
    agree([RecurrentLayer(4)], Arrays(X, Y), **settings)


@pytest.mark.slow
def test_two_threads_train_streams_as_numpy_does() -> None:
    agree([RecurrentLayer(4)], Arrays(X, Y), threads=2)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [S, 4])
def test_streams_of_different_length_with_weights_too(batch_size: int) -> None:
    x, y = X.copy(), Y.copy()
    for s, n in enumerate(LENGTHS):
        x[s, n:] = y[s, n:] = np.nan
    agree([Dropout(0.2), RecurrentLayer(4, bias=False)], Arrays(x, y, LENGTHS, WEIGHT), batch_size=batch_size)


@pytest.mark.slow
@pytest.mark.parametrize(
    "layer",
    [
        LSTMLayer(4, learnable_start=True),
        LSTMLayer(4),
        GRULayer(3, reset_after=False, recurrent_dropout=0.3),
        GRULayer(3, reset_after=False),
        IndRNNLayer(4),
        SLSTMLayer(4, heads=2),
    ],
    ids=lambda layer: repr(layer),
)
def test_cells_go_along_streams_as_in_numpy(layer: Layer) -> None:
    agree([layer], Arrays(X, Y))


@pytest.mark.parametrize("threads", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_training_that_was_stopped_goes_on_to_the_same_bytes(at: int, threads: int) -> None:
    settings: dict[str, Any] = {"batch_size": 9, "bptt_steps": 3, "threads": threads, "shuffle": False}
    whole = trainer(net(RecurrentLayer(4)), CompiledEngine(), **settings)
    whole.run(Arrays(X, Y))
    calls = iter(range(1, 99))
    stopped = trainer(net(RecurrentLayer(4)), CompiledEngine(), lambda: next(calls) == at, **settings)
    stopped.run(Arrays(X, Y))
    assert 0 < stopped.step < whole.step
    going = copy.deepcopy(stopped)
    going.should_stop = never
    going.run(Arrays(X, Y))
    for name, value in going.model.params.items():
        assert value.tobytes() == whole.model.params[name].tobytes()


class Own(RecurrentLayer):
    """One whose kernel does not say what windows that go on need."""


def test_a_kernel_that_knows_of_no_start_state_is_left_to_numpy() -> None:
    known = kernel_of(RecurrentLayer(4))
    register_kernel(Own)(lambda layer: LayerKernel(known.forward, known.backward, known.scratch, known.carry))
    model = net(Own(4))
    reason = settings_obstacle(Training(bptt_steps=5), model)
    assert reason == "training.bptt_steps is set, and Own 0 has no kernel for states that go on"
    assert settings_obstacle(Training(), model) is None
