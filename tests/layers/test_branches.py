"""Residual, Parallel, Bidirectional and SelectFeatures: values by hand, gradients, nesting, messages."""

from __future__ import annotations

import numpy as np
import pytest
from naive import elman_forward

from minidl import (
    Bidirectional,
    ConfigError,
    Context,
    Dense,
    LastStep,
    Parallel,
    RecurrentLayer,
    Repeat,
    Residual,
    SelectFeatures,
    Sequential,
    ShapeError,
    TanhActivation,
    Workspace,
)
from minidl.layers.select_features import name_features
from minidl.testing.checks import check_gradients, check_layer

X = np.random.default_rng(1).normal(size=(2, 5, 3))


def built(layer, shape=(5, 3)):
    model = Sequential([layer])
    model.build(shape, 0, "float64")
    rng = np.random.default_rng(2)
    for value in model.params.values():
        value[...] = rng.normal(0, 0.7, size=value.shape)
    return model


@pytest.mark.parametrize(
    "layer",
    [
        Residual(Sequential([Dense(3), TanhActivation()])),
        Residual(RecurrentLayer(3)),
        Parallel([RecurrentLayer(4), Dense(4)]),
        Parallel([RecurrentLayer(4), Dense(2), SelectFeatures([2, 0])], merge="concat"),
        Bidirectional(RecurrentLayer(2)),
        Bidirectional(RecurrentLayer(40), merge="add"),
        Bidirectional(Residual(Parallel([RecurrentLayer(3), Bidirectional(RecurrentLayer(3), merge="add")]))),
        Parallel([Residual(Bidirectional(RecurrentLayer(3), merge="add")), Repeat(Residual(Dense(3)), times=2)]),
        SelectFeatures([2, 0]),
    ],
    ids=[
        "residual",
        "residual recurrent",
        "parallel",
        "concat",
        "both ends",
        "both ends, rows",
        "nested in both ends",
        "nested in parallel",
        "select",
    ],
)
def test_the_protocol_is_kept_and_gradients_equal_central_differences(layer):
    check_layer(layer, input_shape=(5, 3))
    check_gradients(built(layer), X, tolerance=1e-7)


def test_residual_adds_its_input():
    model = built(Residual(Dense(3)))
    W, b = model.params["0.inner.W"], model.params["0.inner.b"]
    np.testing.assert_allclose(model(X), X + X @ W + b, rtol=1e-13)


def test_parallel_adds_or_puts_side_by_side():
    branches = [Dense(2), Dense(2)]
    added, side = built(Parallel(branches)), built(Parallel([Dense(2), Dense(2)], merge="concat"))
    W = [added.params[f"0.{i}.W"] for i in (0, 1)]
    b = [added.params[f"0.{i}.b"] for i in (0, 1)]
    np.testing.assert_allclose(added(X), X @ (W[0] + W[1]) + b[0] + b[1], rtol=1e-12)
    parts = [X @ side.params[f"0.{i}.W"] + side.params[f"0.{i}.b"] for i in (0, 1)]
    np.testing.assert_allclose(side(X), np.concatenate(parts, -1), rtol=1e-12)


@pytest.mark.parametrize("merge", ["concat", "add"])
def test_bidirectional_reads_from_both_ends_with_weights_of_their_own(merge):
    # Catches a second direction that is not reversed, not reversed back, or shares the first one's weights.
    model = built(Bidirectional(RecurrentLayer(4), merge=merge))
    f, g = ({n: model.params[f"0.{way}.{n}"] for n in ("W_xh", "W_hh", "b_h")} for way in ("forward", "backward"))
    there, back = elman_forward(X, f), elman_forward(X[:, ::-1], g)[:, ::-1]
    expected = np.concatenate([there, back], -1) if merge == "concat" else there + back
    np.testing.assert_allclose(model(X), expected, rtol=1e-12)


def test_select_features_takes_them_in_order():
    model = built(SelectFeatures([2, 0]))
    np.testing.assert_array_equal(model(X), X[..., [2, 0]])
    _, cache = model.forward(X)
    dx, _ = model.backward(np.ones((2, 5, 2)), cache)
    np.testing.assert_array_equal(dx[0, 0], [1, 0, 1])


