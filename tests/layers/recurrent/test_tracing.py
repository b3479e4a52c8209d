"""Equations are traced: which operations there are, what is refused with its line, and that the gradient is right."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import Cell, ConfigError, sigmoid, softplus, where
from minidl.layers.recurrent.tracing import Graph, trace
from minidl.testing import check_gradients

F = 2


def cell(equations: Callable[..., Any], **parts: Any) -> Cell:
    """A built layer of two units with these equations."""
    kind = type("Drawn", (Cell,), {"__annotations__": {}, "gates": ("a", "b"), "equations": equations, **parts})
    layer: Cell = kind(2)
    layer.build((None, F), np.random.default_rng(0), np.float64)
    return layer


def operations(equations: Callable[..., Any], *inputs: str) -> list[str]:
    graph = Graph()
    trace(equations, {name: graph.entry(name) for name in inputs}, ["y"])
    return [node.op for node in graph.nodes if node.op != "input"]


def test_what_is_computed_twice_stands_once() -> None:
    assert operations(lambda z, n, h: (1 - sigmoid(z)) * n + sigmoid(z) * h, "z", "n", "h") == [
        "sigmoid",
        "subtract",
        "multiply",
        "multiply",
        "add",
    ]


@pytest.mark.parametrize(
    "nothing", [lambda a: a + 0.0, lambda a: 0 + a, lambda a: a * 1, lambda a: a - 0, lambda a: a / 1, lambda a: +a]
)
def test_what_changes_nothing_is_no_operation(nothing: Callable[[Any], Any]) -> None:
    assert operations(lambda a: np.tanh(nothing(a)), "a") == ["tanh"]


def test_a_power_of_one_is_no_operation_and_a_power_of_two_is_a_square() -> None:
    assert operations(lambda a: np.tanh(a**1), "a") == ["tanh"]
    assert operations(lambda a: a**2.0, "a") == ["square"]
    assert operations(lambda a: a**3, "a") == operations(lambda a: a**0.5, "a") == ["power"]


def test_what_changes_something_is_one() -> None:
    for changing in (lambda a: 1 - a, lambda a: 0 - a, lambda a: 1 / a, lambda a: a * 2.0, lambda a: a + 1):
        assert len(operations(changing, "a")) == 1


REFUSED = {
    "np.sort": lambda self, a, b, h: np.sort(a),
    "np.dot": lambda self, a, b, h: np.dot(a, b),
    "np.add.reduce": lambda self, a, b, h: np.add.reduce(a),
    "a condition": lambda self, a, b, h: a if a > 0 else b,
    "an index": lambda self, a, b, h: a[0],
    "float": lambda self, a, b, h: float(a),
    "an array": lambda self, a, b, h: a * np.ones(2),
    "a function without a rule": lambda self, a, b, h: np.arctan(a),
    "an argument of the function": lambda self, a, b, h: np.tanh(a, dtype="float32"),
    "len": lambda self, a, b, h: len(a),
    "a loop": lambda self, a, b, h: sum(a),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_traced_is_refused_with_its_line(name: str) -> None:
    equations = REFUSED[name]
    line = equations.__code__.co_firstlineno
    with pytest.raises(ConfigError, match=rf"^test_tracing\.py:{line}: ") as caught:
        cell(equations)
    assert len(caught.value.lines) == 1
    assert "equations of a cell are made of" in str(caught.value)


def test_what_to_write_instead_is_said() -> None:
    def added_to(self: Any, a: Any, b: Any, h: Any) -> Any:
        a += h
        return np.tanh(a + b)

    for equations, instead in (
        (added_to, r"write a = a \+ b in place of a \+= b"),
        (lambda self, a, b, h: math.tanh(a), "functions of math need one, those of numpy do not"),
        (lambda self, a, b, h: a if a > 0 else b, r"write where\(condition, a, b\)"),
    ):
        with pytest.raises(ConfigError, match=instead):
            cell(equations)


def drawn(rng: random.Random) -> tuple[str, str]:
    """Random equations of two states, as text: each operation of smooth arguments, and kinks away from their edge."""
    known = ["a", "b", "h", "c", "v"]

    def one() -> str:
        return rng.choice(known)

    kinds: list[Callable[[], str]] = [
        lambda: f"np.tanh({one()})",
        lambda: f"sigmoid({one()})",
        lambda: f"softplus({one()})",
        lambda: f"np.sin({one()}) + np.cos({one()})",
        lambda: f"np.exp(0.3 * np.tanh({one()}))",
        lambda: f"np.expm1(np.tanh({one()}))",
        lambda: f"np.log(2.5 + np.tanh({one()}))",
        lambda: f"np.log1p(1.5 + np.tanh({one()}))",
        lambda: f"np.sqrt(2 + np.tanh({one()}))",
        lambda: f"np.square({one()})",
        lambda: f"(1.5 + sigmoid({one()})) ** 2.5",
        lambda: f"1.7 ** np.tanh({one()})",
        lambda: f"{one()} * {one()}",
        lambda: f"{one()} - {one()}",
        lambda: f"{one()} / (1.5 + np.square({one()}))",
        lambda: f"-{one()} + 0.5",
        lambda: f"np.maximum({one()}, {one()})",
        lambda: f"np.minimum({one()}, 0.3)",
        lambda: f"np.maximum(0.1, {one()})",
        lambda: f"np.abs({one()})",
        lambda: f"where({one()} > {one()}, {one()}, {one()})",
        lambda: f"where({one()} < 0.2, 2 * {one()}, 1.0)",
    ]
    lines = []
    for number in range(rng.randrange(3, 9)):
        lines.append(f"    t{number} = {rng.choice(kinds)()}")
        known.append(f"t{number}")
    h, c = (f"np.tanh({one()} + 0.5 * {one()} * {one()})" for _ in range(2))
    return "\n".join(lines), f"    return {h}, {c}"


def check_random(seed: int) -> None:
    rng = random.Random(seed)
    body, last = drawn(rng)
    space: dict[str, Any] = {"np": np, "sigmoid": sigmoid, "softplus": softplus, "where": where}
    text = f"def equations(self, a, b, h, c, v):\n{body}\n{last}\n"
    exec(text, space)
    layer = cell(
        space["equations"],
        states=("h", "c"),
        vectors={"v": lambda shape, rng, dtype: rng.standard_normal(shape).astype(dtype)},
    )
    x = np.random.default_rng(seed).standard_normal((2, 4, F))
    try:
        check_gradients(layer, x, tolerance=1e-7)
    except AssertionError as err:
        raise AssertionError(f"{text}{err}") from err


@pytest.mark.parametrize("seed", range(10))
def test_the_gradient_of_random_equations_equals_central_differences(seed: int) -> None:
    check_random(seed)


@pytest.mark.slow
def test_the_gradient_of_a_hundred_random_equations_equals_central_differences() -> None:
    for seed in range(100, 200):
        check_random(seed)


def test_functions_on_arrays_are_exact_at_the_ends() -> None:
    a = np.array([-800.0, -30.0, 0.0, 40.0, 800.0])
    np.testing.assert_allclose(sigmoid(a)[1:4], [9.357622968839299e-14, 0.5, 1.0], rtol=1e-14)
    np.testing.assert_allclose(softplus(a), [0, 9.357622968839737e-14, np.log(2), 40, 800], rtol=1e-14)
    np.testing.assert_array_equal(where(a > 0, a, 0.0), [0, 0, 0, 40, 800])


def test_the_larger_of_a_number_and_zero_has_no_slope_at_zero() -> None:
    layer = cell(lambda self, a, b: np.maximum(a, 0) + b)
    for name in ("W_x", "W_h", "b"):
        layer.params[name] = np.zeros_like(layer.params[name])
    _, cache = layer.forward(np.ones((1, 1, F)))
    _, grads = layer.backward(np.ones((1, 1, 2)), cache)
    np.testing.assert_array_equal(grads["b"], [0, 0, 1, 1])
