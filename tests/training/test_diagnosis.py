"""Which of several broken things is named: the one nearest to the cause."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from minidl import INFERENCE, Dense, LastStep, Layer, RecurrentLayer, Repeat, Sequential
from minidl.core.layer import Array
from minidl.data import Batch
from minidl.training.diagnosis import numerical_error
from minidl.training.flat import FlatParameters

HINT = " Try a smaller optimizer.learning_rate or training.clip_norm."


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
    message = str(numerical_error("here", model, flat, math.nan, Batch(x, target)))
    # Not a word of the learning rate, which is not to blame.
    finite = "; training takes finite numbers only."
    assert message == "here: loss is nan; the inputs (x) have NaN at [0, 0, 0]" + finite
    message = str(numerical_error("here", model, flat, math.inf, Batch(np.ones_like(x), target), indices=[17, 4]))
    assert message == "here: loss is inf; the targets (y) have NaN at [17, 0]" + finite


def test_a_parameter_inside_a_repeat_is_named_with_its_class_and_count() -> None:
    model, flat, x, target = broken()
    message = str(numerical_error("here", model, flat, 0.5, Batch(np.ones_like(x), np.ones_like(target))))
    expected = "here: loss is 0.5; parameter 0.1.W_hh (RecurrentLayer) has 2 of 9 values NaN or Inf."
    assert message == expected + HINT
    assert str(numerical_error("here", model, flat, 0.5)) == expected + HINT


def test_gradients_are_named_when_all_before_them_is_well() -> None:
    model, flat, x, target = broken()
    flat.views["0.1.W_hh"][:] = 0
    message = str(numerical_error("here", model, flat, 0.5, Batch(np.ones_like(x), np.ones_like(target))))
    assert "; gradient of 0.0.W_xh (RecurrentLayer) has 6 of 6 values NaN or Inf." in message


@pytest.mark.parametrize("value", [1e200])
def test_a_norm_that_overflows_is_called_so(value: float) -> None:
    model, flat, x, target = broken()
    flat.views["0.1.W_hh"][:] = 0
    flat.grads[:] = value
    message = str(numerical_error("here", model, flat, 0.5, Batch(np.ones_like(x), np.ones_like(target))))
    assert "; the gradient's norm overflows." in message


def test_an_output_that_overflows_is_named_by_its_layer() -> None:
    model = Sequential([Dense(2), Dense(1)])
    model.build((2,), 1, "float32")
    flat = FlatParameters(model)
    flat.values[:] = 1e25
    with np.errstate(over="ignore", invalid="ignore"):  # as the trainer does
        message = str(
            numerical_error("here", model, flat, math.inf, Batch(np.ones((1, 2), np.float32), np.ones((1, 1))))
        )
    assert "; the output of layer 1 (Dense) has NaN or Inf." in message


@dataclass(eq=False)
class Wrapped(Layer):
    """f(x) with a layer of its own, whose parameters it names as it likes."""

    inner: Layer
    name: str = "inner."

    def children(self) -> Any:
        return {"inner": self.inner} if self.name == "inner." else {}

    def output_shape(self, input_shape: Any) -> Any:
        return self.inner.output_shape(input_shape)

    def build(self, input_shape: Any, rng: Any, dtype: Any) -> Any:
        shape = self.inner.build(input_shape, rng, dtype)
        self.params = {self.name + name: value for name, value in self.inner.params.items()}
        return shape

    def bind(self, params: Any) -> None:
        super().bind(params)
        self.inner.bind({name.removeprefix(self.name): value for name, value in params.items()})

    def forward(self, x: Array, ctx: Any = INFERENCE) -> tuple[Array, Any]:
        return self.inner.forward(x, ctx)

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, dict[str, Array]]:
        dx, grads = self.inner.backward(dy, cache)
        return dx, {self.name + name: value for name, value in grads.items()}


@dataclass(eq=False)
class Doubled(Sequential):
    """y = f(x, x): a container of a user, whose layers are no chain from x on."""

    def forward(self, x: Array, ctx: Any = INFERENCE) -> tuple[Array, Any]:
        return super().forward(np.concatenate([x, x], axis=-1), ctx)


@pytest.mark.parametrize(
    ("name", "layer"),
    [("inner.", "Dense"), ("", "Wrapped"), ("a.b.c.", "Wrapped"), ("0.", "Wrapped"), ("params.", "Wrapped")],
)
def test_a_layer_of_a_user_that_wraps_another_one_is_named_as_far_as_its_names_lead(name: str, layer: str) -> None:
    # Before, this ended with an AttributeError of the diagnosis itself.
    model = Sequential([Wrapped(Dense(2), name), Dense(1)])
    model.build((3,), 1, "float64")
    flat = FlatParameters(model)
    flat.views[f"0.{name}W"][0, 0] = np.nan
    message = str(numerical_error("here", model, flat, math.nan, Batch(np.ones((2, 3)), np.ones((2, 1)))))
    assert f"; parameter 0.{name}W ({layer}) has 1 of 6 values NaN or Inf." in message


def test_an_output_is_looked_for_in_whatever_feeds_its_layers() -> None:
    # The layers of Doubled cannot take its x: feeding them by hand would end in a ShapeError.
    inner = Doubled([Dense(2)])
    model = Sequential([inner, Dense(1)])
    inner.children()["0"].build((6,), np.random.default_rng(0), "float32")
    model.layers[1].build((2,), np.random.default_rng(0), "float32")
    flat = FlatParameters(model)
    flat.values[:] = 1e38
    with np.errstate(over="ignore", invalid="ignore"):
        message = str(
            numerical_error("here", model, flat, math.inf, Batch(np.full((1, 3), 9, np.float32), np.ones((1, 1))))
        )
    assert "; the output of layer 0.0 (Dense) has NaN or Inf." in message


@pytest.mark.parametrize(("indices", "row"), [(None, 7), (np.arange(100, 110), 107)])
def test_an_example_of_a_batch_in_another_order_is_named_by_its_own_number(indices: Any, row: int) -> None:
    model, flat, x, target = broken()
    batch = Batch(x, target, order=np.array([7, 2]))
    message = str(numerical_error("here", model, flat, math.nan, batch, indices=indices))
    assert f"the inputs (x) have NaN at [{row}, 0, 0];" in message