def test_the_last_known_value_plus_what_a_stack_adds():
    last = Sequential([SelectFeatures([0]), LastStep()])
    model = built(Parallel([last, Sequential([RecurrentLayer(2), LastStep(), Dense(1)])]))
    for name, value in model.params.items():
        if name.endswith(("1.2.W", "1.2.b")):
            value[...] = 0
    np.testing.assert_array_equal(model(X), X[:, -1, :1])


def test_a_shared_layer_in_two_branches_has_one_set_of_parameters():
    shared = Dense(3)
    model = built(Parallel([shared, shared], merge="concat"))
    assert list(model.params) == ["0.0.W", "0.0.b"]
    check_gradients(model, X, tolerance=1e-7)


def test_a_lent_workspace_changes_no_bit_and_keeps_its_buffers():
    model = built(Residual(Parallel([Bidirectional(RecurrentLayer(3), merge="add"), Dense(3)])))
    ctx = Context(workspace=Workspace())
    for seed in range(3):
        x = np.random.default_rng(seed).normal(size=X.shape)
        y, cache = model.forward(x, ctx)
        dx, grads = model.backward(np.cos(y), cache)
        y2, cache2 = model.forward(x)
        dx2, grads2 = model.backward(np.cos(y2), cache2)
        np.testing.assert_array_equal(y, y2)
        np.testing.assert_array_equal(dx, dx2)
        for name, value in grads2.items():
            np.testing.assert_array_equal(grads[name], value)


def test_without_the_input_gradient_the_others_stay():
    model = built(Residual(Parallel([Bidirectional(RecurrentLayer(3), merge="add"), Dense(3)])))
    y, cache = model.forward(X)
    _, expected = model.backward(np.ones_like(y), cache)
    y, cache = model.forward(X, Context(input_gradient=False))
    dx, grads = model.backward(np.ones_like(y), cache)
    assert dx is None
    for name, value in expected.items():
        np.testing.assert_array_equal(grads[name], value)


def test_a_model_that_looks_ahead_cannot_be_fed_step_by_step():
    model = built(Bidirectional(RecurrentLayer(2)))
    with pytest.raises(ConfigError, match="stream: Bidirectional 0 looks at later time steps"):
        model.stream()


@pytest.mark.parametrize(
    ("layer", "message", "path"),
    [
        (Residual(Dense(2)), "Residual: Dense makes (5, 2) of (5, 3); it must keep the shape.", ("layer",)),
        (
            Parallel([Dense(2), Dense(3)]),
            "Parallel: branches must give the same shape to add; they give (5, 2), (5, 3).",
            (),
        ),
        (
            Parallel([Dense(2), LastStep()], merge="concat"),
            "Parallel: branches must give the same shape but for the features to concat; they give (5, 2), (3,).",
            (),
        ),
        (
            Bidirectional(LastStep()),
            "Bidirectional: LastStep makes (3,) of (5, 3); it must keep a time axis.",
            ("layer",),
        ),
        (
            Residual(Sequential([LastStep(), LastStep()])),
            "LastStep: expected input of shape (time, features), got (3,) (the output of layer 0, LastStep).",
            ("layer", "layers", 1),
        ),
        (SelectFeatures([0, 3]), "SelectFeatures: [0, 3] from 0 on do not fit 3 features.", ("features",)),
        (
            SelectFeatures(["pm"]),
            "SelectFeatures: the name 'pm' means a column of an experiment's data; elsewhere give its position.",
            ("features",),
        ),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(layer, message, path):
    with pytest.raises(ShapeError) as err:
        layer.output_shape((5, 3))
    assert (str(err.value), err.value.path) == (message, path)


def test_names_of_columns_reach_layers_in_every_container():
    # Caught here: the layer that both directions are copies of, which nobody had told the names.
    inner = Sequential([SelectFeatures(["wind", "pm"]), RecurrentLayer(2)])
    model = Sequential([Bidirectional(Parallel([inner, RecurrentLayer(2)])), Repeat(Dense(3), times=2)])
    name_features(model, ["pm", "temp", "wind"])
    assert model.output_shape((5, 3)) == (5, 3)
    model.build((5, 3), 0)
    assert model.params["0.forward.0.1.W_xh"].shape == (2, 2)
