"""Weight decay, Nesterov, AdamW, RMSProp, Adagrad and Lion against their formulas in plain floats."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from test_optimizers import adam_by_hand, run

from minidl import SGD, Adagrad, Adam, AdamW, ConfigError, Lion, Optimizer, RMSProp

Steps = Callable[[float, Sequence[float]], list[float]]


def nesterov(p: float, grads: Sequence[float]) -> list[float]:
    """Sutskever et al.: the gradient is of p + μ V, and V ← μ V - η g; what is stored is p + μ V."""
    velocity, rows = 0.0, []
    plain = p
    for g in grads:
        velocity = 0.8 * velocity - 0.1 * g
        plain = plain + velocity
        rows.append(plain + 0.8 * velocity)
    return rows


def adamw(p: float, grads: Sequence[float]) -> list[float]:
    m = v = 0.0
    rows = []
    for t, g in enumerate(grads, 1):
        p = p - 0.1 * 0.3 * p
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        p = p - 0.1 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.99**t)) + 0.001)
        rows.append(p)
    return rows


def rmsprop(p: float, grads: Sequence[float], momentum: float = 0.0) -> list[float]:
    s = w = 0.0
    rows = []
    for g in grads:
        s = 0.9 * s + 0.1 * g * g
        w = momentum * w + g / (math.sqrt(s) + 0.001)
        p = p - 0.1 * w
        rows.append(p)
    return rows


def adagrad(p: float, grads: Sequence[float]) -> list[float]:
    s, rows = 0.0, []
    for g in grads:
        s = s + g * g
        p = p - 0.1 * g / (math.sqrt(s) + 0.001)
        rows.append(p)
    return rows


def lion(p: float, grads: Sequence[float]) -> list[float]:
    m, rows = 0.0, []
    for g in grads:
        way = 0.8 * m + (1 - 0.8) * g
        p = (1 - 0.1 * 0.3) * p - 0.1 * (1 if way > 0 else -1 if way < 0 else 0)
        m = 0.6 * m + (1 - 0.6) * g
        rows.append(p)
    return rows


# 100 steps, each a dozen operations on numbers up to 10: 1e-12 leaves room. Each catches a decay or a sign that is
# another one; of Lion, of which only signs are seen, it takes that many.
CASES: dict[str, tuple[Optimizer, Steps]] = {
    "nesterov": (SGD(0.1, momentum=0.8, nesterov=True), nesterov),
    "AdamW": (AdamW(0.1, beta2=0.99, epsilon=0.001, weight_decay=0.3), adamw),
    "RMSProp": (RMSProp(0.1, decay=0.9, epsilon=0.001), rmsprop),
    "RMSProp, momentum": (
        RMSProp(0.1, decay=0.9, momentum=0.7, epsilon=0.001),
        lambda p, g: rmsprop(p, g, momentum=0.7),
    ),
    "Adagrad": (Adagrad(0.1, epsilon=0.001), adagrad),
    "Lion": (Lion(0.1, beta1=0.8, beta2=0.6, weight_decay=0.3), lion),
}
GRADS = np.random.default_rng(0).normal(size=(100, 3))
START = np.array([2.0, -3.0, 0.5])


@pytest.mark.parametrize("name", CASES)
def test_an_optimizer_equals_its_formula(name: str) -> None:
    optimizer, by_hand = CASES[name]
    got = run(optimizer, START, GRADS)
    for k in range(3):
        np.testing.assert_allclose(got[:, k], by_hand(START[k], GRADS[:, k].tolist()), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    "make",
    [
        lambda λ: SGD(0.1, weight_decay=λ),
        lambda λ: SGD(0.1, momentum=0.8, weight_decay=λ),
        lambda λ: Adam(0.1, weight_decay=λ),
        lambda λ: RMSProp(0.1, weight_decay=λ),
        lambda λ: Adagrad(0.1, weight_decay=λ),
    ],
    ids=["SGD", "momentum", "Adam", "RMSProp", "Adagrad"],
)
def test_weight_decay_is_a_part_of_the_gradient(make: Callable[[float], Optimizer]) -> None:
    decayed, plain = make(0.3), make(0.0)
    p, q = START.copy(), START.copy()
    p_state, q_state = decayed.start(p), plain.start(q)
    for g in GRADS:
        decayed.update(p, g.copy(), p_state)
        plain.update(q, g + 0.3 * q, q_state)
    np.testing.assert_allclose(p, q, rtol=1e-14)


def test_adamw_without_decay_is_adam() -> None:
    got = run(AdamW(0.1, weight_decay=0.0), START, GRADS)
    np.testing.assert_allclose(got[:, 0], adam_by_hand(2.0, GRADS[:, 0], 0.1, 0.9, 0.999, 1e-8), rtol=1e-12)


@pytest.mark.parametrize("optimizer", [case[0] for case in CASES.values()], ids=list(CASES))
def test_the_state_holds_all_that_is_remembered_and_arrays_keep_their_dtype(optimizer: Optimizer) -> None:
    for dtype in ("float32", "float64"):
        params = START.astype(dtype)
        state = optimizer.start(params)
        arrays = dict(state)
        for g in GRADS[:5]:
            optimizer.update(params, g.astype(dtype), state)
        assert params.dtype == dtype
        assert all(state[name] is value and (value.dtype == dtype or name == "t") for name, value in arrays.items())
    saved = {name: value.copy() for name, value in state.items()}
    optimizer.update(params.copy(), np.full(3, 9.0), state)  # somebody else's step in between
    for g in GRADS[5:]:
        optimizer.update(params, g.copy(), saved)
    np.testing.assert_array_equal(params, run(optimizer, START, GRADS)[-1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(0.1, nesterov=True), "SGD: nesterov: needs momentum, which is 0; set it, for example to 0.9"),
        (lambda: SGD(0.1, weight_decay=-1), "SGD: weight_decay: expected `float` >= 0.0, got -1"),
        (lambda: RMSProp(decay=1.0), "RMSProp: decay: expected `float` < 1.0, got 1.0"),
        (lambda: Adagrad(epsilon=0.0), "Adagrad: epsilon: expected `float` > 0.0, got 0.0"),
        (lambda: Lion(beta2=1.5), "Lion: beta2: expected `float` < 1.0, got 1.5"),
    ],
)
def test_arguments_out_of_range_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ConfigError) as err:
        make()
    assert str(err.value) == message
