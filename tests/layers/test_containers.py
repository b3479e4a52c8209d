"""Sequential and Repeat: chains by hand, shared layers, nesting."""

from __future__ import annotations

import numpy as np
import pytest
from chains import forward_and_backward, randomised
from hypothesis import given
from hypothesis import strategies as st
from naive import close, dense_forward, elman_backward, elman_forward
from user_layers import Scale

from minidl import (
    Bidirectional,
    Context,
    Dense,
    LastStep,
    Parallel,
    RecurrentLayer,
    Repeat,
    Residual,
    Rollout,
    Sequential,
    ShapeError,
    TanhActivation,
    Workspace,
    n_parameters,
)
from minidl.testing.checks import check_gradients


def test_two_recurrent_layers_equal_plain_loops_one_after_the_other():
    model = Sequential([RecurrentLayer(3), RecurrentLayer(2)])
    model.build(4, 0, "float64")
    randomised(model)
    rng = np.random.default_rng(1)
    x, dy = rng.normal(size=(2, 5, 4)), rng.normal(size=(2, 5, 2))
    first, second = ({n: model.params[f"{i}.{n}"] for n in ("W_xh", "W_hh", "b_h")} for i in (0, 1))
    s1 = elman_forward(x, first)
    s2 = elman_forward(s1, second)
    back2 = elman_backward(s1, s2, dy, second)
    back1 = elman_backward(x, s1, back2["x"], first)
    y, cache = model.forward(x)
    dx, grads = model.backward(dy, cache)
    close(y, s2, 1e-13)
    close(dx, back1["x"], 1e-12)
    for name in first:
        close(grads["0." + name], back1[name], 1e-12)
        close(grads["1." + name], back2[name], 1e-12)
    assert grads.keys() == model.params.keys()


@given(
    sizes=st.lists(st.sampled_from([1, 2, 3, 33]), min_size=1, max_size=3),
    many_to_one=st.booleans(),
    time=st.integers(1, 4),
    batch=st.integers(1, 3),
)
def test_gradients_of_any_depth_equal_central_differences(sizes, many_to_one, time, batch):
    # Catches a term dropped between layers: dh2·Qᵀ at inner steps (equation 17) above all.
    layers = [RecurrentLayer(size) for size in sizes]
    model = Sequential([*layers, *([LastStep()] if many_to_one else []), Dense(2)])
    model.build(3, 0, "float64")
    # Saturated units have small gradients, whose relative error is large: hence 1e-5 here, and 1e-7 below.
    check_gradients(randomised(model), np.random.default_rng(1).normal(size=(batch, time, 3)), tolerance=1e-5)


@pytest.mark.parametrize(
    "layers",
    [
        [RecurrentLayer(4), LastStep(), Dense(1)],
        [RecurrentLayer(2, bias=False), RecurrentLayer(2, bias=False), LastStep(), Dense(1, bias=False)],
        [RecurrentLayer(40), RecurrentLayer(33), LastStep(), Dense(1)],
        [RecurrentLayer(2), RecurrentLayer(2), Dense(1)],
    ],
    ids=["the textbook's single layer", "the textbook's two layers", "in rows", "many to many"],
)
def test_gradients_of_the_textbooks_nets_equal_central_differences_to_1e_7(layers):
    model = Sequential(layers)
    model.build(6, 0, "float64")
    check_gradients(model, np.random.default_rng(1).uniform(size=(3, 24, 6)), tolerance=1e-7)


CONTAINERS = [
    Sequential([Dense(2), Dense(3)]),
    Repeat(Dense(2), times=3),
    Parallel([Dense(2), Dense(2)]),
    Residual(Dense(2)),
    Bidirectional(RecurrentLayer(2)),
    Rollout(Sequential([LastStep(), Dense(1)]), steps=2, target=0),
]


@pytest.mark.parametrize("model", CONTAINERS, ids=lambda model: type(model).__name__)
def test_the_layers_of_every_container_are_there_by_their_number(model):
    # What `minidl.load` gives is a Container, of which model[0] is asked; until now chains alone had it.
    layers = list(model.children().values())
    assert [*model] == layers
    assert [model[i] for i in range(len(model))] == layers
    assert model[-1] is layers[-1]
    there = rf"it has {len(layers)} layers?, so there is no \[9\]\.$"
    with pytest.raises(IndexError, match=rf"^{type(model).__name__}: {there}"):
        model[9]


