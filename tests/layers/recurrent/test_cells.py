"""Cells: every shipped one against a plain loop over its equations, with products written out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import (
    Cell,
    ConfigError,
    Context,
    FastGRNNLayer,
    GRULayer,
    IndRNNLayer,
    JANETLayer,
    LeakyLayer,
    LSTMLayer,
    MGULayer,
    MinGRULayer,
    ShapeError,
    SLSTMLayer,
    sigmoid,
)

T, F, B = 5, 3, 4


def gate(layer: Cell, place: int, x: Any, h: Any, *, among: int, h_place: int | None = None) -> Any:
    """x W_x + h W_h + b of one gate; `h_place`: its number among those with recurrent weights."""
    H, P = layer.hidden_size, layer.params
    mine = slice(place * H, (place + 1) * H)
    found = x @ P["W_x"][:, mine] + P["b"][mine]
    if h is not None:
        k = place if h_place is None else h_place
        found = found + h @ P["W_h"].reshape(H, among, H)[:, k]
    return found


def lstm(layer: Any, x: Any, h: Any, c: Any) -> Any:
    i, o, f, g = (gate(layer, k, x, h, among=4) for k in range(4))
    if layer.peepholes:
        i, f = i + layer.params["p_i"] * c, f + layer.params["p_f"] * c
    c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    if layer.peepholes:
        o = o + layer.params["p_o"] * c
    return np.tanh(c) / (1 + np.exp(-o)), c


def gru_after(layer: Any, x: Any, h: Any) -> Any:
    H, P = layer.hidden_size, layer.params
    z, r = (1 / (1 + np.exp(-gate(layer, k, x, h, among=3))) for k in range(2))
    n = np.tanh(gate(layer, 2, x, None, among=3) + r * (h @ P["W_h"][:, 2 * H :] + P["b_h"]))
    return ((1 - z) * n + z * h,)


def gru_before(layer: Any, x: Any, h: Any) -> Any:
    z, r = (1 / (1 + np.exp(-gate(layer, k, x, h, among=3))) for k in range(2))
    n = np.tanh(gate(layer, 2, x, r * h, among=3))
    return ((1 - z) * n + z * h,)


def mgu(layer: Any, x: Any, h: Any) -> Any:
    f = 1 / (1 + np.exp(-gate(layer, 0, x, h, among=2)))
    return ((1 - f) * h + f * np.tanh(gate(layer, 1, x, f * h, among=2)),)


def janet(layer: Any, x: Any, h: Any) -> Any:
    s, g = (gate(layer, k, x, h, among=2) for k in range(2))
    return (h / (1 + np.exp(-s)) + (1 - 1 / (1 + np.exp(layer.beta - s))) * np.tanh(g),)


def indrnn(layer: Any, x: Any, h: Any) -> Any:
    a = gate(layer, 0, x, None, among=1) + layer.params["W_h"] * h
    return (np.where(a > 0, a, 0),)


def leaky(layer: Any, x: Any, h: Any) -> Any:
    alpha = 1 / (1 + np.exp(-layer.params["k"]))
    return (h + alpha * (np.tanh(gate(layer, 0, x, h, among=1)) - h),)


def fastgrnn(layer: Any, x: Any, h: Any) -> Any:
    P, a = layer.params, gate(layer, 0, x, h, among=1)
    z = 1 / (1 + np.exp(-(a + P["d"])))
    zeta, nu = 1 / (1 + np.exp(-P["zeta"])), 1 / (1 + np.exp(-P["nu"]))
    return ((zeta * (1 - z) + nu) * np.tanh(a) + z * h,)


def min_gru(layer: Any, x: Any, h: Any) -> Any:
    z, n = (gate(layer, k, x, None, among=2) for k in range(2))
    return (h + (n - h) / (1 + np.exp(-z)),)


def slstm(layer: Any, x: Any, h: Any, c: Any, n: Any, m: Any) -> Any:
    """Without the stabilising state, which changes nothing: exp(f) c + exp(i) tanh(z), over the same with 1."""
    H, heads, P = layer.hidden_size, layer.heads, layer.params
    D = H // heads
    a = x @ P["W_x"] + P["b"]
    a = a.reshape(-1, 4, heads, D)
    for head in range(heads):
        a[:, :, head] += (h[:, head * D : (head + 1) * D] @ P["W_h"][head]).reshape(-1, 4, D)
    i, f, z, o = (a[:, k].reshape(-1, H) for k in range(4))
    c, n = np.exp(f) * c + np.exp(i) * np.tanh(z), np.exp(f) * n + np.exp(i)
    return c / n / (1 + np.exp(-o)), c, n, m


ZOO: dict[str, tuple[Cell, Any]] = {
    "LSTM": (LSTMLayer(6), lstm),
    "LSTM with peepholes": (LSTMLayer(6, peepholes=True, forget_bias=0.5), lstm),
    "GRU, reset after": (GRULayer(6), gru_after),
    "GRU, reset before": (GRULayer(6, reset_after=False), gru_before),
    "MGU": (MGULayer(6), mgu),
    "JANET": (JANETLayer(6, beta=0.7), janet),
    "IndRNN": (IndRNNLayer(6), indrnn),
    "leaky": (LeakyLayer(6), leaky),
    "FastGRNN": (FastGRNNLayer(6), fastgrnn),
    "minGRU": (MinGRULayer(6), min_gru),
    "sLSTM of three heads": (SLSTMLayer(6, heads=3), slstm),
}


@pytest.mark.parametrize("name", ZOO)
def test_a_cell_is_its_equations_step_by_step(name: str) -> None:
    layer, step = ZOO[name]
    rng = np.random.default_rng(3)
    layer.build((None, F), rng, np.float64)
    for key, value in layer.params.items():  # biases and vectors too must be something
        layer.params[key] = value + 0.3 * rng.standard_normal(value.shape)
    x = rng.standard_normal((B, T, F))
    state = [np.zeros((B, 6)) for _ in layer.states]
    expected = []
    for t in range(T):
        state = list(step(layer, x[:, t], *state))
        expected.append(state[0])
    y, cache = layer.forward(x)
    np.testing.assert_allclose(y, np.stack(expected, 1), rtol=1e-12, atol=1e-14)
    if name != "sLSTM of three heads":  # whose c and n are scaled by exp(m)
        found = layer.final_state(cache)
        for part, known in zip(found if len(state) > 1 else (found,), state, strict=True):
            np.testing.assert_allclose(part, known, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", [LSTMLayer, GRULayer])
def test_without_biases_is_as_if_all_of_them_were_zero(kind: type[Cell]) -> None:
    bare, zero = kind(4, bias=False), kind(4)
    for layer in (bare, zero):
        layer.build((None, F), np.random.default_rng(6), np.float64)
    zero.params.update({name: 0 * value for name, value in zero.params.items() if name.startswith("b")})
    zero.params.update(bare.params)
    x = np.random.default_rng(7).standard_normal((B, T, F))
    (found, cache), (expected, other) = (layer.forward(x) for layer in (bare, zero))
    np.testing.assert_array_equal(found, expected)
    dy = np.random.default_rng(8).standard_normal(found.shape)
    np.testing.assert_array_equal(bare.backward(dy, cache)[0], zero.backward(dy, other)[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["LSTM", "GRU, reset after", "GRU, reset before", "MGU"])
def test_a_whole_sequence_equals_two_halves_with_the_state_handed_over(name: str, dtype: str) -> None:
    layer, _ = ZOO[name]
    rng = np.random.default_rng(4)
    layer.build((None, F), rng, dtype)
    x = rng.standard_normal((B, T, F)).astype(dtype)
    whole = layer.forward(x)[0]
    first, cache = layer.forward(x[:, :2])
    second = layer.forward(x[:, 2:], Context(state=layer.final_state(cache)))[0]
    assert whole.dtype == dtype
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole, rtol=0, atol=1e-6)


def test_the_forget_bias_is_where_a_new_net_remembers() -> None:
    layer = LSTMLayer(2, forget_bias=1.5)
    layer.build((None, F), np.random.default_rng(0), np.float64)
    np.testing.assert_array_equal(layer.params["b"], [0, 0, 0, 0, 1.5, 1.5, 0, 0])


@pytest.mark.parametrize(("dtype", "f"), [("float32", 95.0), ("float32", 200.0), ("float64", 900.0)])
def test_a_forget_gate_that_is_wide_open_forgets_nothing_at_the_start_of_slstm(dtype: str, f: float) -> None:
    # exp(i - f) leaves the dtype: where n_1 was that, a sum of nothing but it, outputs were 0 / 0 or coarse.
    layer = SLSTMLayer(3)
    layer.build((None, F), np.random.default_rng(0), dtype)
    layer.params["b"][3:6] = f
    layer.params["W_h"][...] = 0
    x = np.random.default_rng(1).normal(size=(B, T, F)).astype(dtype)
    i, _, z, o = np.split((x @ layer.params["W_x"]).astype("float64"), 4, axis=-1)
    fs = x.astype("float64") @ layer.params["W_x"][:, 3:6].astype("float64") + f
    weight = np.exp(i - np.cumsum(fs, axis=1) + fs[:, :1])  # of each step, as a share of all so far
    expected = np.cumsum(weight * np.tanh(z), axis=1) / np.cumsum(weight, axis=1) / (1 + np.exp(-o))
    y, cache = layer.forward(x)
    np.testing.assert_allclose(y, expected, rtol=1e-5 if dtype == "float32" else 1e-10)
    dx, grads = layer.backward(np.ones_like(y), cache)
    assert all(np.isfinite(value).all() for value in (dx, *grads.values()))


def test_each_gate_and_head_draws_weights_of_its_own() -> None:
    layer = SLSTMLayer(4, heads=2)
    layer.build((None, F), np.random.default_rng(0), np.float64)
    assert layer.params["W_h"].shape == (2, 2, 8)
    blocks = layer.params["W_h"].reshape(2, 2, 4, 2).transpose(0, 2, 1, 3).reshape(8, 4)
    assert len({tuple(block) for block in blocks}) == 8


def test_units_that_cannot_be_shared_among_heads_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"^SLSTMLayer: 5 units cannot be shared among 2 heads\.$"):
        SLSTMLayer(5, heads=2).output_shape((None, 3))


@pytest.mark.parametrize("state", [np.zeros((B, 2)), (np.zeros((B, 2)),), [np.zeros((B, 2))] * 3])
def test_a_start_state_of_another_number_of_parts_is_refused(state: Any) -> None:
    layer = LSTMLayer(2)
    layer.build((None, F), np.random.default_rng(0), np.float64)
    with pytest.raises(ShapeError, match=r"^LSTMLayer: expected a start state of 2 arrays \(h, c\)\.$"):
        layer.forward(np.zeros((B, T, F)), Context(state=state))


def built(**parts: Any) -> Cell:
    cls = type("Mine", (Cell,), {"__annotations__": {}, **parts})
    layer: Cell = cls(2)
    layer.build((None, F), np.random.default_rng(0), np.float64)
    return layer


def test_equations_that_ask_for_what_there_is_not_say_what_there_is() -> None:
    with pytest.raises(ConfigError, match=r"there is no 'c'; gates, states and vectors: a, h\.$"):
        built(gates=("a",), equations=lambda self, a, c: np.tanh(a) + c)


def test_as_many_results_as_states_are_needed() -> None:
    with pytest.raises(ConfigError, match=r"expected 2 results \(h, c\), got 1\.$"):
        built(gates=("a",), states=("h", "c"), equations=lambda self, a, c: np.tanh(a) + c)


def test_three_lines_make_a_cell() -> None:
    def equations(self: Any, f: Any, n: Any, h: Any) -> Any:
        return (1 - sigmoid(f)) * h + sigmoid(f) * np.tanh(n)

    layer = built(gates=("f", "n"), equations=equations)
    x = np.random.default_rng(1).standard_normal((B, T, F))
    y, h = layer.forward(x)[0], np.zeros((B, 2))
    for t in range(T):
        f, n = (gate(layer, k, x[:, t], h, among=2) for k in range(2))
        h = h + (np.tanh(n) - h) / (1 + np.exp(-f))
        np.testing.assert_allclose(y[:, t], h, rtol=1e-12)
