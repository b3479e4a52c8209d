"""LayerNorm and Softmax: by plain loops and beside torch's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from minidl import ConfigError, Context, Layer, LayerNorm, ShapeError, Softmax


def test_layer_norm_by_a_plain_loop() -> None:
    layer = LayerNorm(epsilon=0.5)
    layer.build((None, 3), np.random.default_rng(0), "float64")
    layer.params["g"], layer.params["b"] = np.array([1.0, 2, 3]), np.array([0.5, 0, -1])
    x = np.random.default_rng(1).normal(size=(2, 4, 3))
    y = layer(x)
    for n in range(2):
        for t in range(4):
            mean = sum(x[n, t]) / 3
            variance = sum((a - mean) ** 2 for a in x[n, t]) / 3
            for k in range(3):
                normal = (x[n, t, k] - mean) / math.sqrt(variance + 0.5)
                expected = (1.0, 2, 3)[k] * normal + (0.5, 0, -1)[k]
                assert y[n, t, k] == pytest.approx(expected, rel=1e-13)


def test_softmax_by_a_plain_loop_and_of_numbers_whose_exp_is_too_large() -> None:
    x = np.random.default_rng(1).normal(size=(4, 3))
    for row, shares in zip(x, Softmax()(x), strict=True):
        total = sum(math.exp(a) for a in row)
        np.testing.assert_allclose(shares, [math.exp(a) / total for a in row], rtol=1e-14)
    np.testing.assert_allclose(Softmax()(np.array([[1e4, 1e4, -1e4]])), [[0.5, 0.5, 0]], rtol=0)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("shape", [(5, 7), (3, 4, 6), (2, 3, 1)])
@pytest.mark.parametrize("layer", [LayerNorm(epsilon=1e-3), Softmax()])
def test_equal_to_torch(layer: Layer, shape: tuple[int, ...], dtype: str, tolerance: float) -> None:
    torch: Any = pytest.importorskip("torch", reason="torch is not installed")
    rng = np.random.default_rng(0)
    layer.build(shape[1:], rng, dtype)
    x, dy = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    given = torch.tensor(x, requires_grad=True)
    net: Any = torch.nn.Softmax(-1)
    if isinstance(layer, LayerNorm):
        layer.params["g"], layer.params["b"] = (rng.normal(size=shape[-1]).astype(dtype) for _ in range(2))
        net = torch.nn.LayerNorm(shape[-1], eps=1e-3, dtype=getattr(torch, dtype))
        with torch.no_grad():
            net.weight.copy_(torch.tensor(layer.params["g"]))
            net.bias.copy_(torch.tensor(layer.params["b"]))
    expected = net(given)
    expected.backward(torch.tensor(dy))
    y, cache = layer.forward(x)
    dx, grads = layer.backward(dy, cache)
    pairs = [(y, expected.detach()), (dx, given.grad)]
    pairs += [(grads["g"], net.weight.grad), (grads["b"], net.bias.grad)] if grads else []
    for mine, other in pairs:
        assert mine.dtype == dtype
        np.testing.assert_allclose(mine, other.numpy(), rtol=tolerance, atol=tolerance)


def test_what_stands_in_the_padding_reaches_no_gradient() -> None:
    layer = LayerNorm()
    layer.build((None, 3), np.random.default_rng(0), "float64")
    x, dy = np.random.default_rng(1).normal(size=(2, 2, 4, 3))
    lengths = np.array([4, 2])
    found = []
    for filling in (0.0, np.nan):
        x[1, 2:] = dy[1, 2:] = filling
        y, cache = layer.forward(x, Context(lengths=lengths))
        dx, grads = layer.backward(dy, cache)
        found.append([y[0], y[1, :2], dx, grads["g"], grads["b"]])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"^LayerNorm: expected input of shape \(features,\) or \(time, "):
        LayerNorm().output_shape((1, 2, 3))
    with pytest.raises(ConfigError, match=r"^LayerNorm: epsilon: 1e-50 is 0 in float32"):
        LayerNorm(epsilon=1e-50).build((3,), np.random.default_rng(0), "float32")
    layer = LayerNorm()
    layer.build((None, 3), np.random.default_rng(0), "float64")
    with pytest.raises(ShapeError, match=r"^LayerNorm: expected x of shape \(batch, 3\) .*, got \(2, 4, 5\)\.$"):
        layer.forward(np.zeros((2, 4, 5)))
