"""The layer protocol's promises, checked on every layer of the library from one table.

A new layer needs a row here; `check_layer` does the rest (see test_layer_faults.py for
what it catches).
"""

from __future__ import annotations

import copy

import numpy as np
import pytest
from user_layers import InputSlope, OutputSlope, Scale

from minidl import (
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    FastGRNNLayer,
    GRULayer,
    IdentityActivation,
    IndRNNLayer,
    JANETLayer,
    LastStep,
    Layer,
    LayerNorm,
    LeakyLayer,
    LSTMLayer,
    MaxOverTime,
    MeanOverTime,
    MGULayer,
    MinGRULayer,
    Parallel,
    RecurrentLayer,
    ReluActivation,
    Repeat,
    Residual,
    Rollout,
    SelectFeatures,
    Sequential,
    SigmoidActivation,
    SLSTMLayer,
    Softmax,
    StepsAhead,
    TanhActivation,
    load,
)
from minidl.core.initializers import glorot_uniform, orthogonal
from minidl.core.registry import lookup, names
from minidl.testing.checks import check_layer, run_checks
from minidl.testing.fresh_process import CHILD

# name: (layer, input shape without the batch axis; None: any number of time steps)
ONE_STEP = Sequential([GRULayer(2), LastStep(), Dense(1)])
CASES: dict[str, tuple[Layer, tuple[int | None, ...]]] = {
    "RecurrentLayer": (RecurrentLayer(3), (5, 2)),
    "RecurrentLayer without bias, any length": (RecurrentLayer(2, bias=False), (None, 6)),
    "RecurrentLayer of one unit": (RecurrentLayer(1), (4, 1)),
    "RecurrentLayer of 33 units, in rows": (RecurrentLayer(33), (4, 2)),
    "RecurrentLayer of 40 units, in rows, without bias": (RecurrentLayer(40, bias=False), (None, 3)),
    "RecurrentLayer with ReLU": (RecurrentLayer(4, activation=ReluActivation()), (5, 2)),
    "RecurrentLayer with sigmoid, in rows": (RecurrentLayer(32, activation=SigmoidActivation()), (4, 2)),
    "RecurrentLayer without activation": (
        RecurrentLayer(3, activation=IdentityActivation(), recurrent_initializer=orthogonal),
        (4, 2),
    ),
    "RecurrentLayer with a user's plain layer": (RecurrentLayer(3, activation=InputSlope()), (4, 2)),
    "RecurrentLayer with a user's plain layer, in rows": (RecurrentLayer(33, activation=InputSlope()), (3, 2)),
    "RecurrentLayer with a user's activation": (RecurrentLayer(3, activation=OutputSlope()), (4, 2)),
    "LSTMLayer": (LSTMLayer(3), (5, 2)),
    "LSTMLayer with peepholes, any length": (LSTMLayer(2, peepholes=True, forget_bias=0.5), (None, 3)),
    "LSTMLayer without bias, of one unit": (LSTMLayer(1, bias=False), (4, 1)),
    "GRULayer": (GRULayer(3), (5, 2)),
    "GRULayer, reset before the product": (GRULayer(3, reset_after=False), (None, 2)),
    "MGULayer": (MGULayer(3), (4, 2)),
    "JANETLayer": (JANETLayer(3, beta=0.5), (4, 2)),
    "IndRNNLayer": (IndRNNLayer(3), (4, 2)),
    "LeakyLayer": (LeakyLayer(3), (4, 2)),
    "FastGRNNLayer": (FastGRNNLayer(3), (4, 2)),
    "MinGRULayer": (MinGRULayer(3), (4, 2)),
    "SLSTMLayer": (SLSTMLayer(3), (4, 2)),
    "SLSTMLayer of two heads, without bias": (SLSTMLayer(4, heads=2, bias=False), (None, 2)),
    "LSTMLayer with a start state that is learned": (LSTMLayer(3, learnable_start=True), (5, 2)),
    "MinGRULayer with a start state that is learned": (MinGRULayer(3, learnable_start=True), (None, 2)),
    "LSTMLayer with recurrent dropout": (LSTMLayer(3, recurrent_dropout=0.4), (5, 2)),
    "GRULayer with recurrent dropout, reset before": (GRULayer(3, reset_after=False, recurrent_dropout=0.4), (4, 2)),
    "SLSTMLayer with recurrent dropout": (SLSTMLayer(4, heads=2, recurrent_dropout=0.4), (3, 2)),
    "Dropout": (Dropout(0.4), (5, 3)),
    "Dropout on rows": (Dropout(0.4), (4,)),
    "Dropout shared over time": (Dropout(0.4, shared_over_time=True), (None, 3)),
    "Embedding": (Embedding(5, output_size=3), (None, 1)),
    "Embedding of two symbols a row": (Embedding(4, output_size=2), (2,)),
    "Sequential that begins with an Embedding": (
        Sequential([Sequential([Embedding(6, output_size=2)]), GRULayer(3), MeanOverTime()]),
        (5, 2),
    ),
    "LayerNorm": (LayerNorm(), (None, 4)),
    "LayerNorm on rows": (LayerNorm(epsilon=0.1), (3,)),
    "Softmax": (Softmax(), (5, 3)),
    "Softmax on rows": (Softmax(), (4,)),
    "MeanOverTime": (MeanOverTime(), (None, 3)),
    "MaxOverTime": (MaxOverTime(), (5, 3)),
    "Dense on sequences": (Dense(3), (5, 4)),
    "Dense on rows, without bias": (Dense(2, bias=False, weight_initializer=glorot_uniform), (4,)),
    "TanhActivation": (TanhActivation(), (5, 3)),
    "SigmoidActivation": (SigmoidActivation(), (3,)),
    "ReluActivation": (ReluActivation(), (None, 3)),
    "IdentityActivation": (IdentityActivation(), (5, 3)),
    "LastStep": (LastStep(), (5, 3)),
    "Sequential: the textbook's deep net": (
        Sequential([RecurrentLayer(2, bias=False), RecurrentLayer(2, bias=False), LastStep(), Dense(1, bias=False)]),
        (24, 6),
    ),
    "Sequential, nested": (
        Sequential([Sequential([RecurrentLayer(3), Scale()]), Sequential([LastStep(), Dense(2)])]),
        (None, 2),
    ),
    "Sequential with both memory layouts": (Sequential([RecurrentLayer(33), RecurrentLayer(3), Dense(1)]), (3, 2)),
    "Repeat": (Repeat(RecurrentLayer(2), times=3), (4, 2)),
    "Repeat of a stack, in a stack": (
        Sequential([Repeat(Sequential([RecurrentLayer(2), TanhActivation()]), times=2), LastStep()]),
        (4, 2),
    ),
    "Sequential of gated layers, from both ends": (
        Sequential([Bidirectional(LSTMLayer(2)), Residual(GRULayer(4)), LastStep()]),
        (None, 3),
    ),
    "SelectFeatures": (SelectFeatures([2, 0]), (None, 3)),
    "Residual": (Residual(RecurrentLayer(3)), (None, 3)),
    "Rollout": (Rollout(Sequential([GRULayer(3), LastStep(), Dense(1)]), steps=4, target=1), (None, 2)),
    "StepsAhead": (StepsAhead(3), (None, 2)),
    "StepsAhead in a stack": (Sequential([GRULayer(2), Dense(1), StepsAhead(4)]), (6, 3)),
    "Rollout with later rows": (Rollout(ONE_STEP, steps=3, target=1, later=True), (None, 2)),
    "Rollout that grows": (Rollout(copy.deepcopy(ONE_STEP), steps=3, target=1, later=True, grow=True), (None, 2)),
    "Rollout of one step": (Rollout(Sequential([LastStep(), Dense(1)]), steps=1, target=0), (3, 2)),
    "Rollout beyond its window, in a stack": (
        Sequential([Rollout(Sequential([RecurrentLayer(2), MeanOverTime(), Dense(1)]), steps=5, target=0), Dense(2)]),
        (3, 1),
    ),
    "Parallel": (Parallel([LastStep(), Sequential([RecurrentLayer(2), LastStep()])], merge="concat"), (4, 3)),
    "Bidirectional": (Bidirectional(Repeat(RecurrentLayer(2), times=2), merge="add"), (None, 3)),
}


