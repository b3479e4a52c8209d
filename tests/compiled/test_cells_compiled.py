"""Cells in compiled code: as in NumPy, forward, backward, step by step and for sequences of different length."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from both_engines import built, difference, trainer, windows
from uneven import end_of, padded

from minidl import (
    SGD,
    Bidirectional,
    Dense,
    FastGRNNLayer,
    GRULayer,
    HalfMSE,
    IndRNNLayer,
    JANETLayer,
    LastStep,
    LeakyLayer,
    LSTMLayer,
    MGULayer,
    MinGRULayer,
    Sequential,
    SLSTMLayer,
)
from minidl.compiled import explain, predictor
from minidl.compiled.engine import CompiledEngine
from minidl.compiled.kernels.cells import cell as kernel_of_cell
from minidl.layers.recurrent.cell import Cell
from minidl.layers.recurrent.design import Gate
from minidl.layers.recurrent.tracing import sigmoid
from minidl.training import Arrays


@dataclass(eq=False, repr=False)
class Everything(Cell):
    """All that a cell may have but heads: parts of x and h apart, x alone, a late product, two states, a vector."""

    states: ClassVar[Any] = ("h", "c")
    vectors: ClassVar[Any] = {"p": lambda shape, rng, dtype: rng.normal(size=shape).astype(dtype)}

    def all_gates(self):
        return [Gate("late", of="reset"), Gate("n", apart=True), Gate("z"), Gate("x", recurrent=False), Gate("r")]

    def reset(self, r, h, p):
        return sigmoid(r + p) * h

    def equations(self, late, n_x, n_h, z, x, r, h, c, p):
        c_next = sigmoid(z) * c + np.tanh(n_x + sigmoid(r) * n_h) * np.maximum(x, -0.5)
        return np.tanh(c_next + late) - 0.1 * h + p * sigmoid(late), c_next


@dataclass(eq=False, repr=False)
class ByHand(GRULayer):
    """A gradient that is written by hand, where the reset comes before the product."""

    reset_after: bool = False

    def equations_backward(self, z, r, h, n, dh):
        s, c = sigmoid(z), np.tanh(n)
        return {"z": dh * (h - c) * s * (1 - s), "r": 0.0, "n": dh * (1 - s) * (1 - c * c), "h": dh * s}


@dataclass(eq=False, repr=False)
class EverythingDiagonal(Everything):
    """The same, where each unit sees itself alone."""

    recurrent: ClassVar[Any] = "diagonal"


INDEPENDENT = IndRNNLayer(5)
ALL = [
    LSTMLayer(5),
    Everything(5),
    SLSTMLayer(6, heads=2),
    EverythingDiagonal(5),
    LSTMLayer(5, peepholes=True, bias=False),
    GRULayer(5),
    GRULayer(5, reset_after=False),
    GRULayer(5, bias=False),
    MGULayer(5),
    JANETLayer(5),
    INDEPENDENT,
    LeakyLayer(5),
    FastGRNNLayer(5),
    MinGRULayer(5),
    ByHand(5),
]


def all_cells(quick):
    """Every cell; each takes seconds to compile, so only one is in the normal run."""
    given = [pytest.param(layer, marks=() if layer is quick else pytest.mark.slow) for layer in ALL]
    return pytest.mark.parametrize("layer", given, ids=lambda layer: type(layer).__name__)


def with_all(layer: Cell) -> Cell:
    """The same with a start that is learned, and units that are left out, where it multiplies h."""
    multiplied = any(gate.recurrent for gate in layer.all_gates())
    return dataclasses.replace(layer, learnable_start=True, recurrent_dropout=0.3 if multiplied else 0.0)


def elsewhere(model: Sequential) -> Sequential:
    """The same model; states do not start at 0."""
    rng = np.random.default_rng(8)
    for name, value in model.params.items():
        if name.endswith("_0"):
            value[...] = rng.uniform(0.2, 1, size=value.shape)  # sLSTM divides by n
    return model


def both_ends(model, source, **arguments):
    return [end_of(model, source, HalfMSE(), engine, **arguments) for engine in (None, CompiledEngine())]


@all_cells(ALL[0])
def test_a_cell_trains_and_predicts_as_in_numpy(layer: Cell) -> None:
    model = elsewhere(built(layer, with_all(layer)))
    (expected, losses), (found, same) = both_ends(model, windows(40), optimizer=SGD(0.1))
    assert difference(found, expected) < 1e-12
    np.testing.assert_allclose(same, losses, rtol=1e-12)
    x = np.random.default_rng(2).normal(size=(7, 6, 3))
    predict = predictor(model)
    assert predict.engine == "compiled"
    np.testing.assert_allclose(predict(x), model(x), rtol=1e-12)
    np.testing.assert_allclose(predict(x[0]), model(x[:1])[0], rtol=1e-12)  # in a single lane


@all_cells(ALL[0])
def test_a_stream_of_a_cell_goes_on_from_a_state_of_either_engine(layer: Cell) -> None:
    model = Sequential([layer, with_all(layer)])
    model.build((None, 3), 5, "float64")
    elsewhere(model)
    x = np.random.default_rng(2).normal(size=(9, 3))
    expected = model(x[None])[0]
    ours, other = predictor(model).stream(), model.stream()
    for t in range(5):
        np.testing.assert_allclose(ours(x[t]), expected[t], rtol=1e-11)
        other(x[t])
    crossed = predictor(model).stream(other.state), model.stream(ours.state)
    for t in range(5, 9):
        for stream in crossed:
            np.testing.assert_allclose(stream(x[t]), expected[t], rtol=1e-11)


@all_cells(INDEPENDENT)
def test_sequences_of_different_length_train_as_in_numpy_whatever_is_in_the_padding(layer: Cell) -> None:
    model = Sequential([Bidirectional(with_all(layer)), layer, LastStep(), Dense(1)])
    model.build((None, 3), 5, "float64")
    elsewhere(model)
    rng = np.random.default_rng(4)
    lengths, x, y = rng.integers(1, 9, size=30), rng.normal(size=(30, 8, 3)), rng.normal(size=(30, 1))
    ends = []
    for filling in (0.0, np.nan, 1e300):
        source = Arrays(padded(x, lengths, filling), y, lengths)
        (expected, _), (found, _) = both_ends(model, source, batch_size=11, optimizer=SGD(0.05))
        assert difference(found, expected) < 1e-12
        ends.append(found)
    assert np.array_equal(ends[0], ends[1])
    assert np.array_equal(ends[0], ends[2])


@pytest.mark.slow
def test_a_lane_that_has_ended_cannot_spoil_others_by_overflow() -> None:
    """Were the padding computed on with, h would overflow there, and 0 times infinity spoil the vector's gradient."""
    layer = IndRNNLayer(4, recurrent_initializer=lambda shape, rng, dtype: np.full(shape, 60.0, dtype))
    model = built(layer, dtype="float32")
    x = np.random.default_rng(1).normal(size=(16, 30, 3)).astype("float32")
    lengths = np.array([1, *[2] * 15])
    source = Arrays(x, np.zeros((16, 1), "float32"), lengths)
    (expected, _), (found, _) = both_ends(model, source, optimizer=SGD(1e-12))
    assert np.isfinite(found).all()
    assert difference(found, expected) < 1e-6


