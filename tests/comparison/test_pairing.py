"""Seed s gives the same start in every config, wherever two parameters have the same name and shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import Dense, LastStep, RecurrentLayer, Repeat, Sequential


def start(*layers: Any, features: int = 6) -> dict[str, Any]:
    model = Sequential(list(layers))
    model.build((24, features), 11)
    return model.params


def recurrent(hidden_size: int, **arguments: Any) -> RecurrentLayer:
    return RecurrentLayer(hidden_size, **arguments)


PAIRS = {
    "another number of features": (
        start(recurrent(4), LastStep(), Dense(1)),
        start(recurrent(4), LastStep(), Dense(1), features=9),
        {"0.W_hh", "0.b_h", "2.W", "2.b"},
    ),
    "a bias or none": (
        start(recurrent(4), LastStep(), Dense(1)),
        start(recurrent(4, bias=False), LastStep(), Dense(1, bias=False)),
        {"0.W_xh", "0.W_hh", "2.W"},
    ),
    "another width below": (
        start(recurrent(2), recurrent(4), LastStep(), Dense(1)),
        start(recurrent(3), recurrent(4), LastStep(), Dense(1)),
        {"1.W_hh", "1.b_h", "3.W", "3.b"},
    ),
    "another depth by Repeat": (
        start(Repeat(recurrent(4), times=1), LastStep(), Dense(1)),
        start(Repeat(recurrent(4), times=3), LastStep(), Dense(1)),
        {"0.0.W_xh", "0.0.W_hh", "0.0.b_h", "2.W", "2.b"},
    ),
}


@pytest.mark.parametrize(("one", "other", "shared"), PAIRS.values(), ids=PAIRS)
def test_parameters_of_one_name_and_shape_start_with_one_value(
    one: dict[str, Any], other: dict[str, Any], shared: set[str]
) -> None:
    # Fails if W_hh is drawn from the generator that W_xh has drawn from.
    same = {name for name in one if name in other and one[name].shape == other[name].shape}
    assert same == shared
    for name in same:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_parameters_of_one_layer_are_independent() -> None:
    square = start(recurrent(6), LastStep(), Dense(1))
    assert not np.array_equal(square["0.W_xh"], square["0.W_hh"])
