"""A backward of equations written by hand: it is used, and check_layer compares it with the derived one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import Cell, ConfigError, GRULayer, IndRNNLayer, LSTMLayer, sigmoid, where
from minidl.compiled.choice import model_obstacle
from minidl.testing.checks import check_layer, run_checks

NAME = "a hand-written backward of equations gives the derived gradient"


class ByHand(LSTMLayer):
    def equations_backward(self, i: Any, o: Any, f: Any, g: Any, c: Any, c_next: Any, dh: Any, dc: Any) -> Any:
        i, o, f, g, t = sigmoid(i), sigmoid(o), sigmoid(f), np.tanh(g), np.tanh(c_next)
        dc = dc + dh * o * (1 - t**2)
        return {
            "i": dc * g * i * (1 - i),
            "o": dh * t * o * (1 - o),
            "f": dc * c * f * (1 - f),
            "g": dc * i * (1 - g**2),
            "c": dc * f,
        }


class WithoutDh(ByHand):
    """What comes back through h_t is left out of dc_t."""

    def equations_backward(self, i: Any, o: Any, f: Any, g: Any, c: Any, c_next: Any, dh: Any, dc: Any) -> Any:
        found = super().equations_backward(i, o, f, g, c, c_next, 0.0, dc)
        o = sigmoid(o)
        return {**found, "o": dh * np.tanh(c_next) * o * (1 - o)}


class BeforeByHand(GRULayer):
    """Its reset is derived as before, and the product between with it."""

    def equations_backward(self, z: Any, r: Any, h: Any, n: Any, dh: Any) -> Any:
        z, n = sigmoid(z), np.tanh(n)
        return {"z": dh * (h - n) * z * (1 - z), "r": 0.0, "h": dh * z, "n": dh * (1 - z) * (1 - n**2)}


class DiagonalByHand(IndRNNLayer):
    def equations_backward(self, a: Any, dh: Any) -> Any:
        return {"a": where(a > 0, dh, 0.0)}


def arrays(layer: Any) -> list[Any]:
    layer.build((None, 3), np.random.default_rng(0), np.float64)
    x = np.random.default_rng(1).normal(size=(2, 5, 3))
    y, cache = layer.forward(x)
    dx, grads = layer.backward(np.cos(y), cache)
    return [dx.copy(), *(value.copy() for value in grads.values())]


@pytest.mark.parametrize(
    ("by_hand", "derived"),
    [
        (ByHand(4), LSTMLayer(4)),
        (BeforeByHand(4, reset_after=False), GRULayer(4, reset_after=False)),
        (DiagonalByHand(4), IndRNNLayer(4)),
    ],
)
def test_it_gives_the_gradient_that_is_derived(by_hand: Cell, derived: Cell) -> None:
    for mine, theirs in zip(arrays(by_hand), arrays(derived), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-13)
    check_layer(by_hand, (None, 3))


def test_it_is_used_and_a_dropped_term_is_found() -> None:
    assert not np.allclose(arrays(WithoutDh(4))[0], arrays(LSTMLayer(4))[0])
    errors = {result.name: result.error for result in run_checks(WithoutDh(4), (None, 3))}
    assert errors[NAME] == ("equations_backward differs from the derived gradient in dx, dW_x, dW_h, db, dh_0, dc_0")
    layer = WithoutDh(4)
    arrays(layer)
    assert layer.derived().equations_backward is not None  # the same class
    x = np.random.default_rng(1).normal(size=(2, 5, 3))
    y, cache = layer.derived().forward(x)
    np.testing.assert_allclose(layer.derived().backward(np.cos(y), cache)[0], arrays(LSTMLayer(4))[0], rtol=1e-10)


def test_gradients_that_are_missing_or_not_asked_for_are_named() -> None:
    class Fewer(ByHand):
        def equations_backward(self, i: Any, dh: Any) -> Any:  # type: ignore[override]
            return {"i": dh}

    class Stranger(ByHand):
        def equations_backward(self, i: Any, dk: Any) -> Any:  # type: ignore[override]
            return {}

    with pytest.raises(
        ConfigError, match=r"^Fewer.equations_backward: expected a dict of the gradients i, o, f, g, c\.$"
    ):
        arrays(Fewer(4))
    with pytest.raises(ConfigError, match=r"equations_backward: there is no 'dk'; .*, c_next, dh, dc\.$"):
        arrays(Stranger(4))


class OwnBackward(LSTMLayer):
    """A whole backward of its own, twice the derived one."""

    def backward(self, dy: Any, cache: Any) -> Any:
        dx, grads = super().backward(dy, cache)
        return dx, {name: 2 * value for name, value in grads.items()}


class OwnBackwardFrom(LSTMLayer):
    """The same where gradients of states come in."""

    def backward_from(self, dy: Any, d_final: Any, cache: Any) -> Any:
        dx, grads, start = super().backward_from(dy, d_final, cache)
        return dx, {name: 2 * value for name, value in grads.items()}, start


@pytest.mark.parametrize("cls", [OwnBackward, OwnBackwardFrom])
def test_a_whole_backward_of_its_own_is_used_never_compiled_away_and_compared(cls: Any) -> None:
    # Fails if a kernel is written from equations whose derived gradient the class does not use.
    derived = arrays(LSTMLayer(4))
    for mine, theirs in zip(arrays(cls(4))[1:], derived[1:], strict=True):
        np.testing.assert_array_equal(mine, 2 * theirs)
    assert not cls.is_its_equations()
    assert model_obstacle(cls(4), "float64") == f"{cls.__name__} has no kernel"
    errors = {result.name: result.error for result in run_checks(cls(4), (None, 3))}
    name = "backward" if cls is OwnBackward else "backward_from"
    found = errors["a backward of a cell's own gives the derived gradient"]
    assert found == f"{name} differs from the derived gradient in dW_x, dW_h, db"
