"""How containers are built, bound and refused."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ConfigError, Dense, LastStep, RecurrentLayer, Repeat, Sequential, ShapeError, TanhActivation
from minidl.core.initializers import normal_fan_in


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
        assert repr(model) == "Sequential([Repeat(LastStep(), times=1)])"


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
