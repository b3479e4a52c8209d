"""What a class says of its cell wrongly is refused in one line when the layer is built."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import Cell, ConfigError, ShapeError, sigmoid
from minidl.core.initializers import zeros
from minidl.layers.recurrent.design import Gate


def built(**parts: Any) -> None:
    kind = type("Bad", (Cell,), {"gates": ("f", "n"), "equations": lambda self, f, n: np.tanh(f) * n, **parts})
    kind(4).build((None, 3), np.random.default_rng(0), "float64")


WRONG = {
    "no gates": ({"gates": None}, r"Bad\.gates: expected names or Gates in a row"),
    "a text for gates": ({"gates": "gate"}, r"Bad\.gates: .*got 'gate'\.$"),
    "gates without any": ({"gates": ()}, r"Bad\.gates: .*got \(\)\.$"),
    "two gates of a name": ({"gates": ("f", "f", "n")}, "Bad: 'f' names two things"),
    "a gate named as the state": ({"gates": ("h", "n")}, "Bad: 'h' names two things"),
    "a part of a gate named as another": (
        {"gates": (Gate("f", apart=True), "f_h", "n")},
        "Bad: 'f_h' names two things",
    ),
    "a text for states": ({"states": "hc"}, r"Bad\.states: expected names in a row, h first.*got 'hc'\.$"),
    "a vector named as the state": ({"vectors": {"h": zeros}}, "Bad: 'h' names two things"),
    "a vector named as the bias": ({"vectors": {"b": zeros}}, "Bad: 'b' names two things"),
    "a vector named as the weights": ({"vectors": {"W_h": zeros}}, "Bad: 'W_h' names two things"),
    "vectors without initializers": ({"vectors": ("k",)}, r"Bad\.vectors: expected names with initializers"),
    "an initializer's name": ({"vectors": {"k": "zeros"}}, r"Bad\.vectors: .*minidl\.core\.initializers\.zeros"),
    "a kind of W_h that is none": (
        {"recurrent": "diag"},
        r"Bad\.recurrent: expected full, diagonal, heads, got 'diag'",
    ),
    "a product of no method": (
        {"gates": ("f", Gate("n", of="resett"))},
        r"Bad\.gates: n is a product of 'resett', and there is no such method\.$",
    ),
    "a product of the parts apart": (
        {"gates": ("f", Gate("n", apart=True, of="kept")), "kept": lambda self, f, h: f * h},
        r"Bad\.gates: n: expected one of apart, recurrent=False and of, got Gate\(name='n', apart=True",
    ),
    "a product of a gate that sees x alone": (
        {"gates": ("f", Gate("n", recurrent=False, of="kept")), "kept": lambda self, f, h: f * h},
        r"Bad\.gates: n: expected one of apart, recurrent=False and of",
    ),
    "a number for the bias of a gate": (
        {"gate_bias": lambda self, gate: 1.0},
        r"Bad\.gate_bias: expected an initializer for f, a function of shape, rng and dtype, got 1\.0\.$",
    ),
    "results in a dict": (
        {"equations": lambda self, f, n: {"h": np.tanh(f) * n}},
        r"expected h in terms of gates and states, got \{'h': ",
    ),
    "a gate that no equations ask for": (
        {"equations": lambda self, n, h: np.tanh(n) * h},
        r"^test_declaration\.py:\d+: .*it does not ask for 'f', so nothing would come of its weights",
    ),
    "self forgotten": (
        {"equations": lambda f, n, h: np.tanh(n) * f},
        r"^test_declaration\.py:\d+: .*its first argument is 'f'; expected self before it\.$",
    ),
    "half of a gate that no equations ask for": (
        {"gates": (Gate("f", apart=True), "n"), "equations": lambda self, n, f_h: np.tanh(n) * f_h},
        r"it does not ask for 'f_x'",
    ),
    "a vector that no equations ask for": ({"vectors": {"k": zeros}}, r"it does not ask for 'k'"),
    "more results than states": (
        {"equations": lambda self, f, n: (np.tanh(f), n)},
        r"^test_declaration\.py:\d+: .*expected 1 result \(h\), got 2\.$",
    ),
    "nothing returned": ({"equations": lambda self, f, n: None}, r"it returns nothing; expected h\.$"),
    "a method of an array": (
        {"equations": lambda self, f, n: f.sum() * n},
        r"\.sum of a number: none of the operations",
    ),
}


@pytest.mark.parametrize(("parts", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_meant_is_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        built(**parts)


def test_what_a_method_of_a_gate_asks_for_is_used() -> None:
    gates = ("f", Gate("n", of="forgotten"))
    built(gates=gates, forgotten=lambda self, f, h: sigmoid(f) * h, equations=lambda self, n, h: np.tanh(n))


def test_an_assignment_within_equations_is_refused() -> None:
    def equations(self: Any, f: Any, n: Any, h: Any) -> Any:
        h[:] = f
        return sigmoid(n) * h

    with pytest.raises(ConfigError, match=r"test_declaration\.py:\d+: equations: an assignment to a part of a number"):
        built(equations=equations)


def test_a_cell_without_heads_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"Bad: 4 units cannot be shared among 0 heads\.$"):
        built(recurrent="heads", n_heads=lambda self: 0)
