"""What every layer puts out for a batch, and calls with lengths: each sequence as if it were alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from minidl import (
    INFERENCE,
    Bidirectional,
    Container,
    Context,
    DataError,
    Dense,
    Dropout,
    GRULayer,
    LastStep,
    Layer,
    LSTMLayer,
    Parallel,
    RecurrentLayer,
    Repeat,
    Residual,
    Sequential,
    ShapeError,
    TanhActivation,
)

X = np.random.default_rng(0).normal(size=(4, 6, 2))
LENGTHS = [2, 6, 1, 5]


def built(*layers: Layer) -> Sequential:
    model = Sequential(list(layers))
    model.build((None, 2), 3, "float64")
    for value in model.params.values():
        value += 0.25  # biases, so that what is computed of padding is not 0 by chance
    return model


def branching() -> Sequential:
    return built(
        LSTMLayer(3),
        Bidirectional(GRULayer(2)),
        Residual(Dense(4)),
        Repeat(GRULayer(4), times=2),
        Dropout(0.5),
        Parallel([LastStep(), Sequential([RecurrentLayer(2), LastStep()])], merge="concat"),
        Dense(1),
    )


def test_the_states_of_a_stack_are_the_outputs_of_its_first_layers() -> None:
    model = built(LSTMLayer(3), RecurrentLayer(2), LastStep(), Dense(1))
    states = model.states(X.tolist())
    assert list(states) == ["0", "1", "2", "3"]
    for n in range(4):
        np.testing.assert_array_equal(states[str(n)], model[: n + 1](X))


def test_a_part_of_a_stack_was_built_for_what_goes_into_it() -> None:
    model = built(LSTMLayer(3), RecurrentLayer(4), LastStep(), Dense(1))
    assert [model[i:].input_shape for i in range(4)] == [(None, 2), (None, 3), (None, 4), (4,)]
    assert model[1:].summary().rows == model[1:].summary((None, 3)).rows
    np.testing.assert_array_equal(model[1:](model[:1](X)), model(X))


def test_a_recurrent_layers_states_are_h_at_every_step() -> None:
    model = built(RecurrentLayer(3), LastStep(), Dense(1))
    W_xh, W_hh, b_h = (model.params[f"0.{name}"] for name in ("W_xh", "W_hh", "b_h"))
    h = np.zeros((4, 3))
    for t in range(6):
        h = np.tanh(X[:, t] @ W_xh + h @ W_hh + b_h)
        np.testing.assert_allclose(model.states(X)["0"][:, t], h, rtol=1e-12)


def test_layers_in_branches_have_their_paths_and_the_last_is_the_models_output() -> None:
    model = branching()
    states = model.states(X)
    paths = ["0", "1", "1.forward", "1.backward", "2", "2.inner", "3", "3.0", "3.1", "4", "5", "5.0", "5.1"]
    assert list(states) == [*paths, "5.1.0", "5.1.1", "6"]
    np.testing.assert_array_equal(states["6"], model(X))
    np.testing.assert_array_equal(states["1"][..., :2], states["1.forward"])
    np.testing.assert_array_equal(states["1"][..., 2:], states["1.backward"][:, ::-1])
    np.testing.assert_array_equal(states["3"], states["3.1"])
    np.testing.assert_array_equal(states["4"], states["3"])  # no dropout
    np.testing.assert_array_equal(states["5.0"], states["4"][:, -1])


@pytest.mark.parametrize("model", [branching(), built(LSTMLayer(3), Dense(2)), built(TanhActivation())])
def test_with_lengths_each_sequence_is_as_alone_whatever_stands_after_its_end(model: Sequential) -> None:
    x = X.copy()
    for k, n in enumerate(LENGTHS):
        x[k, n:] = np.nan
    y, states = model(x, LENGTHS), model.states(x, np.array(LENGTHS))
    for k, n in enumerate(LENGTHS):
        alone, of_it = model(X[k : k + 1, :n])[0], model.states(X[k : k + 1, :n])
        np.testing.assert_allclose(y[k, :n] if y.ndim == 3 else y[k], alone, rtol=1e-12)
        assert y.ndim == 2 or (y[k, n:] == 0).all()
        for path, value in of_it.items():
            found = states[path][k]
            np.testing.assert_allclose(found[:n] if found.ndim == 2 else found, value[0], rtol=1e-12)
            assert found.ndim == 1 or (found[n:] == 0).all()


def test_the_model_is_not_touched_and_the_arrays_are_the_callers() -> None:
    model = branching()
    before = {name: value.copy() for name, value in model.params.items()}
    states = model.states(X)
    for value in states.values():
        value[...] = 7
    for name, value in before.items():
        np.testing.assert_array_equal(model.params[name], value)
    assert all("forward" not in vars(layer) for layer in model)
    assert model.states(X)["0"].max() < 1


def test_a_layer_that_stands_twice_has_an_entry_for_each_place() -> None:
    shared = RecurrentLayer(2)
    model = built(shared, TanhActivation(), shared)
    states = model.states(X)
    np.testing.assert_array_equal(states["0"], model[:1](X))
    np.testing.assert_array_equal(states["2"], model(X))


@dataclass(eq=False)
class Thrice(Container):
    """One layer, called three times."""

    layer: Layer

    def children(self) -> dict[str, Layer]:
        return {"layer": self.layer}

    def forward(self, x: Any, ctx: Context = INFERENCE) -> Any:
        for _ in range(3):
            x, cache = self.layer.forward(x, ctx)
        return x, cache

    def backward(self, dy: Any, cache: Any) -> Any:
        raise NotImplementedError


def test_of_a_layer_that_is_called_more_often_the_last_output_is_shown() -> None:
    model = built(Thrice(TanhActivation()))
    np.testing.assert_array_equal(model.states(X)["0.layer"], np.tanh(np.tanh(np.tanh(X))))


def test_wrong_lengths_and_inputs_are_refused() -> None:
    model = built(RecurrentLayer(3), LastStep())
    for call in (model, model.states):
        with pytest.raises(ShapeError, match=r"^lengths: expected one for each sequence of x"):
            call(X, [1, 2])
        with pytest.raises(DataError, match=r"^lengths: expected 1 to 6, got 0 to 9"):
            call(X, [0, 9, 1, 1])
        with pytest.raises(ShapeError, match="RecurrentLayer: expected x of shape"):
            call(X[..., :1])
        with pytest.raises(DataError, match=r"^Sequential: x: holds text"):
            call([["a"]])
