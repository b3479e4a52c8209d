"""A padded batch equals each of its sequences alone, and what stands in the padding changes no bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from random_stacks import Rng, Sine, stack

from minidl import (
    Bidirectional,
    Context,
    Dense,
    LastStep,
    Layer,
    Parallel,
    RecurrentLayer,
    Residual,
    Sequential,
    ShapeError,
    Workspace,
)
from minidl.core.layer import Array


def padded(a: Array, lengths: Array, filling: float) -> Array:
    a = a.copy()
    for row, n in zip(a, lengths, strict=True):
        row[n:] = filling
    return a


def lengths_of(rng: Rng, batch: int, time: int) -> Array:
    return np.sort(rng.integers(1, time + 1, size=batch))[::-1].copy()


def both(model: Layer, x: Array, dy: Array, ctx: Context) -> tuple[Array, Array, dict[str, Array]]:
    y, cache = model.forward(x, ctx)
    dx, grads = model.backward(dy, cache)
    assert dx is not None
    return y.copy(), dx.copy(), {name: value.copy() for name, value in grads.items()}


def check(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model, features = stack(rng)
    batch, time = int(rng.integers(1, 6)), int(rng.integers(1, 8))
    lengths = lengths_of(rng, batch, time)
    x = rng.normal(size=(batch, time, features))
    after = model.output_lengths(lengths)
    dy = rng.normal(size=model.forward(x)[0].shape)
    padded_dy = dy if after is None else padded(dy, after, np.nan)
    y, dx, grads = both(model, padded(x, lengths, np.nan), padded_dy, Context(lengths=lengths))
    sums = {name: np.zeros_like(value) for name, value in grads.items()}
    for i, n in enumerate(lengths):
        alone = x[i : i + 1, :n], dy[i : i + 1] if after is None else dy[i : i + 1, :n]
        y_i, dx_i, grads_i = both(model, *alone, Context())
        close(y[i : i + 1] if after is None else y[i : i + 1, :n], y_i)
        close(dx[i : i + 1, :n], dx_i)
        for name, value in grads_i.items():
            sums[name] += value
    for name, value in grads.items():
        close(value, sums[name])


def close(actual: Array, expected: Array) -> None:
    """To 1e-12 of the largest number: sums are added in another order."""
    assert np.isfinite(actual).all()
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12 * max(1, np.abs(expected).max(initial=0)))


def test_padded_batches_of_random_stacks_equal_each_sequence_alone() -> None:
    for seed in range(30):
        check(seed)


@pytest.mark.slow
def test_padded_batches_of_200_random_stacks_equal_each_sequence_alone() -> None:
    for seed in range(1000, 1200):
        check(seed)


@pytest.mark.parametrize("lent", [False, True])
def test_what_stands_in_the_padding_changes_no_bit(lent: bool) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        model, features = stack(rng)
        workspace = Workspace() if lent else None
        for _ in range(3):  # other lengths each time: no buffer may keep what an earlier batch left
            lengths = lengths_of(rng, 4, 6)
            x, after = rng.normal(size=(4, 6, features)), model.output_lengths(lengths)
            dy = rng.normal(size=model.forward(x)[0].shape)
            results = []
            for filling in (0.0, np.nan, 1e300):
                given = padded(x, lengths, filling), dy if after is None else padded(dy, after, filling)
                with np.errstate(over="ignore", invalid="ignore"):
                    y, dx, grads = both(model, *given, Context(lengths=lengths, workspace=workspace))
                inner = [y if after is None else padded(y, after, 0.0), padded(dx, lengths, 0.0), *grads.values()]
                results.append([a.tobytes() for a in inner])
            assert results[0] == results[1] == results[2], f"seed {seed}"


@pytest.mark.parametrize("hidden_size", [3, 40])
def test_the_state_is_that_after_each_sequences_last_step(hidden_size: int) -> None:
    model = Sequential([RecurrentLayer(hidden_size), RecurrentLayer(2)])
    model.build((None, 2), 0, "float64")
    x, lengths = np.random.default_rng(0).normal(size=(3, 6, 2)), np.array([5, 3, 1])
    state = model.final_state(model.forward(x, Context(lengths=lengths))[1])
    for i, n in enumerate(lengths):
        alone = model.final_state(model.forward(x[i : i + 1, :n])[1])
        for got, expected in zip(state, alone, strict=True):
            close(got[i : i + 1], expected)


def test_a_start_state_is_taken_with_lengths_too() -> None:
    layer = RecurrentLayer(3)
    layer.build((None, 2), np.random.default_rng(0), "float64")
    rng = np.random.default_rng(1)
    x, h_0, lengths = rng.normal(size=(2, 4, 2)), rng.normal(size=(2, 3)), np.array([4, 2])
    y = layer.forward(x, Context(state=h_0, lengths=lengths))[0]
    close(y[1:, :2], layer.forward(x[1:, :2], Context(state=h_0[1:]))[0])


def test_step_t_touches_only_the_sequences_that_reach_it() -> None:
    seen: list[int] = []

    class Noting(Sine):
        def forward(self, x: Array, ctx: Context | None = None) -> tuple[Array, Any]:
            seen.append(len(x))
            return super().forward(x, ctx)

    layer = RecurrentLayer(2, activation=Noting())
    layer.build((None, 2), np.random.default_rng(0), "float64")
    layer.forward(np.ones((4, 6, 2)), Context(lengths=np.array([5, 3, 3, 1])))
    assert seen == [4, 3, 3, 1, 1]


@pytest.mark.parametrize("layer", [RecurrentLayer(2), LastStep(), Bidirectional(Dense(2)), Dense(2)])
@pytest.mark.parametrize(
    "lengths",
    [np.array([2, 3]), np.array([5, 1]), np.array([3, 0]), np.array([3]), np.array([3.0, 1.0]), np.array([[3, 1]])],
    ids=["increasing", "too long", "none", "too few", "floats", "two axes"],
)
def test_what_are_no_lengths_is_refused(layer: Layer, lengths: Array) -> None:
    model = Sequential([layer])
    model.build((4, 2), 0)
    with pytest.raises(ShapeError, match=r"^\w+: lengths: expected int64 of shape \(2,\), from 1 to 4, the longest"):
        model.forward(np.ones((2, 4, 2)), Context(lengths=lengths))


def test_lengths_end_where_the_time_axis_does() -> None:
    lengths = np.array([3, 1])
    assert Sequential([RecurrentLayer(2), LastStep(), Dense(1)]).output_lengths(lengths) is None
    assert Residual(RecurrentLayer(2)).output_lengths(lengths) is lengths
    assert Parallel([LastStep(), Sequential([Dense(2), LastStep()])]).output_lengths(lengths) is None
    assert Bidirectional(RecurrentLayer(2)).output_lengths(lengths) is lengths
