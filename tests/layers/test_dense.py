"""Dense against plain loops and numbers computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import close, dense_backward, dense_forward

from minidl import Context, Dense, ShapeError, Workspace
from minidl.core.initializers import glorot_uniform, normal_fan_in
from minidl.testing.checks import check_gradients

# Sums of a dozen products: far below these in float64 (eps 2e-16) and float32 (eps 1e-7).
RTOL = {"float64": 1e-13, "float32": 1e-5}


def built(input_size, output_size, dtype="float64", **arguments):
    layer = Dense(output_size, **arguments)
    rng = np.random.default_rng(0)
    layer.build((input_size,), rng, dtype)
    for value in layer.params.values():  # a bias of zeros would hide a forgotten one
        value[...] = rng.normal(size=value.shape)
    return layer


@given(
    features=st.integers(1, 4),
    outputs=st.integers(1, 4),
    leading=st.lists(st.integers(1, 4), min_size=1, max_size=2),
    bias=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_outputs_and_gradients_equal_plain_loops(features, outputs, leading, bias, dtype):
    # Catches: W transposed, a flipped sign, b dropped, sums over time or batch forgotten or averaged.
    layer = built(features, outputs, dtype, bias=bias)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(*leading, features)).astype(dtype)
    dy = rng.normal(size=(*leading, outputs)).astype(dtype)
    y, cache = layer.forward(x)
    dx, grads = layer.backward(dy, cache)
    W, b = layer.params["W"].astype(float), layer.params.get("b")
    close(y, dense_forward(x, W, b), RTOL[dtype])
    expected_dx, dW, db = dense_backward(x, dy, W)
    close(dx, expected_dx, RTOL[dtype])
    close(grads["W"], dW, RTOL[dtype])
    assert grads.keys() == layer.params.keys()
    if bias:
        close(grads["b"], db, RTOL[dtype])
    assert {a.dtype for a in (y, dx, *grads.values())} == {np.dtype(dtype)}


def test_small_integers_come_out_exactly():
    layer = built(2, 3)
    layer.bind({"W": np.array([[1.0, 2, 3], [4, 5, 6]]), "b": np.array([10.0, 20, 30])})
    y, cache = layer.forward(np.array([[1.0, -1], [2, 0]]))
    dx, grads = layer.backward(np.array([[1.0, 0, 2], [0, 1, 1]]), cache)
    assert y.tolist() == [[7, 17, 27], [12, 24, 36]]
    assert dx.tolist() == [[7, 16], [5, 11]]
    assert grads["W"].tolist() == [[1, 2, 4], [-1, 0, -2]]
    assert grads["b"].tolist() == [1, 1, 3]


@given(features=st.integers(1, 5), outputs=st.integers(1, 5), bias=st.booleans(), time=st.integers(0, 3))
def test_gradients_equal_central_differences(features, outputs, bias, time):
    # The layer is linear, so central differences have rounding errors only: some 1e-16 / 1e-5.
    layer = built(features, outputs, bias=bias)
    shape = (3, time, features) if time else (3, features)
    check_gradients(layer, np.random.default_rng(2).normal(size=shape), tolerance=1e-8)


def test_a_sequence_is_treated_like_its_rows():
    layer = built(3, 2)
    x = np.random.default_rng(3).normal(size=(4, 5, 3))
    y = layer(x)
    assert y.shape == (4, 5, 2)
    for t in range(5):
        np.testing.assert_allclose(y[:, t], layer(x[:, t]), rtol=1e-14)


def test_a_sequence_with_time_first_in_memory_gives_the_same():
    # What RecurrentLayer puts out: rows that do not follow each other in memory.
    layer = built(3, 2)
    rng = np.random.default_rng(3)
    x, dy = rng.normal(size=(4, 5, 3)), rng.normal(size=(4, 5, 2))
    _, cache = layer.forward(x)
    expected = layer.backward(dy, cache)
    for axes in [(1, 0, 2), (1, 2, 0)]:
        turned = [np.ascontiguousarray(a.transpose(axes)).transpose(np.argsort(axes)) for a in (x, dy)]
        y, cache = layer.forward(turned[0])
        dx, grads = layer.backward(turned[1], cache)
        np.testing.assert_array_equal(y, layer(x))
        np.testing.assert_array_equal(dx, expected[0])
        np.testing.assert_array_equal(grads["W"], expected[1]["W"])


def test_build_gives_shapes_names_and_start_values():
    layer = Dense(3, bias_initializer=normal_fan_in, weight_initializer=glorot_uniform)
    assert layer.build((None, 4), np.random.default_rng(0), "float32") == (None, 3)
    assert {name: value.shape for name, value in layer.params.items()} == {"W": (4, 3), "b": (3,)}
    assert layer.params["b"].all()
    assert np.abs(layer.params["W"]).max() <= np.sqrt(6 / 7)
    assert Dense(3, bias=False).build((4,), np.random.default_rng(0), "float32") == (3,)
    default = Dense(3)
    default.build((4,), np.random.default_rng(0), "float32")
    assert not default.params["b"].any()


def test_without_input_gradient_dx_is_none_and_the_rest_is_the_same():
    layer = built(3, 2)
    x, dy = np.ones((4, 3)), np.ones((4, 2))
    _, expected = layer.backward(dy, layer.forward(x)[1])
    dx, grads = layer.backward(dy, layer.forward(x, Context(input_gradient=False))[1])
    assert dx is None
    for name, value in expected.items():
        np.testing.assert_array_equal(grads[name], value)


def test_a_workspace_is_reused_and_lent_arrays_are_filled():
    layer = built(3, 2)
    ws = Workspace()
    dW = np.full((3, 2), np.nan)
    ws.lend("dW", dW)
    x = np.random.default_rng(1).normal(size=(4, 3))
    y1, cache = layer.forward(x, Context(workspace=ws))
    dx1, grads = layer.backward(np.ones((4, 2)), cache)
    assert grads["W"] is dW
    close(dW, x.T @ np.ones((4, 2)), 1e-14)
    y2, cache = layer.forward(2 * x, Context(workspace=ws))
    dx2, _ = layer.backward(np.ones((4, 2)), cache)
    assert np.shares_memory(y1, y2)
    assert np.shares_memory(dx1, dx2)
    np.testing.assert_array_equal(y2, layer(2 * x))


def test_the_output_is_read_only():
    for shape in [(4, 3), (4, 5, 3)]:
        with pytest.raises(ValueError, match="read-only"):
            built(3, 2)(np.zeros(shape))[0] = 1


def test_wrong_number_of_features_names_both_numbers_and_the_shape():
    with pytest.raises(ShapeError) as err:
        built(8, 2)(np.zeros((32, 50, 7)))
    assert str(err.value) == "Dense: x has 7 features, but the layer was built for 8 (x.shape = (32, 50, 7))."


@pytest.mark.parametrize("shape", [(), (None,), (3, None), (2, 3, 4)])
def test_build_on_a_shape_it_cannot_take(shape):
    with pytest.raises(ShapeError) as err:
        Dense(1).build(shape, np.random.default_rng(0), "float64")
    assert str(err.value) == f"Dense: expected input of shape (features,) or (time, features), got {shape}."


@pytest.mark.parametrize("shape", [(2, 2, 2, 8)])
def test_four_axes_are_refused(shape):
    with pytest.raises(ShapeError, match=r"^Dense: "):
        built(8, 2)(np.zeros(shape))
