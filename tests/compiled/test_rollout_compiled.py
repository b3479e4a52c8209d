"""`Rollout` in compiled code: each call of its layer, with states and gradients through all, as in NumPy."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pytest
from both_engines import difference, trainer

from minidl import (
    SGD,
    Dense,
    Dropout,
    GRULayer,
    HalfMSE,
    LastStep,
    Layer,
    LogCosh,
    LSTMLayer,
    MaxOverTime,
    MeanOverTime,
    Parallel,
    RecurrentLayer,
    ReluActivation,
    Rollout,
    Sequential,
    WeightedLeads,
)
from minidl.compiled import explain, generated, predictor
from minidl.compiled.choice import settings_obstacle, uneven_obstacle
from minidl.compiled.engine import CompiledEngine
from minidl.compiled.kernel import _FACTORIES, LayerKernel, kernel_of
from minidl.compiled.layout import layout_of
from minidl.randomness import generator_state
from minidl.training import Arrays, Training

N, T, F, STEPS = 70, 6, 3, 4
rng = np.random.default_rng(0)
X, Y, WEIGHT = rng.normal(size=(N, T, F)), rng.normal(size=(N, STEPS)), rng.integers(3, size=N)
slow = pytest.mark.slow


def net(*layers: Layer, **arguments: Any) -> Rollout:
    """A part with masks beside one without."""
    first = Sequential([Dropout(0.2, shared_over_time=True), *layers, LastStep(), Dense(1)])
    inner = Parallel([first, Sequential([LastStep(), Dense(1)])])
    model = Rollout(inner, **{"steps": STEPS, "target": 1, "later": True, **arguments})
    model.build((T, F), 5, "float64")
    return model


def trained(model: Layer, source: Arrays, loss: Any = None, **arguments: Any) -> tuple[Any, list[float], Any]:
    """Parameters and losses after a training, and where the generator of masks is; the model stays as it is."""
    made = trainer(model, **{"loss": loss or LogCosh(), "optimizer": SGD(0.3), "epochs": 3, **arguments})
    start = made.parameters.values.copy()
    losses = [record.train_loss for record in made.run(source)]
    end = made.parameters.values.copy()
    made.parameters.values[:] = start
    return end, losses, generator_state(made.streams.layers)


def check(model: Layer, source: Arrays, loss: Any = None, **arguments: Any) -> None:
    expected, losses, state = trained(model, source, loss)
    found, others, same = trained(model, source, loss, engine=CompiledEngine(), **arguments)
    assert difference(expected, found) < 1e-12
    np.testing.assert_allclose(others, losses, rtol=1e-12)
    assert state == same


def test_a_window_that_grows_trains_and_predicts_as_in_numpy() -> None:
    # Catches states, gradients and masks of another call, and a gradient that does not come back through states.
    model = net(RecurrentLayer(4), grow=True)
    check(model, Arrays(X, Y))
    predict = predictor(model)
    assert predict.engine == "compiled"
    np.testing.assert_allclose(predict(X), model(X), rtol=0, atol=1e-12)


CASES = {
    "window that moves": ([RecurrentLayer(4, bias=False)], {}),
    "window that moves, with masks of each row": ([Dropout(0.3), RecurrentLayer(4)], {}),
    "window that grows": ([GRULayer(4, recurrent_dropout=0.3)], {"grow": True}),
    "two states, two layers": ([LSTMLayer(4), RecurrentLayer(3, bias=False)], {"grow": True}),
    "start states": ([LSTMLayer(4, learnable_start=True)], {"grow": True}),
    "two steps": ([GRULayer(4)], {"grow": True, "steps": 2}),
    "one step": ([GRULayer(4)], {"grow": True, "steps": 1}),
    "more steps than rows": ([RecurrentLayer(4)], {"steps": 9}),
}


@slow
@pytest.mark.parametrize("later", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_both_engines_train_and_predict_alike(case: str, later: bool) -> None:
    layers, arguments = CASES[case]
    model = net(*copy.deepcopy(layers), later=later, **arguments)
    y = rng.normal(size=(N, model.steps))
    check(model, Arrays(X, y), HalfMSE())
    predict = predictor(model)
    np.testing.assert_allclose(predict(X), model(X), rtol=0, atol=1e-12)
    np.testing.assert_allclose(predict(X[0]), model(X)[0], rtol=0, atol=1e-12)


@slow
@pytest.mark.parametrize("later", [True, False])
def test_gradients_go_back_through_means_and_largest_values(later: bool) -> None:
    # Catches a gradient that ends at the state of a mean or of a largest value.
    over_time = Parallel([MeanOverTime(), Sequential([ReluActivation(), MaxOverTime()]), LastStep()])
    model = Rollout(Sequential([GRULayer(4), over_time, Dense(1)]), steps=STEPS, target=1, later=later, grow=True)
    model.build((T, F), 5, "float64")
    check(model, Arrays(X, Y))


@slow
def test_weights_of_leads_and_examples_count_and_threads_share_a_batch() -> None:
    model, loss = net(GRULayer(4, recurrent_dropout=0.3), grow=True), WeightedLeads(LogCosh(), [3, 1, 0.5, 2])
    check(model, Arrays(X, Y, weight=WEIGHT), loss)
    check(model, Arrays(X, Y), loss, threads=2)
    check(model, Arrays(X, Y, weight=WEIGHT), loss, threads=2)


@slow
def test_layers_before_a_rollout_get_their_gradient() -> None:
    # Catches a gradient of the column of x that a forecast takes the place of.
    before = RecurrentLayer(F)
    model = Sequential([before, net(RecurrentLayer(4), grow=True)])
    model.build((T, F), 5, "float64")
    check(model, Arrays(X, Y))


@pytest.mark.parametrize("grow", [False, True])
def test_the_text_is_as_long_for_many_calls_as_for_three(grow: bool) -> None:
    pytest.importorskip("numba")
    texts, loss, optimizer = [], kernel_of(LogCosh()), kernel_of(SGD(0.1))
    for steps in (3, 24):
        model = net(RecurrentLayer(4), steps=steps, grow=grow)
        layout = layout_of(model, (T, F), 8, "float64")
        source = generated.train_function(model, layout, (1, steps), loss, optimizer, 0)
        texts.append(source.text)
    few, many = ([line for line in text.splitlines() if re.search(r", p\d+_0", line)] for text in texts)
    assert len(few) == len(many) == 2 * 2 * 3 + grow  # both calls of three layers, there and back; `went_on`


def test_all_arrays_of_a_forecast_are_there_with_masks_of_each_call() -> None:
    pytest.importorskip("numba")
    model = net(RecurrentLayer(4), Dropout(0.3))
    text = generated.predict_function(model, layout_of(model, (T, F), 8, "float64")).text
    used, there = (set(re.findall(pattern, text)) for pattern in (r"\b[a-z]\d+_?\b", r"\b([a-z]\d+_?) = "))
    assert used <= there


class OwnMean(MeanOverTime):
    """A user's layer with a state, and a kernel that knows nothing of a gradient through it."""


def test_what_is_left_to_numpy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_FACTORIES, OwnMean, lambda layer: LayerKernel(print, print, carry=print))
    model = net(RecurrentLayer(4))
    assert explain(model, HalfMSE(), SGD(0.1)) == "compiled"
    for layer, what in (
        (Dropout(0.2), "Dropout inner.0.1, in a Rollout that grows, has masks that are not shared over time"),
        (OwnMean(), "OwnMean inner.0.1, in a Rollout that grows, has no kernel for states that go on"),
    ):
        first = Sequential([Dropout(0.2, shared_over_time=True), layer, Dense(1)])
        model = Rollout(Parallel([first]), steps=2, target=0, grow=True)
        assert explain(model, HalfMSE(), SGD(0.1)).startswith(f"numpy: {what}")
    expected = "the examples have lengths, and Rollout has no kernel for them"
    assert uneven_obstacle(model, HalfMSE(), lengths=True, weights=False) == expected
    expected = "training.bptt_steps is set, and Rollout has no kernel for states that go on"
    assert settings_obstacle(Training(bptt_steps=3), net(RecurrentLayer(4))) == expected
