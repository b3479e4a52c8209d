"""Copied, pickled, shared or built again: in both engines a trainer trains its model, a predictor has its weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from trainers import copies, data, engines, net, trainer, weights

from minidl import SGD, Dense, HalfMSE, LastStep, RecurrentLayer, Repeat, Sequential, fit
from minidl.compiled import predictor
from minidl.randomness import Streams
from minidl.training import Training


@copies
@engines
def test_a_copied_trainer_trains_its_own_model_as_the_first_one_would(
    copied: Callable[[Any], Any], engine: Callable[[], Any]
) -> None:
    # Caught here: views that became arrays of their own, so that the copy trained a vector without a model.
    first = trainer(net(), engine())
    second = copied(first)
    start = weights(first.model)
    history = second.run(data())
    assert weights(first.model) == start
    assert weights(second.model) != start
    again = first.run(data())
    assert weights(first.model) == weights(second.model)
    assert [record.train_loss for record in history] == [record.train_loss for record in again]


@copies
@engines
def test_a_trainer_copied_in_the_middle_goes_on_with_its_counters_and_its_optimizers_state(
    copied: Callable[[Any], Any], engine: Callable[[], Any]
) -> None:
    # The compiled engine is asked to stop between its calls only, so every epoch is one.
    first = trainer(net(), engine())
    first.settings = Training(epochs=2)
    first.run(data())
    second = copied(first)
    for one in (first, second):
        one.settings = Training(epochs=4)
        one.run(data())
    assert weights(first.model) == weights(second.model)
    assert first.step == second.step == 4
    assert [r.train_loss for r in first.history] == [r.train_loss for r in second.history]


@engines
@pytest.mark.parametrize("between", ["fit", "second trainer", "build", "bind", "assign", "copy"])
def test_a_trainer_goes_on_from_whatever_weights_its_model_has_now(between: str, engine: Callable[[], Any]) -> None:
    model, source = net(), data()
    made = trainer(model, engine())
    if between == "fit":
        fit(model, source.x, source.y, loss=HalfMSE(), optimizer=SGD(0.1))
    elif between == "second trainer":
        trainer(model).run(source)
    elif between == "build":
        model.build((6, 3), 7, "float64")
    elif between == "bind":
        model.bind({name: value + 0.125 for name, value in model.params.items()})
    elif between == "assign":
        for name in model.params:
            model.params[name] = model.params[name] + 0.125
    elif between == "copy":
        copy.deepcopy(made).run(source)
    alone = net()
    alone.bind({name: value.copy() for name, value in model.params.items()})
    trainer(alone, engine()).run(source)
    made.run(source)
    assert weights(model) == weights(alone)


@engines
def test_two_trainers_of_one_model_take_turns(engine: Callable[[], Any]) -> None:
    model, alone, source = net(), net(), data()
    pair = [trainer(model, engine(), SGD(0.1), epochs=1) for _ in range(2)]
    single = trainer(alone, engine(), SGD(0.1), epochs=1)
    for i in range(4):
        for one in (pair[i % 2], single):
            one.settings, one.streams = Training(epochs=one.epoch + 1, shuffle=False), Streams.from_seed(0)
            one.run(source)
    assert weights(model) == weights(alone)


@engines
def test_one_engine_serves_two_trainings_in_turn(engine: Callable[[], Any]) -> None:
    # Caught here: the function that was compiled for the first model was called for the second one.
    shared = engine()
    small = net()
    wide = Sequential([RecurrentLayer(6), LastStep(), Dense(1)])
    wide.build((6, 3), 0, "float64")
    for model in (small, wide, small):
        alone = copy.deepcopy(model)
        trainer(model, shared).run(data())
        trainer(alone, engine()).run(data())
        assert weights(model) == weights(alone)


# Predictors and streams.


@copies
@pytest.mark.parametrize("hidden", [4, 300], ids=["compiled", "large"])
def test_a_copied_predictor_gives_what_the_first_one_gives(copied: Callable[[Any], Any], hidden: int) -> None:
    model = net() if hidden == 4 else Sequential([Repeat(RecurrentLayer(4), times=2), LastStep(), Dense(1)])
    if hidden != 4:
        model.build((6, 3), 0, "float64")
    first = predictor(model)
    x = data().x
    for used in (False, True):
        if used:
            first(x), first(x[0])
        second = copied(first)
        np.testing.assert_allclose(second(x), model(x), rtol=1e-12)
        for window in x[:3]:
            np.testing.assert_allclose(second(window), model(window[None])[0], rtol=1e-12)


@copies
@pytest.mark.parametrize("make", [lambda m: m.stream(), lambda m: predictor(m).stream()], ids=["numpy", "compiled"])
def test_a_copied_stream_goes_on_where_the_first_one_stood(
    copied: Callable[[Any], Any], make: Callable[[Sequential], Any]
) -> None:
    # Caught here: a workspace whose views were copied one by one, so that the loop computed on empty buffers.
    model, x = net(), data().x[0]
    first = make(model)
    for step in x[:3]:
        first(step)
    second = copied(first)
    for step in x[3:]:
        a = first(step)
        b = second(step)
        assert a.tobytes() == b.tobytes()
    np.testing.assert_allclose(b, model(x[None])[0], rtol=1e-12)
