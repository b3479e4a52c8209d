"""A row of layers as Python sees it: len, positions, parts, iteration."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ConfigError, Dense, LastStep, RecurrentLayer, Repeat, Sequential


def a_stack():
    model = Sequential([RecurrentLayer(3), RecurrentLayer(2), LastStep(), Dense(1)])
    model.build((5, 4), rng=0, dtype="float64")
    return model


def test_a_position_is_the_layer_itself_counted_from_either_end():
    model = a_stack()
    assert len(model) == 4
    assert [model[i] for i in range(4)] == model.layers
    assert [model[i] for i in range(-4, 0)] == model.layers
    assert list(model) == model.layers


def test_layers_of_a_repeat_are_its_copies():
    model = Repeat(RecurrentLayer(3), times=3)
    assert len(model) == 3
    assert list(model) == list(model.children().values())
    assert model[0] is not model[1]


@pytest.mark.parametrize("place", [4, -5])
def test_a_position_out_of_range_is_an_index_error(place):
    with pytest.raises(IndexError, match=rf"^Sequential: it has 4 layers, so there is no \[{place}\]\.$"):
        a_stack()[place]


def test_a_part_computes_with_the_weights_of_the_whole():
    model, x = a_stack(), np.random.default_rng(1).normal(size=(2, 5, 4))
    hidden = model[:2]
    np.testing.assert_array_equal(model[2:](hidden(x)), model(x))
    model[0].params["W_xh"][...] = 0
    assert hidden[0].params["W_xh"] is model[0].params["W_xh"]
    np.testing.assert_array_equal(model[2:](hidden(x)), model(x))


def test_a_part_without_layers_is_refused():
    with pytest.raises(ConfigError, match="at least one layer"):
        a_stack()[3:1]


def test_a_part_knows_what_goes_into_it():
    model = a_stack()
    assert (model.input_shape, model.dtype) == ((5, 4), "float64")
    assert [(part.input_shape, part.dtype) for part in (model[:2], model[1:], model[-1:])] == [
        ((5, 4), "float64"),
        ((5, 3), "float64"),
        ((2,), "float64"),
    ]
    assert Sequential([Dense(1)])[:1].input_shape is None
