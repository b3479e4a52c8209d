"""Sequential and Repeat: chains by hand, shared layers, seeds, nesting, messages."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import close, dense_forward, elman_backward, elman_forward
from user_layers import Scale

from minidl import (
    ConfigError,
    Context,
    Dense,
    LastStep,
    RecurrentLayer,
    Repeat,
    Sequential,
    ShapeError,
    TanhActivation,
    Workspace,
    n_parameters,
)
from minidl.core.initializers import normal_fan_in
from minidl.testing.checks import check_gradients


def forward_and_backward(layer, x, ctx=Context(), seed=5):  # noqa: B008 - Context is frozen
    y, cache = layer.forward(x, ctx)
    dy = np.random.default_rng(seed).normal(size=y.shape)
    dx, grads = layer.backward(dy, cache)
    return {"y": y, "dx": dx, **grads}


def randomised(model, seed=0):
    """The parameters random, the biases too."""
    rng = np.random.default_rng(seed)
    for value in model.params.values():
        value[...] = rng.normal(0, 0.7, size=value.shape)
    return model


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


class TestBuild:
    def test_an_int_stands_for_sequences_of_any_length(self):
        assert Sequential([RecurrentLayer(3)]).build(2, 0) == (None, 3)
        assert Sequential([RecurrentLayer(3)]).build((7, 2), 0) == (7, 3)
        assert Sequential([RecurrentLayer(3), LastStep(), Dense(1)]).build(2, 0) == (1,)
        assert Sequential([Dense(3)]).build([2], 0) == (3,)

    def test_float32_is_the_default(self):
        model = Sequential([RecurrentLayer(3), Dense(1)])
        model.build(2, 0)
        assert {value.dtype for value in model.params.values()} == {np.dtype("float32")}

    def test_one_seed_gives_the_same_weights_and_another_seed_others(self):
        def weights(rng):
            model = Sequential([RecurrentLayer(3), Dense(1)])
            model.build(2, rng, "float64")
            return np.concatenate([value.ravel() for value in model.params.values()])

        np.testing.assert_array_equal(weights(4), weights(4))
        np.testing.assert_array_equal(weights(4), weights(np.random.default_rng(4)))
        assert not np.array_equal(weights(4), weights(5))

    def test_every_child_draws_from_its_own_generator(self):
        # Catches one seed for all: equal layers in a row would start with equal weights.
        def last(*sizes):
            model = Sequential([Dense(n) for n in sizes])
            model.build((3,), 0, "float64")
            return model.params[f"{len(sizes) - 1}.W"], model.params["0.W"]

        assert not np.array_equal(*last(3, 3))

    def test_what_the_first_layer_draws_leaves_the_weights_of_the_second_alone(self):
        # Catches one stream that all children share.
        models = [Sequential([Dense(4, bias=b, bias_initializer=normal_fan_in), Dense(2)]) for b in (True, False)]
        for model in models:
            model.build((3,), 0, "float64")
        np.testing.assert_array_equal(models[0].params["1.W"], models[1].params["1.W"])

    @pytest.mark.parametrize(
        ("layers", "message", "path"),
        [
            (
                [RecurrentLayer(3), LastStep(), RecurrentLayer(3)],
                "RecurrentLayer: expected input of shape (time, features), got (3,) (the output of layer 1, LastStep).",
                ("layers", 2),
            ),
            (
                [RecurrentLayer(3), Sequential([LastStep(), LastStep()])],
                "LastStep: expected input of shape (time, features), got (3,) (the output of layer 0, LastStep).",
                ("layers", 1, "layers", 1),
            ),
            (
                [Sequential([RecurrentLayer(3, activation=Dense(3))])],
                "RecurrentLayer: activation Dense has parameters (W, b); inside a recurrence it must have none.",
                ("layers", 0, "layers", 0, "activation"),
            ),
        ],
    )
    def test_a_mismatch_names_both_layers_both_shapes_and_the_place(self, layers, message, path):
        with pytest.raises(ShapeError) as err:
            Sequential(layers).build(4, 0)
        assert str(err.value) == message
        assert err.value.path == path

    def test_the_first_layer_has_no_layer_before_it_to_name(self):
        with pytest.raises(ShapeError) as err:
            Sequential([RecurrentLayer(2)]).build((4,), 0)
        assert str(err.value) == "RecurrentLayer: expected input of shape (time, features), got (4,)."


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


class TestBind:
    def test_children_compute_with_views_of_one_vector(self):
        model = Sequential([RecurrentLayer(2), Repeat(RecurrentLayer(2), times=2), LastStep(), Dense(1)])
        model.build(3, 0, "float64")
        x = np.random.default_rng(1).normal(size=(2, 4, 3))
        expected = model(x)
        flat = np.concatenate([value.ravel() for value in model.params.values()])
        ends = np.cumsum([value.size for value in model.params.values()])
        views = {
            name: flat[end - value.size : end].reshape(value.shape)
            for (name, value), end in zip(model.params.items(), ends, strict=True)
        }
        model.bind(views)
        np.testing.assert_array_equal(model(x), expected)
        assert all(model.params[name] is views[name] for name in views)
        assert model.layers[1].children()["1"].params["W_hh"] is views["1.1.W_hh"]
        flat[:] = 0
        assert not model(x).any()

    def test_a_wrong_shape_is_refused(self):
        model = Sequential([Dense(2)])
        model.build((3,), 0)
        with pytest.raises(ShapeError, match=r"^Dense: expected W of shape \(3, 2\), got \(2, 3\)\.$"):
            model.bind({"0.W": np.zeros((2, 3)), "0.b": np.zeros(2)})


class TestState:
    @pytest.mark.parametrize("size", [3, 40])
    def test_the_final_states_of_all_layers_start_the_next_window(self, size):
        model = Sequential([RecurrentLayer(size), Sequential([RecurrentLayer(2), Dense(2)]), LastStep()])
        model.build(2, 0, "float64")
        x = np.random.default_rng(1).normal(size=(3, 6, 2))
        whole, _ = model.forward(x)
        _, cache = model.forward(x[:, :2])
        state = model.final_state(cache)
        assert [type(part) for part in state] == [np.ndarray, tuple, type(None)]
        second, _ = model.forward(x[:, 2:], Context(state=state))
        np.testing.assert_allclose(second, whole, rtol=1e-12)  # another block size may round differently


class TestContext:
    def test_only_the_first_layer_may_leave_out_its_input_gradient(self):
        seen = []

        class Spy(TanhActivation):
            def forward(self, x, ctx):
                seen.append((ctx.input_gradient, ctx.training, ctx.rng))
                return super().forward(x, ctx)

        rng = np.random.default_rng(0)
        model = Sequential([Sequential([Spy(), Spy()]), Spy()])
        model.build((2,), 0)
        model.forward(np.zeros((1, 2)), Context(training=True, rng=rng, input_gradient=False))
        assert seen == [(False, True, rng), (True, True, rng), (True, True, rng)]

    def test_a_workspace_that_is_lent_again_does_not_bring_the_old_context(self):
        # Contexts of children are made once for a workspace: the generator, training and the state may change.
        seen = []

        class Spy(TanhActivation):
            def forward(self, x, ctx):
                seen.append((ctx.training, ctx.rng, ctx.state, ctx.input_gradient))
                return super().forward(x, ctx)

        model = Sequential([Spy()])
        model.build((2,), 0)
        ws = Workspace()
        expected = []
        generators = [None, np.random.default_rng(0), np.random.default_rng(1)]
        # Each argument in turn is the innermost one, so that nothing else changes with it.
        arguments = [generators, (True, False), (None, 1, 2), (True, False)]
        for inner in range(len(arguments)):
            order = [*range(inner), *range(inner + 1, len(arguments)), inner]
            for values in itertools.product(*(arguments[k] for k in order)):
                rng, training, state, wanted = (values[order.index(k)] for k in range(len(arguments)))
                model.forward(np.zeros((1, 2)), Context(training, rng, None if state is None else (state,), ws, wanted))
                expected.append((training, rng, state, wanted))
        assert seen == expected

    def test_one_workspace_can_be_lent_to_two_stacks_in_turn(self):
        # Catches a plan of one stack that is used for another: fewer layers, no bias, other sizes.
        models = [
            Sequential([RecurrentLayer(2, bias=False), RecurrentLayer(2, bias=False), LastStep(), Dense(1)]),
            Sequential([RecurrentLayer(2), LastStep(), Dense(1)]),
            Sequential([RecurrentLayer(4), RecurrentLayer(40), LastStep(), Dense(3)]),
        ]
        x = np.random.default_rng(1).normal(size=(3, 5, 2))
        ctx = Context(workspace=Workspace())
        for model in models:
            model.build(2, 0, "float64")
        for model in models * 2:
            got, expected = forward_and_backward(model, x, ctx), forward_and_backward(model, x)
            for name, value in expected.items():
                np.testing.assert_array_equal(got[name], value)

    def test_gradients_are_the_same_without_the_input_gradient(self):
        model = Sequential([RecurrentLayer(3), RecurrentLayer(33), LastStep(), Dense(1)])
        model.build(2, 0, "float64")
        x = np.random.default_rng(1).normal(size=(3, 4, 2))
        expected = forward_and_backward(model, x)
        got = forward_and_backward(model, x, Context(input_gradient=False))
        assert got.pop("dx") is None
        for name, value in got.items():
            np.testing.assert_array_equal(value, expected[name])


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


class TestArguments:
    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Sequential([]), "Sequential: layers: expected at least one layer, got an empty list."),
            (lambda: Sequential(Dense(1)), "Sequential: layers: expected a list of Layer, got Dense"),
            (
                lambda: Sequential([Dense]),
                "Sequential: layers: expected a Layer, got the class Dense; write Dense(output_size=...)",
            ),
            (lambda: Sequential([3]), "Sequential: layers: expected a Layer, got 3"),
            (lambda: Repeat(Dense(2), times=0), "Repeat: times: expected `int` >= 1, got 0"),
        ],
    )
    def test_are_checked(self, make, message):
        with pytest.raises(ConfigError) as err:
            make()
        assert str(err.value) == message

    def test_the_callers_list_can_change_without_harm(self):
        layers = [Dense(2)]
        model = Sequential(layers)
        layers.append(Dense(3))
        assert len(model.layers) == len(model.children()) == 1

    def test_the_config_is_the_arguments(self):
        model = Sequential([Repeat(LastStep(), times=1)])
        inner = {"type": "Repeat", "layer": {"type": "LastStep"}, "times": 1}
        assert model.to_config() == {"layers": [inner]}
        assert repr(model) == "Sequential(layers=[Repeat(layer=LastStep(), times=1)])"


def test_a_layer_in_two_stacks_is_refused_as_its_parameters_would_have_two_names():
    shared = Dense(2)
    model = Sequential([shared, TanhActivation(), Sequential([shared])])
    with pytest.raises(ShapeError, match="Dense: it stands in layer 0 too, in another stack") as err:
        model.build((2,), 0)
    assert err.value.path == ("layers", 2)


def test_a_layer_that_stands_twice_cannot_be_written_as_a_config():
    # Two copies would be built from it, with parameters of their own.
    shared = Dense(2)
    with pytest.raises(ConfigError, match="a layer stands in it twice, which a config cannot say"):
        Sequential([shared, TanhActivation(), shared]).to_config()