class TestALayerThatStandsTwice:
    def model(self):
        shared = Dense(2)
        model = Sequential([shared, TanhActivation(), shared, TanhActivation(), shared])
        model.build((2,), 0, "float64")
        return randomised(model)

    def test_is_one_set_of_parameters_named_by_its_first_place(self):
        model = self.model()
        assert {name: value.shape for name, value in model.params.items()} == {"0.W": (2, 2), "0.b": (2,)}
        assert model.layers[0] is model.layers[2]

    def test_is_applied_every_time(self):
        model = self.model()
        x = np.random.default_rng(1).normal(size=(3, 2))
        W, b = model.params["0.W"], model.params["0.b"]
        expected = dense_forward(np.tanh(dense_forward(np.tanh(dense_forward(x, W, b)), W, b)), W, b)
        np.testing.assert_allclose(model(x), expected, rtol=1e-14)

    def test_adds_up_the_gradients_of_all_its_places(self):
        # Catches a container that keeps the gradient of one place only.
        check_gradients(self.model(), np.random.default_rng(1).normal(size=(3, 2)), tolerance=1e-7)

    def test_y_is_w_squared_times_x_and_the_gradient_is_2wx(self):
        shared = Scale(3.0)
        model = Sequential([shared, shared])
        model.build((1,), 0, "float64")
        y, cache = model.forward(np.array([[5.0]]))
        dx, grads = model.backward(np.array([[1.0]]), cache)
        assert (y.item(), dx.item(), grads["0.g"].item()) == (45, 9, 30)

    def test_has_buffers_of_its_own_at_each_place(self):
        # Catches one workspace for both places: the second forward would write over the first one's cache.
        shared = RecurrentLayer(2)
        model = Sequential([shared, shared, Dense(1)])
        model.build(2, 0, "float64")
        randomised(model)
        ctx = Context(workspace=Workspace())
        for seed in range(3):
            x = np.random.default_rng(seed).normal(size=(3, 4, 2))
            got, fresh = forward_and_backward(model, x, ctx), forward_and_backward(model, x)
            for name, value in fresh.items():
                np.testing.assert_array_equal(got[name], value)

    def test_whose_second_place_has_another_width_is_refused(self):
        shared = Dense(3)
        model = Sequential([shared, TanhActivation(), shared])
        with pytest.raises(ShapeError) as err:
            model.build((4,), 0)
        assert str(err.value) == (
            "Dense: used twice, but its W would need shape (3, 3) here and (4, 3) before; got input (3,) "
            "(the output of layer 1, TanhActivation)."
        )
        assert err.value.path == ("layers", 2)

    def test_is_built_once_with_the_generator_of_its_first_place(self):
        model, single = self.model(), Sequential([Dense(2), TanhActivation()])
        model.build((2,), 7, "float64")
        single.build((2,), 7, "float64")
        np.testing.assert_array_equal(model.params["0.W"], single.params["0.W"])


class TestNesting:
    def test_names_grow_by_position_and_the_values_stay(self):
        flat = Sequential([RecurrentLayer(3), LastStep(), Dense(2)])
        nested = Sequential([Sequential([RecurrentLayer(3)]), Sequential([LastStep(), Dense(2)])])
        for model in (flat, nested):
            model.build(2, 0, "float64")
        assert list(nested.params) == ["0.0.W_xh", "0.0.W_hh", "0.0.b_h", "1.1.W", "1.1.b"]
        nested.bind(dict(zip(nested.params, flat.params.values(), strict=True)))
        x = np.random.default_rng(1).normal(size=(3, 4, 2))
        got, expected = forward_and_backward(nested, x), forward_and_backward(flat, x)
        for value, other in zip(got.values(), expected.values(), strict=True):
            np.testing.assert_array_equal(value, other)

    def test_gradients_equal_central_differences(self):
        model = Sequential([Sequential([RecurrentLayer(2), Repeat(RecurrentLayer(2), times=2)]), LastStep(), Dense(1)])
        model.build(2, 0, "float64")
        check_gradients(model, np.random.default_rng(1).normal(size=(2, 4, 2)), tolerance=1e-7)


class TestRepeat:
    def test_is_so_many_independent_copies(self):
        model = Repeat(RecurrentLayer(2), times=3)
        assert model.build(2, 0, "float64") == (None, 2)
        assert list(model.params) == [f"{i}.{name}" for i in range(3) for name in ("W_xh", "W_hh", "b_h")]
        assert n_parameters(model) == 3 * (4 + 4 + 2)
        weights = [model.params[f"{i}.W_hh"] for i in range(3)]
        assert not any(np.array_equal(weights[i], weights[j]) for i, j in [(0, 1), (0, 2), (1, 2)])

    def test_equals_the_layers_written_one_by_one(self):
        repeated, written = Repeat(RecurrentLayer(2), times=3), Sequential([RecurrentLayer(2) for _ in range(3)])
        for model in (repeated, written):
            model.build(2, 0, "float64")
        x = np.random.default_rng(1).normal(size=(3, 4, 2))
        got, expected = forward_and_backward(repeated, x), forward_and_backward(written, x)
        assert got.keys() == expected.keys()
        for name, value in expected.items():
            np.testing.assert_array_equal(got[name], value)

    def test_leaves_its_argument_unbuilt(self):
        layer = Dense(2)
        Repeat(layer, times=2).build((2,), 0)
        assert layer.params == {}