@pytest.mark.parametrize("name", CASES)
def test_keeps_the_layer_protocol(name):
    layer, input_shape = CASES[name]
    check_layer(layer, input_shape)


@pytest.mark.parametrize("name", CASES)
def test_is_saved_in_a_stack_and_loaded_and_computes_the_same_bytes(name, tmp_path):
    layer, input_shape = CASES[name]
    for dtype in ("float32", "float64"):
        model = Sequential([copy.deepcopy(layer)])
        model.build(input_shape, 1, dtype)
        model.save(tmp_path / "model")
        loaded = load(tmp_path / "model")
        shape = (3, *(5 if n is None else n for n in input_shape))
        x = model.example_input(shape, np.random.default_rng(2))
        assert loaded(x).tobytes() == model(x).tobytes()
        assert (loaded.input_shape, loaded.dtype) == (input_shape, dtype)
        assert loaded.params.keys() == model.params.keys()


def test_a_stack_in_which_one_layer_stands_twice_keeps_it_within_a_process(monkeypatch):
    # A config has no way to say that two places hold one layer, and it refuses to; all else holds.
    monkeypatch.setenv(CHILD, "")
    shared = RecurrentLayer(2)
    results = run_checks(Sequential([shared, TanhActivation(), shared]), (4, 2))
    assert [result.name for result in results if result.error] == ["the layer is rebuilt from its config"]


def test_no_registered_layer_is_missing_from_the_table():
    # Layers that other tests or the user register do not count.
    library = [cls for cls in (lookup(Layer, name) for name in names(Layer)) if cls.__module__.startswith("minidl.")]
    covered = {type(layer) for layer, _ in CASES.values()}
    missing = [cls.__name__ for cls in library if cls not in covered]
    assert len(library) >= 28
    assert not missing, f"add a row to CASES in test_layer_contract.py for: {', '.join(missing)}"
