"""How a RecurrentLayer is built, shown and refused."""

from __future__ import annotations

import numpy as np
import pytest
from recurrent_cases import built

from minidl import Context, Dense, LastStep, RecurrentLayer, ReluActivation, Sequential, ShapeError
from minidl.core.initializers import glorot_uniform, normal_fan_in, orthogonal, zeros


def test_each_kind_of_weight_has_its_own_initializer():
    layer = RecurrentLayer(4, input_initializer=zeros, recurrent_initializer=orthogonal, bias_initializer=normal_fan_in)
    layer.build((None, 3), np.random.default_rng(0), "float64")
    W_hh = layer.params["W_hh"]
    assert not layer.params["W_xh"].any()
    assert layer.params["b_h"].all()
    np.testing.assert_allclose(W_hh @ W_hh.T, np.eye(4), atol=1e-14)


def test_build_gives_shapes_names_and_counts():
    layer = RecurrentLayer(4)
    assert layer.build((None, 6), np.random.default_rng(0), "float32") == (None, 4)
    assert {name: value.shape for name, value in layer.params.items()} == {
        "W_xh": (6, 4),
        "W_hh": (4, 4),
        "b_h": (4,),
    }
    assert {value.dtype for value in layer.params.values()} == {np.dtype("float32")}
    assert not layer.params["b_h"].any()
    assert RecurrentLayer(4).build((24, 6), np.random.default_rng(0), "float32") == (24, 4)


def test_the_textbook_models_have_49_and_26_parameters():
    single = Sequential([RecurrentLayer(4), LastStep(), Dense(1)])
    deep = Sequential([RecurrentLayer(2, bias=False), RecurrentLayer(2, bias=False), LastStep(), Dense(1, bias=False)])
    counts = []
    for model in (single, deep):
        model.build(6, 0)
        counts.append(sum(value.size for value in model.params.values()))
    assert counts == [49, 26]


def test_repr_shows_the_arguments():
    layer = RecurrentLayer(2, activation=ReluActivation(), bias=False, recurrent_initializer=glorot_uniform)
    shown = "RecurrentLayer(2, activation=ReluActivation(), bias=False, recurrent_initializer=glorot_uniform)"
    assert repr(layer) == shown


class TestMessages:
    @pytest.mark.parametrize("shape", [(6,), (2, 3, 6), (5, None)])
    def test_build_on_a_shape_that_is_no_sequence(self, shape):
        with pytest.raises(ShapeError) as err:
            RecurrentLayer(2).build(shape, np.random.default_rng(0), "float64")
        assert str(err.value) == f"RecurrentLayer: expected input of shape (time, features), got {shape}."

    @pytest.mark.parametrize("shape", [(3, 2), (3, 4, 3), (3, 0, 2), (0, 4, 2), (1, 3, 4, 2)])
    @pytest.mark.parametrize("hidden", [3, 40])
    def test_forward_on_a_wrong_shape(self, hidden, shape):
        with pytest.raises(ShapeError) as err:
            built(2, hidden)(np.zeros(shape))
        assert str(err.value) == (
            f"RecurrentLayer: expected x of shape (batch, time, 2) with at least one time step, got {shape}."
        )

    @pytest.mark.parametrize("shape", [(3,), (1, 3), (4, 3), (4, 2)])
    def test_start_state_of_a_wrong_shape(self, shape):
        # (1, 3) would be broadcast silently.
        with pytest.raises(ShapeError) as err:
            built(2, 3).forward(np.zeros((5, 4, 2)), Context(state=np.zeros(shape)))
        assert str(err.value) == f"RecurrentLayer: expected a start state of shape (5, 3), got {shape}."

    def test_activation_that_changes_the_shape(self):
        with pytest.raises(ShapeError, match=r"activation LastStep must keep the shape|LastStep: expected input"):
            RecurrentLayer(2, activation=LastStep()).build((None, 3), np.random.default_rng(0), "float64")

    def test_activation_with_parameters(self):
        message = r"^RecurrentLayer: activation Dense has parameters \(W, b\); inside a recurrence it must have none\.$"
        with pytest.raises(ShapeError, match=message) as err:
            RecurrentLayer(2, activation=Dense(2)).build((None, 3), np.random.default_rng(0), "float64")
        assert err.value.path == ("activation",)

    def test_activation_that_is_too_narrow(self):
        message = r"^RecurrentLayer: activation Dense must keep the shape \(2,\)\.$"
        with pytest.raises(ShapeError, match=message) as err:
            RecurrentLayer(2, activation=Dense(1)).build((None, 3), np.random.default_rng(0), "float64")
        assert err.value.path == ("activation",)


def test_an_activation_that_takes_no_vector_is_named_with_its_place():
    with pytest.raises(ShapeError, match=r"^RecurrentLayer: activation LastStep: expected input of shape") as err:
        RecurrentLayer(3, activation=LastStep()).build((5, 2), np.random.default_rng(0), "float64")
    assert err.value.path == ("activation",)
