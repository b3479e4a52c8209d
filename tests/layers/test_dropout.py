"""Dropout: which numbers are left out, and that nothing changes where the net is used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import Cell, ConfigError, Context, Dropout, GRULayer, LSTMLayer, MinGRULayer

P = 0.3


def training(seed: int = 0) -> Context:
    return Context(training=True, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_share_is_left_out_and_the_rest_makes_up_for_it(dtype: str) -> None:
    x = np.ones((50, 40, 10), dtype)
    y, cache = Dropout(P).forward(x, training())
    assert y.dtype == dtype
    kept = 1 / (1 - P)
    np.testing.assert_allclose(np.unique(y), [0, kept], rtol=1e-6)
    # Of 20,000 draws the share is within 0.015, more than four standard deviations.
    assert abs((y == 0).mean() - P) < 0.015
    assert abs(y.mean() - 1) < 0.02
    dx, grads = Dropout(P).backward(np.full_like(x, 2), cache)
    np.testing.assert_array_equal(dx, 2 * y)
    assert grads == {}


def test_a_mask_is_another_one_at_each_step_or_the_same_at_all() -> None:
    x = np.ones((4, 30, 8))
    each = Dropout(P).forward(x, training())[0]
    same = Dropout(P, shared_over_time=True).forward(x, training())[0]
    assert (each != each[:, :1]).any()
    np.testing.assert_array_equal(same, np.broadcast_to(same[:, :1], same.shape))
    assert (same[0] != same[1]).any()  # each sequence has its own


@pytest.mark.parametrize("layer", [Dropout(P), Dropout(0.0), Dropout(P, shared_over_time=True)])
def test_nothing_changes_where_the_net_is_used_and_nothing_is_drawn(layer: Dropout) -> None:
    x, rng = np.random.default_rng(1).normal(size=(2, 3, 4)), np.random.default_rng(2)
    y, cache = layer.forward(x, Context(rng=rng, training=layer.drop_rate == 0))
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(layer.backward(x, cache)[0], x)
    assert rng.random() == np.random.default_rng(2).random()


@pytest.mark.parametrize("layer", [Dropout(P), LSTMLayer(2, recurrent_dropout=P)])
def test_without_a_generator_it_cannot_train(layer: Any) -> None:
    layer.build((None, 4), np.random.default_rng(0), "float64")
    with pytest.raises(
        ConfigError, match=rf"^{type(layer).__name__}: dropout draws .* give Context\(training=True, rng"
    ):
        layer.forward(np.ones((2, 3, 4)), Context(training=True))


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5])
def test_rates_that_make_no_sense_are_refused(rate: float) -> None:
    with pytest.raises(ConfigError, match=r"drop_rate: expected `float`"):
        Dropout(rate)


def sigma(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def lstm(P: dict[str, Any], x: Any, h: Any, c: Any, m: Any) -> tuple[Any, ...]:
    i, o, f, g = np.split(x @ P["W_x"] + (h * m) @ P["W_h"] + P["b"], 4, axis=1)
    c = sigma(f) * c + sigma(i) * np.tanh(g)
    return sigma(o) * np.tanh(c), c


def gru(P: dict[str, Any], x: Any, h: Any, m: Any) -> tuple[Any, ...]:
    """Reset before the product: the same units are left out of it."""
    H = h.shape[1]
    W, W_h = x @ P["W_x"] + P["b"], P["W_h"]
    z, r = np.split(sigma(W[:, : 2 * H] + (h * m) @ W_h[:, : 2 * H]), 2, axis=1)
    n = np.tanh(W[:, 2 * H :] + (r * h * m) @ W_h[:, 2 * H :])
    return ((1 - z) * n + z * h,)


@pytest.mark.parametrize(
    ("cell", "step"),
    [(LSTMLayer(5, recurrent_dropout=P), lstm), (GRULayer(5, reset_after=False, recurrent_dropout=P), gru)],
)
def test_recurrent_dropout_leaves_the_same_units_out_of_every_product_of_a_sequence(cell: Cell, step: Any) -> None:
    cell.build((None, 3), np.random.default_rng(0), "float64")
    x = np.random.default_rng(1).normal(size=(4, 6, 3))
    y = cell.forward(x, training(7))[0]
    left = np.random.default_rng(7).random((4, 5), np.float32) >= P
    assert 0 < left.mean() < 1
    state: tuple[Any, ...] = tuple(np.zeros((4, 5)) for _ in cell.states)
    for t in range(6):
        state = step(cell.params, x[:, t], *state, left / (1 - P))
        np.testing.assert_allclose(y[:, t], state[0], rtol=1e-12, atol=1e-14)
    whole = type(cell)(5, **({"reset_after": False} if isinstance(cell, GRULayer) else {}))
    whole.build((None, 3), np.random.default_rng(0), "float64")
    np.testing.assert_array_equal(cell(x), whole(x))  # where the net is used


def test_a_cell_that_multiplies_no_state_refuses_it() -> None:
    with pytest.raises(ConfigError, match=r"^MinGRULayer: recurrent_dropout: there is no W_h"):
        MinGRULayer(2, recurrent_dropout=0.1)
