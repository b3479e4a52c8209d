"""Which of several broken things is named: the one nearest to the cause."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minidl import Dense, LastStep, RecurrentLayer, Repeat, Sequential
from minidl.layer import Array
from minidl.training.diagnosis import numerical_error
from minidl.training.flat import FlatParameters

HINT = " Try a smaller optimizer.learning_rate, or set training.clip_norm."


def broken() -> tuple[Sequential, FlatParameters, Array, Array]:
    """A model with everything broken: x, target, a parameter, a gradient."""
    model = Sequential([Repeat(RecurrentLayer(3), times=2), LastStep(), Dense(1)])
    model.build((4, 2), 1, "float64")
    flat = FlatParameters(model)
    x, target = np.ones((2, 4, 2)), np.ones((2, 1))
    flat.views["0.1.W_hh"][0, :2] = np.inf
    flat.grads[:] = np.nan
    x[0, 0, 0] = target[0] = np.nan
    return model, flat, x, target


def test_data_come_before_weights_and_gradients() -> None:
    model, flat, x, target = broken()
    message = str(numerical_error("here", model, flat, math.nan, x, target))
    assert message == "here: loss is nan; the input windows have NaN or Inf." + HINT
    message = str(numerical_error("here", model, flat, math.inf, np.ones_like(x), target))
    assert message == "here: loss is inf; the targets have NaN or Inf." + HINT


def test_a_parameter_inside_a_repeat_is_named_with_its_class_and_count() -> None:
    model, flat, x, target = broken()
    message = str(numerical_error("here", model, flat, 0.5, np.ones_like(x), np.ones_like(target)))
    expected = "here: loss is 0.5; parameter 0.1.W_hh (RecurrentLayer) has 2 of 9 values NaN or Inf."
    assert message == expected + HINT
    assert str(numerical_error("here", model, flat, 0.5)) == expected + HINT


def test_gradients_are_named_when_all_before_them_is_well() -> None:
    model, flat, x, target = broken()
    flat.views["0.1.W_hh"][:] = 0
    message = str(numerical_error("here", model, flat, 0.5, np.ones_like(x), np.ones_like(target)))
    assert "; gradient of 0.0.W_xh (RecurrentLayer) has 6 of 6 values NaN or Inf." in message


@pytest.mark.parametrize("value", [1e200])
def test_a_norm_that_overflows_is_called_so(value: float) -> None:
    model, flat, x, target = broken()
    flat.views["0.1.W_hh"][:] = 0
    flat.grads[:] = value
    message = str(numerical_error("here", model, flat, 0.5, np.ones_like(x), np.ones_like(target)))
    assert "; the gradient's norm overflows." in message


def test_an_output_that_overflows_is_named_by_its_layer() -> None:
    model = Sequential([Dense(2), Dense(1)])
    model.build((2,), 1, "float32")
    flat = FlatParameters(model)
    flat.values[:] = 1e25
    with np.errstate(over="ignore", invalid="ignore"):  # as the trainer does
        message = str(numerical_error("here", model, flat, math.inf, np.ones((1, 2), np.float32)))
    assert "; the output of layer 1 (Dense) has NaN or Inf." in message
