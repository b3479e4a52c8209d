"""Models, trainers and what they share: copied, built again or shared, they belong together or say that they do not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from trainers import copies, data, net, trainer, weights

from minidl import ConfigError, DataError, Dense, LastStep, Layer, RecurrentLayer, Sequential, ShapeError
from minidl.data import Batch
from minidl.training import Arrays


def test_a_model_of_another_size_is_refused_before_a_step() -> None:
    model = net()
    made = trainer(model)
    model.build((6, 5), 0, "float64")
    before = weights(model)
    message = (
        r"^Sequential: its parameters are not those .* \(the first that differs is 0\.W_xh\); make a new Trainer\.$"
    )
    with pytest.raises(ConfigError, match=message):
        made.run(Arrays(np.zeros((5, 6, 5)), np.zeros((5, 1))))
    assert weights(model) == before


@pytest.mark.parametrize("change", [lambda m: m.layers.pop(0), lambda m: m.layers.append(Dense(1))])
def test_a_model_whose_layers_are_others_is_refused(change: Callable[[Sequential], Any]) -> None:
    model = Sequential([Dense(3), Dense(3), Dense(1)])
    model.build((3,), 0)
    made = trainer(model)
    change(model)
    with pytest.raises((ConfigError, ShapeError), match=r"make a new Trainer|no parameters yet"):
        made.train_step(Batch(np.zeros((2, 3)), np.zeros((2, 1))))


class TestAssigningAParameter:
    def test_writes_into_the_array_that_layer_and_stack_share(self) -> None:
        model = net()
        array = model.layers[2].params["W"]
        model.params["2.W"] = [[1], [2], [3], [4]]
        assert model.layers[2].params["W"] is array
        assert array.tolist() == [[1], [2], [3], [4]]
        model.layers[2].params["W"] = array * 2
        assert model.params["2.W"].tolist() == [[2], [4], [6], [8]]
        model.params.update({"2.b": np.array([7.0])})
        params = model.params
        params |= {"2.W": np.zeros((4, 1))}
        assert model(np.zeros((1, 6, 3))).tolist() == [[7.0]]

    def test_does_not_keep_the_array_that_was_given(self) -> None:
        model, given = net(), np.zeros((4, 1))
        model.params["2.W"] = given
        given[:] = 5
        assert not model.params["2.W"].any()

    @pytest.mark.parametrize(
        ("name", "value", "error", "message"),
        [
            ("2.W", np.zeros((1, 4)), ShapeError, r"^Sequential: parameter 2\.W has shape \(4, 1\), got \(1, 4\)"),
            ("2.W", 1.0, ShapeError, r"^Sequential: parameter 2\.W has shape \(4, 1\), got \(\)"),
            ("2.w", np.zeros((4, 1)), ConfigError, r"^Sequential: there is no parameter '2\.w'; did you mean 2\.W\?"),
            (
                "2.b",
                ["a"],
                DataError,
                r"^Sequential: parameter 2\.b: holds text \('a' is the first\); expected numbers\.",
            ),
            ("2.b", [1j], DataError, r"^Sequential: parameter 2\.b: holds complex numbers"),
        ],
    )
    def test_refuses_what_does_not_fit(self, name: str, value: Any, error: type[Exception], message: str) -> None:
        model = net()
        before = weights(model)
        with pytest.raises(error, match=message):
            model.params[name] = value
        assert weights(model) == before

    @pytest.mark.parametrize(
        "remove",
        [
            lambda p: p.pop("2.W"), lambda p: p.__delitem__("2.W"), lambda p: p.clear(), lambda p: p.popitem(),
            lambda p: p.setdefault("2.W", 0),
        ],
    )  # fmt: skip
    def test_parameters_are_not_removed(self, remove: Callable[[Any], Any]) -> None:
        model = net()
        for params in (model.params, model.layers[2].params):
            with pytest.raises(ConfigError, match="a layer's parameters cannot be removed"):
                remove(params)

    @copies
    def test_a_copy_of_the_parameters_is_of_its_own(self, copied: Callable[[Any], Any]) -> None:
        model = net()
        kept = copied(model.params)
        assert list(kept) == list(model.params)
        before = weights(model)
        kept["2.W"] = np.ones((4, 1))
        assert weights(model) == before


@pytest.mark.parametrize("dtype", ["float16", "int64", "complex128", "bool", "longdouble", ">f4", "nonsense", object])
@pytest.mark.parametrize(
    "layer", [Sequential([Dense(2)]), Dense(2), RecurrentLayer(2)], ids=lambda part: repr(part)[:9]
)
def test_a_build_for_another_dtype_than_the_two_is_refused(layer: Layer, dtype: Any) -> None:
    with pytest.raises((ConfigError, TypeError), match=r"float32|not understood"):
        layer.build((4, 3), np.random.default_rng(0), dtype)


@pytest.mark.parametrize("shape", ["ab", 2.5, (), (2.5,), (0, 3), (-1, 3), -3, None, [[1, 2]]])
def test_an_input_shape_that_is_none_is_refused(shape: Any) -> None:
    with pytest.raises(ShapeError, match=r"^Sequential: expected an input shape such as \(24, 6\)"):
        Sequential([Dense(2)]).build(shape, 0)


@pytest.mark.parametrize("rng", [-1, 1.5, "a", None, 10**30])
def test_a_seed_that_is_none_is_refused(rng: Any) -> None:
    with pytest.raises(ConfigError, match=r"^Sequential: rng: expected a Generator or a seed; "):
        Sequential([Dense(2)]).build((3,), rng)


class TestBind:
    def test_a_part_of_the_parameters_is_refused_and_changes_nothing(self) -> None:
        # Caught here: the first layer bound, the second not.
        model = net()
        whole = {name: np.zeros_like(value) for name, value in model.params.items()}
        for missing in whole:
            before = weights(model)
            with pytest.raises(ShapeError, match=r"^(RecurrentLayer|Dense): expected \w+ of shape .*, got none\.$"):
                model.bind({name: value for name, value in whole.items() if name != missing})
            assert weights(model) == before

    def test_a_name_that_is_no_parameter_is_refused(self) -> None:
        model = net()
        for name in ("x", "0.x", "7.W", "0.W_xh.W"):
            with pytest.raises(ShapeError, match="there is no parameter '"):
                model.bind({**model.params, name: np.zeros(1)})

    @pytest.mark.parametrize("value", [[[0.0]] * 4, np.zeros((4, 1), int), np.zeros((4, 1), "f2")])
    def test_only_arrays_of_float32_or_float64_become_parameters(self, value: Any) -> None:
        model = net()
        before = weights(model)
        with pytest.raises(ConfigError, match=r"^Dense: parameter W"):
            model.bind({**model.params, "2.W": value})
        assert weights(model) == before


class TestOneLayerInTwoModels:
    def test_building_the_second_model_is_refused_for_it_would_change_the_first(self) -> None:
        shared = Dense(4)
        first, second = Sequential([shared, Dense(1)]), Sequential([shared, Dense(2)])
        first.build((3,), 0)
        before = weights(first)
        with pytest.raises(
            ShapeError, match=r"^Dense: it was built in another Sequential, whose weights would be"
        ) as err:
            second.build((3,), 1)
        assert err.value.path == ("layers", 0)
        assert weights(first) == before

    def test_a_copy_of_the_layer_or_a_model_that_is_gone_is_no_hindrance(self) -> None:
        shared = Dense(4)
        first = Sequential([shared, Dense(1)])
        first.build((3,), 0)
        Sequential([copy.deepcopy(shared), Dense(2)]).build((3,), 1)
        copy.deepcopy(first).build((3,), 1)
        first.build((3,), 2)
        del first
        Sequential([shared, Dense(2)]).build((3,), 1)

    def test_both_see_what_a_training_of_one_makes_of_it(self) -> None:
        shared = RecurrentLayer(4)
        first = Sequential([shared, LastStep(), Dense(1)])
        first.build((6, 3), 0, "float64")
        second = Sequential([shared, LastStep()])
        made = trainer(first)
        trainer(Sequential([shared]), epochs=1).run(Arrays(np.ones((4, 6, 3)), np.ones((4, 6, 4))))
        made.run(data())
        assert second.params["0.W_xh"] is first.params["0.W_xh"]
        x = data().x
        np.testing.assert_array_equal(second(x) @ first.params["2.W"] + first.params["2.b"], first(x))


def test_a_build_that_fails_leaves_no_weights_of_before() -> None:
    model = net()
    with pytest.raises(ShapeError):
        model.build((6,), 1)
    assert not model.params
    with pytest.raises(ShapeError, match="it has no parameters yet"):
        model(np.zeros((1, 6, 3)))


@copies
@pytest.mark.parametrize("hidden", [4, 40])
def test_the_cache_of_a_recurrence_is_not_copied(copied: Callable[[Any], Any], hidden: int) -> None:
    layer = RecurrentLayer(hidden)
    layer.build((6, 3), np.random.default_rng(0), "float64")
    _, cache = layer.forward(data().x)
    with pytest.raises(ConfigError, match=r"the cache of a forward cannot be copied or pickled"):
        copied(cache)
