"""One vector of parameters, one of gradients: layers work on views of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from minidl import ConfigError, Context, Dense, LastStep, RecurrentLayer, Sequential, TanhActivation
from minidl.core.workspace import Workspace
from minidl.training.flat import FlatParameters, _same


def stack() -> Sequential:
    model = Sequential([RecurrentLayer(3), LastStep(), Dense(1)])
    model.build((4, 2), 1, "float64")
    return model


def test_the_vector_holds_all_parameters_in_order() -> None:
    model = stack()
    before = {name: value.copy() for name, value in model.params.items()}
    flat = FlatParameters(model)
    expected = [number for value in before.values() for number in value.reshape(-1).tolist()]
    assert flat.values.tolist() == expected
    assert flat.values.dtype == np.float64
    assert flat.grads.shape == (len(expected),) == (2 * 3 + 3 * 3 + 3 + 3 + 1,)


def test_a_change_of_the_vector_is_a_change_of_the_models_and_the_layers_parameters() -> None:
    model = stack()
    flat = FlatParameters(model)
    flat.values[:] = np.arange(len(flat.values))
    np.testing.assert_array_equal(model.params["0.W_xh"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(model.layers[0].params["W_hh"], [[6, 7, 8], [9, 10, 11], [12, 13, 14]])
    np.testing.assert_array_equal(model.layers[2].params["b"], [21])


def test_layers_that_run_with_the_workspace_write_their_gradients_into_the_vector() -> None:
    model = Sequential([stack().layers[0], Sequential([LastStep(), Dense(1)])])
    model.build((4, 2), 1, "float64")
    flat, workspace = FlatParameters(model), Workspace()
    flat.lend_gradients(workspace)
    x = np.random.default_rng(0).standard_normal((5, 4, 2))
    y, cache = model.forward(x, Context(training=True, workspace=workspace))
    _, grads = model.backward(np.ones_like(y), cache)
    assert all(np.shares_memory(grad, flat.grads) for grad in grads.values())
    lent = flat.grads.copy()
    y, cache = model.forward(x)
    _, own = model.backward(np.ones_like(y), cache)
    np.testing.assert_allclose(lent, np.concatenate([own[name].reshape(-1) for name in model.params]), rtol=1e-13)


def test_gradients_that_a_layer_returns_in_its_own_arrays_are_collected() -> None:
    model = stack()
    flat = FlatParameters(model)
    grads = {name: np.full(value.shape, i + 1.0) for i, (name, value) in enumerate(model.params.items())}
    flat.collect(grads)
    assert flat.grads.tolist() == [1.0] * 6 + [2.0] * 9 + [3.0] * 3 + [4.0] * 3 + [5.0]


def test_a_layer_that_stands_twice_is_in_the_vector_once() -> None:
    twice = RecurrentLayer(2)
    model = Sequential([twice, twice, LastStep(), Dense(1)])
    model.build((4, 2), 1, "float64")
    flat = FlatParameters(model)
    assert len(flat.values) == 2 * 2 + 2 * 2 + 2 + 2 + 1
    assert list(flat.views) == ["0.W_xh", "0.W_hh", "0.b_h", "3.W", "3.b"]


@pytest.mark.parametrize("built", [True, False])
def test_a_model_without_parameters_is_refused(built: bool) -> None:
    model = Sequential([TanhActivation()] if built else [RecurrentLayer(3)])
    if built:
        model.build((4, 2), 1, "float64")
    with pytest.raises(ConfigError, match=r"^Sequential has no parameters to train; was build\(\) called\?$"):
        FlatParameters(model)


class InViews(Dense):
    """Shows its parameters in new arrays every time, of the same numbers in memory."""

    @property
    def params(self) -> dict[str, np.ndarray]:
        return {name: value[...] for name, value in vars(self)["_params"].items()}

    @params.setter
    def params(self, arrays: Mapping[str, np.ndarray]) -> None:
        Dense.params.fset(self, arrays)  # type: ignore[attr-defined]


def test_parameters_that_a_layer_shows_in_new_views_are_its_own_still() -> None:
    model = Sequential([InViews(2, bias=False)])
    model.build((3,), 1, "float64")
    flat = FlatParameters(model)
    flat.values[:] = np.arange(6)
    flat.follow()
    assert model.params["0.W"].tolist() == [[0, 1], [2, 3], [4, 5]]
    flat.values[:] = 7
    assert model.params["0.W"].tolist() == [[7, 7]] * 3


def test_numbers_that_lie_otherwise_in_the_same_memory_are_other_parameters() -> None:
    view = np.arange(4.0).reshape(2, 2)
    assert _same(view, view)
    assert _same(view[:], view)
    for other in (None, view.copy(), view.T, view[:1], view.view("int64"), view[::-1]):
        assert not _same(other, view)
