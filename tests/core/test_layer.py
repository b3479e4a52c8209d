"""What every layer promises beyond its numbers: calls before build, bind, and independent results."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import Dense, LastStep, RecurrentLayer, Sequential, ShapeError, TanhActivation


@pytest.mark.parametrize("layer", [RecurrentLayer(3), Dense(3), Sequential([Dense(3)])], ids=lambda part: repr(part))
def test_a_call_before_build_says_so(layer):
    with pytest.raises(ShapeError, match=r"it has no parameters yet; call build\(input_shape, rng\) first"):
        layer(np.zeros((1, 2, 3)))


def test_bind_names_a_parameter_that_is_missing_or_has_another_shape():
    dense = Dense(3)
    dense.build((8,), np.random.default_rng(0), "float64")
    with pytest.raises(ShapeError, match=r"Dense: expected b of shape \(3,\), got none"):
        dense.bind({"W": np.zeros((8, 3))})
    with pytest.raises(ShapeError, match=r"Dense: expected W of shape \(8, 3\), got \(3, 8\)"):
        dense.bind({"W": np.zeros((3, 8)), "b": np.zeros(3)})


@pytest.mark.parametrize(
    "layer",
    [RecurrentLayer(3), RecurrentLayer(40), Dense(2), TanhActivation(), LastStep(), Sequential([Dense(2)])],
    ids=lambda part: repr(part)[:20],
)
def test_without_a_workspace_a_second_backward_leaves_the_first_ones_arrays_alone(layer):
    # A Jacobian built row by row from one cache would be wrong otherwise.
    rng = np.random.default_rng(0)
    layer.build((3, 2), rng, "float64")
    y, cache = layer.forward(rng.normal(size=(2, 3, 2)))
    dx, grads = layer.backward(np.ones_like(y), cache)
    kept, kept_grads = dx.copy(), {name: gradient.copy() for name, gradient in grads.items()}
    layer.backward(2 * np.ones_like(y), cache)
    np.testing.assert_array_equal(dx, kept)
    for name, gradient in grads.items():
        np.testing.assert_array_equal(gradient, kept_grads[name])


@pytest.mark.parametrize("layer", [RecurrentLayer(3), RecurrentLayer(40), Dense(2)], ids=lambda part: repr(part)[:30])
def test_a_dy_that_would_broadcast_is_refused(layer):
    layer.build((3, 2), np.random.default_rng(0), "float64")
    y, cache = layer.forward(np.ones((4, 3, 2)))
    with pytest.raises(ShapeError, match=r"expected dy of shape \(4, 3, \d+\), got \(1, 3, \d+\)"):
        layer.backward(np.ones_like(y[:1]), cache)