def test_a_cell_of_a_user_is_compiled_and_one_with_its_own_forward_is_not() -> None:
    class Own(Everything):
        pass

    class Other(Everything):
        def forward(self, x: Any, ctx: Any = None) -> Any:
            return super().forward(x)

    for kind, expected in ((Own, "compiled"), (Other, "numpy: Other 0 has no kernel")):
        assert explain(built(kind(4)), HalfMSE(), SGD(0.1)) == expected


@pytest.mark.parametrize("argument", [{"recurrent_dropout": 0.5}, {"learnable_start": True}])
def test_cells_with_dropout_or_a_start_of_their_own_are_compiled(argument: dict[str, Any]) -> None:
    model = built(GRULayer(4), LSTMLayer(4, **argument))
    assert explain(model, HalfMSE(), SGD(0.1), engine="compiled") == "compiled"


def test_two_layers_of_one_kind_share_their_compiled_code() -> None:
    first, second = built(LSTMLayer(4), LSTMLayer(9, forget_bias=0.0)).layers[:2]
    assert kernel_of_cell(first) is kernel_of_cell(second)
    peeping = built(LSTMLayer(4, peepholes=True)).layers[0]
    assert kernel_of_cell(first) is not kernel_of_cell(peeping)


@pytest.mark.slow
def test_a_start_state_is_none_of_what_a_training_step_left() -> None:
    """Two batches in a row begin with the state 0 both."""
    model = built(LSTMLayer(3))
    one = trainer(model, engine=CompiledEngine(), optimizer=SGD(1e-300), batch_size=8, shuffle=False, epochs=2)
    first, second = (record.train_loss for record in one.run(windows(16)))
    assert first == second
