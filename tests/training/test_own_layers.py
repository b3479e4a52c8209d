"""Layers of a user's own that hold others: they train, copy and bind as all do, or say what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from trainers import copies, data, net, trainer, weights

from minidl import INFERENCE, ConfigError, Context, Dense, LastStep, Layer, RecurrentLayer, Sequential, ShapeError
from minidl.core.layer import Array
from minidl.data import Batch
from minidl.training.flat import FlatParameters


@dataclass(eq=False)
class Inside(Layer):
    """y = f(x), with f's parameters under its own name; `forgets` what bind hands it."""

    inner: Layer
    forgets: bool = False

    def output_shape(self, input_shape: Any) -> Any:
        return self.inner.output_shape(input_shape)

    def build(self, input_shape: Any, rng: Any, dtype: Any) -> Any:
        shape = self.inner.build(input_shape, rng, dtype)
        self.params = {f"inner_{name}": value for name, value in self.inner.params.items()}
        return shape

    def bind(self, params: Any) -> None:
        super().bind(params)
        if not self.forgets:
            self.inner.bind({name.removeprefix("inner_"): value for name, value in params.items()})

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        return self.inner.forward(x, ctx)

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, dict[str, Array]]:
        dx, grads = self.inner.backward(dy, cache)
        return dx, {f"inner_{name}": value for name, value in grads.items()}


@dataclass(eq=False)
class Gated(Sequential):
    """y = g · f(x): a container with a parameter of its own."""

    def build(self, input_shape: Any, rng: Any, dtype: Any = "float32") -> Any:
        shape = super().build(input_shape, rng, dtype)
        self.params = {**self.params, "g": np.ones(1, dtype)}
        return shape

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        y, cache = super().forward(x, ctx)
        return y * self.params["g"], (y, self.params["g"], cache)

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, dict[str, Array]]:
        y, g, cache = cache
        dx, grads = super().backward(dy * g, cache)
        return dx, {**grads, "g": np.atleast_1d((dy * y).sum())}


@copies
def test_layers_of_a_user_that_hold_others_train_too_and_so_do_their_copies(copied: Callable[[Any], Any]) -> None:
    plain = net()
    wrapped = Sequential([Inside(RecurrentLayer(4)), LastStep(), Gated([Dense(1)])])
    wrapped.build((6, 3), 0, "float64")
    assert list(wrapped.params)[-3:] == ["2.0.W", "2.0.b", "2.g"]
    for name, value in zip(list(wrapped.params)[:5], plain.params.values(), strict=True):
        wrapped.params[name] = value
    x = data().x
    np.testing.assert_array_equal(wrapped(x), plain(x))
    made = trainer(wrapped)
    second = copied(made)
    made.run(data())
    second.run(data())
    assert weights(wrapped) == weights(second.model)
    assert wrapped.params["2.g"] != 1
    assert wrapped(x).tobytes() == second.model(x).tobytes()
    rebuilt = {name: value.copy() for name, value in wrapped.params.items()}
    wrapped.build((6, 3), 1, "float64")
    assert wrapped.params["2.g"] == 1
    wrapped.bind(rebuilt)
    assert wrapped(x).tobytes() == second.model(x).tobytes()


def test_a_layer_that_does_not_hand_on_what_it_is_bound_to_is_refused() -> None:
    # Before, its inner layer kept the initial weights for ever, and training said nothing.
    model = Sequential([Inside(RecurrentLayer(4), forgets=True), LastStep(), Dense(1)])
    model.build((6, 3), 0, "float64")
    with pytest.raises(ConfigError, match=r"^Sequential: bind\(\) left its RecurrentLayer with its old parameters; "):
        trainer(model)


@dataclass(eq=False)
class Returns(Layer):
    """A parameter, and whatever gradients are asked for."""

    names: list[str]
    size: int = 3

    def build(self, input_shape: Any, rng: Any, dtype: Any) -> Any:
        self.params["g"] = np.ones(3, dtype)
        return input_shape

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        return x * self.params["g"], None

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return dy, {name: np.ones(self.size) for name in self.names}


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Returns([]), r"backward returned no gradient of 0\.g\.$"),
        (Returns(["g", "h"]), r"backward returned a gradient of 0\.h, which is no parameter\.$"),
        (Returns(["g"], size=1), r"a gradient of shape \(1,\) for 0\.g, whose shape is \(3,\)\.$"),
    ],
)
def test_gradients_that_are_not_those_of_the_parameters_are_refused(layer: Layer, message: str) -> None:
    # Caught here: a gradient of one number that was spread over all, in silence.
    model = Sequential([layer])
    model.build((3,), 0)
    before = weights(model)
    with pytest.raises(ShapeError, match=message):
        trainer(model).train_step(Batch(np.ones((2, 3)), np.zeros((2, 3))))
    assert weights(model) == before


def test_parameters_of_two_dtypes_are_refused() -> None:
    model = Sequential([Dense(2), Dense(2)])
    model.build((3,), 0)
    model.layers[1].build((2,), np.random.default_rng(0), "float64")
    with pytest.raises(ConfigError, match=r"must be of one dtype; 0\.b is float32, 1\.b is float64"):
        FlatParameters(model)


def test_a_layer_gets_its_names_in_build_only() -> None:
    model = Sequential([Returns(["g"])])
    model.build((3,), 0)
    with pytest.raises(ConfigError, match=r"^Returns: there is no parameter 'h'"):
        model.layers[0].params["h"] = np.ones(3)
    model.build((3,), 1)  # makes its names one by one again
