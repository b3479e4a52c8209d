"""The printed equations, computed as they stand there, are what the layer computes.

`run` reads the page as a program: a space between two quantities is the product of
matrices, ⊙ and · are elementwise. Left out: a factor, a bracket or a term, or two
gates swapped, would each change a number.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import numpy as np
import pytest

from minidl import (
    Cell,
    Context,
    FastGRNNLayer,
    Gate,
    GRULayer,
    IndRNNLayer,
    JANETLayer,
    LeakyLayer,
    LSTMLayer,
    MGULayer,
    MinGRULayer,
    SLSTMLayer,
    sigmoid,
    softplus,
    where,
)
from minidl.core.initializers import normal_fan_in, zeros
from minidl.layers.recurrent.notation import LATEX, TEXT
from minidl.layers.recurrent.printing import page

B, T, F, H = 3, 4, 2, 6

TOKEN = re.compile(r"\d[\d.]*(?:e-?\d+)?|[²ᵀ]|[^\W\d](?:(?![²ᵀ])[\w'])*?(?:_\{t-1\}|(?=[²ᵀ]|[^\w']|$))|\S")
SHARED = ("tanh", "exp", "expm1", "log", "log1p", "sqrt", "sign", "sin", "cos", "abs", "where")
FUNCTIONS: dict[str, Any] = {name: getattr(np, name) for name in SHARED}
FUNCTIONS |= {"σ": sigmoid, "softplus": softplus, "max": np.maximum, "min": np.minimum}
SAME = {"⊙": "*", "·": "*", "ᵀ": ".T", "²": "**2", "^": "**", "[": "(1.0*(", "]": "))"}


def code(formula: str) -> str:
    """The formula as Python."""
    written, operand = "", False
    for token in TOKEN.findall(formula):
        begins = bool(re.match(r"(?![²ᵀ])[\w(\[]", token))
        function = token in FUNCTIONS
        written += "@" if begins and operand else ""
        written += SAME.get(token, token.replace("_{t-1}", "_before").replace("'", "_prime"))
        operand = not function and bool(re.match(r"[\w)\]ᵀ²]", token))
    return written


def equations(lines: list[str]) -> list[tuple[str, str]]:
    found = [re.fullmatch(r" *\(\d+\)  (\S+) = (.*)", line) for line in lines]
    return [(match[1], match[2]) for match in found if match]


def parts(layer: Cell, lines: list[str]) -> dict[str, Any]:
    """The parameters under the names of the page: W_h of heads as a matrix with blocks, of each gate its own part."""
    known: dict[str, Any] = {}
    listed = re.findall(r"(\w+) = \[([^\]]*)\]", next(line for line in lines if line.startswith("Gates")))
    for parameter, names in listed:
        value = layer.params[parameter]
        gates = names.split(", ")
        for number, name in enumerate(gates):
            if value.ndim == 3:
                D = H // len(value)
                whole = np.zeros((H, H))
                for head, block in enumerate(value):
                    mine = slice(head * D, (head + 1) * D)
                    whole[mine, mine] = block[:, number * D : (number + 1) * D]
                known[name] = whole
            else:
                known[name] = value[..., number * H : (number + 1) * H]
    return {**{name: layer.params[name] for name in layer.all_vectors()}, **known}


def run(layer: Cell, lines: list[str], x: Any, start: list[Any], dy: Any) -> dict[str, Any]:
    """y, dx, and all gradients under the names of the page."""
    known = parts(layer, lines)
    names = re.findall(r"(\S+)_t[, ]", next(line for line in lines if line.startswith("Each row")))[1:]
    every = equations(lines)
    first = next(i for i, (_, right) in enumerate(every) if "dy_t" in right)
    sums = [(left, right.removeprefix("Σ_t ")) for left, right in every if right.startswith("Σ_t ")]
    forward, backward = every[:first], every[first : len(every) - len(sums)]
    steps, state = [], dict(zip(names, start, strict=True))
    for t in range(T):
        now = {**FUNCTIONS, **known, "x_t": x[:, t], "dy_t": dy[:, t]}
        now |= {code(f"{name}_{{t-1}}"): value for name, value in state.items()}
        for left, right in forward:
            now[code(left)] = eval(code(right), now)
        state = {name: now[code(f"{name}_t")] for name in names}
        steps.append(now)
    back = {name: np.zeros((B, H)) for name in names}
    totals: dict[str, Any] = {left: 0.0 for left, _ in sums}
    for now in reversed(steps):
        now |= {code(f"r{name}_t"): value for name, value in back.items()}
        for left, right in backward:
            now[code(left)] = eval(code(right), now)
        back = {name: now[code(f"r{name}_{{t-1}}")] for name in names}
        for left, right in sums:
            value = eval(code(right), now)
            totals[left] = totals[left] + (value if left.startswith("dW") and "ᵀ" in right else np.sum(value, axis=0))
    y, dx = (np.stack([now[name] for now in steps], axis=1) for name in (code(f"{names[0]}_t"), "dx_t"))
    return {"y": y, "dx": dx, **totals, "start": list(back.values())}


class Odd(Cell):
    """Names that a page uses itself, a state that the output goes into, one that stays, and many operations."""

    gates = (Gate("x", of="limited"), "forget", Gate("y", apart=True), Gate("only", recurrent=False))
    states = ("y_1", "u", "kept")
    vectors: ClassVar[Any] = {"u1": zeros, "e1": zeros, "alpha": normal_fan_in}

    def limited(self, forget: Any, y_1: Any) -> Any:
        return np.minimum(sigmoid(forget) * y_1, 0.5) - 2

    def equations(
        self, x: Any, forget: Any, y_x: Any, y_h: Any, only: Any, u: Any, kept: Any, u1: Any, e1: Any, alpha: Any
    ) -> Any:
        a = -(x - (forget - u1)) / (1 + np.square(y_x) / np.exp(-y_h))
        after = where(a > e1, np.sin(a) * -0.3, a**3 * 1e-3) + np.cos(only) * softplus(u - 1) ** 0.5
        return np.tanh(after + kept + alpha), 0.5 * after - np.abs(u) / np.sqrt(1 + u * u), kept


class Diagonal(Cell):
    gates = (Gate("n", apart=True), Gate("a", of="both"), "b")
    recurrent = "diagonal"

    def both(self, h: Any, b: Any) -> Any:
        return h * sigmoid(b)

    def equations(self, n_x: Any, n_h: Any, a: Any, b: Any, h: Any) -> Any:
        return np.tanh(n_x + sigmoid(b) * n_h) - a / (2 - np.maximum(-1, np.minimum(h, 1)))


ZOO = [
    LSTMLayer(H),
    LSTMLayer(H, bias=False),
    LSTMLayer(H, peepholes=True),
    GRULayer(H),
    GRULayer(H, reset_after=False, recurrent_dropout=0.5),
    MGULayer(H),
    JANETLayer(H, beta=-0.7),
    IndRNNLayer(H, recurrent_dropout=0.5),
    LeakyLayer(H),
    FastGRNNLayer(H),
    MinGRULayer(H),
    SLSTMLayer(H, heads=3),
    Odd(H),
    Diagonal(H),
]
every_cell = pytest.mark.parametrize("layer", ZOO, ids=lambda layer: type(layer).__name__)


@every_cell
def test_what_is_printed_computes_what_the_layer_computes(layer: Cell) -> None:
    rng = np.random.default_rng(11)
    layer.build((None, F), rng, np.float64)
    for name, value in layer.params.items():
        layer.params[name] = value + 0.4 * rng.standard_normal(value.shape)
    x, dy = rng.standard_normal((B, T, F)), rng.standard_normal((B, T, H))
    start = [0.5 + rng.random((B, H)) for _ in layer.states]
    y, cache = layer.forward(x, Context(state=start[0] if len(start) == 1 else tuple(start)))
    dx, grads, d_start = layer.backward_from(dy, None, cache)
    lines = page(layer, TEXT)
    found = run(layer, lines, x, start, dy)
    np.testing.assert_allclose(found["y"], y, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found["dx"], dx, rtol=1e-9, atol=1e-12)
    layer.params = dict(grads)
    expected = parts(layer, lines)
    assert {f"d{name}" for name in expected} == {name for name in found if name not in ("y", "dx", "start")}
    for name, gradient in expected.items():
        total = found[f"d{name}"] * (gradient != 0 if layer.recurrent == "heads" and name.startswith("W_h") else 1)
        np.testing.assert_allclose(total, gradient, rtol=1e-9, atol=1e-11, err_msg=name)
    for mine, theirs in zip(found["start"], d_start if len(start) > 1 else (d_start,), strict=True):
        np.testing.assert_allclose(np.broadcast_to(mine, (B, H)), theirs, rtol=1e-9, atol=1e-12)


@every_cell
def test_each_symbol_is_given_once(layer: Cell) -> None:
    for notation in (TEXT, LATEX):
        left = [line.partition("=")[0] for line in page(layer, notation) if re.search(r"^ +\(|&=", line)]
        assert len(left) == len(set(left))


def test_an_lstm_reads_as_in_a_textbook() -> None:
    text = "\n".join(page(LSTMLayer(1), TEXT))
    for line in (
        "i_t = x_t W_xi + h_{t-1} W_hi + b_i",
        "c_t = σ(f_t) ⊙ c_{t-1} + σ(i_t) ⊙ tanh(g_t)",
        "h_t = σ(o_t) ⊙ tanh(c_t)",
        "dc_t = rc_t + dh_t ⊙ σ(o_t) ⊙ (1 - tanh(c_t)²)",
        "df_t = dc_t ⊙ c_{t-1} ⊙ σ(f_t) ⊙ (1 - σ(f_t))",
        "rc_{t-1} = dc_t ⊙ σ(f_t)",
        "dW_hf = Σ_t h_{t-1}ᵀ df_t",
    ):
        assert f"  {line}\n" in text


@every_cell
def test_the_latex_has_the_same_equations_and_is_well_formed(layer: Cell) -> None:
    lines = page(layer, LATEX)
    text = "\n".join(lines)
    assert text.isascii()
    assert text.count("\\begin{align}") == text.count("\\end{align}") == 3
    assert sum("&=" in line for line in lines) == len(equations(page(layer, TEXT)))
    for line in lines:
        assert not re.search(r"[_^](?!\{|t )", re.sub(r"\$[^$]*\$", "", line)), line
        for opening, closing in ("{}", "()", "[]"):
            depth = np.cumsum([(c == opening) - (c == closing) for c in line])
            assert depth.size == 0 or (depth.min() >= 0 and depth[-1] == 0), line


def test_matplotlib_can_typeset_the_latex() -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext", reason="matplotlib is not installed")
    parser = mathtext.MathTextParser("path")
    for layer in (SLSTMLayer(H), Odd(H)):
        for line in page(layer, LATEX):
            if "&=" in line:
                parser.parse(f"${line.removesuffix(' ' + 2 * chr(92)).replace('&', '')}$")
