"""MeanOverTime and MaxOverTime: by hand, with lengths, and in parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import Context, Layer, MaxOverTime, MeanOverTime, ShapeError

X = np.array([[[1.0, 5], [4, 2], [1, 2]], [[3, 3], [3, -1], [0, 0]]])
DY = np.array([[6.0, 12], [18, 24]])


@pytest.mark.parametrize(
    ("layer", "lengths", "y", "dx"),
    [
        (MeanOverTime(), None, [[2, 3], [2, 2 / 3]], [[[2, 4]] * 3, [[6, 8]] * 3]),
        (MeanOverTime(), [3, 2], [[2, 3], [3, 1]], [[[2, 4]] * 3, [[9, 12], [9, 12], [0, 0]]]),
        (MaxOverTime(), None, [[4, 5], [3, 3]], [[[0, 12], [6, 0], [0, 0]], [[18, 24], [0, 0], [0, 0]]]),
        (MaxOverTime(), [2, 1], [[4, 5], [3, 3]], [[[0, 12], [6, 0], [0, 0]], [[18, 24], [0, 0], [0, 0]]]),
    ],
)
def test_values_by_hand(layer: Layer, lengths: Any, y: Any, dx: Any) -> None:
    x, ctx = X.copy(), Context(lengths=None if lengths is None else np.array(lengths))
    for row, n in zip(x, lengths or (), strict=False):
        row[n:] = np.nan
    found, cache = layer.forward(x, ctx)
    np.testing.assert_allclose(found, y, rtol=1e-15)
    np.testing.assert_allclose(layer.backward(DY, cache)[0], dx, rtol=1e-15)


def test_the_largest_of_negative_numbers_is_not_the_padding() -> None:
    y, _ = MaxOverTime().forward(-1 - X**2, Context(lengths=np.array([3, 1])))
    np.testing.assert_array_equal(y, [[-2, -5], [-10, -10]])


def test_a_window_may_come_in_parts_and_what_is_older_gets_no_gradient() -> None:
    for layer, dx in ((MeanOverTime(), [2, 4]), (MaxOverTime(), [0, 0])):
        _, cache = layer.forward(X[:1, :2])
        y, cache = layer.forward(X[:1, 2:], Context(state=layer.final_state(cache)))
        np.testing.assert_allclose(y, layer(X[:1]), rtol=1e-15)
        found, _ = layer.backward(DY[:1], cache)
        np.testing.assert_array_equal(found, [[dx]])


@pytest.mark.parametrize("kind", [MeanOverTime, MaxOverTime])
def test_there_must_be_a_time_axis(kind: Any) -> None:
    with pytest.raises(
        ShapeError, match=rf"^{kind.__name__}: expected input of shape \(time, features\), got \(3,\)\.$"
    ):
        kind().output_shape((3,))
    with pytest.raises(ShapeError, match=rf"^{kind.__name__}: expected x of shape \(batch, time, features\), got "):
        kind().forward(np.zeros((2, 0, 3)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_to_torch(dtype: str) -> None:
    torch: Any = pytest.importorskip("torch", reason="torch is not installed")
    x, dy = (np.random.default_rng(0).normal(size=size).astype(dtype) for size in ((3, 5, 4), (3, 4)))
    for layer, theirs in ((MeanOverTime(), lambda a: a.mean(1)), (MaxOverTime(), lambda a: a.max(1).values)):
        given = torch.tensor(x, requires_grad=True)
        expected = theirs(given)
        expected.backward(torch.tensor(dy))
        y, cache = layer.forward(x)
        assert y.dtype == dtype
        np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-6)
        np.testing.assert_allclose(layer.backward(dy, cache)[0], given.grad.numpy(), rtol=1e-6)
