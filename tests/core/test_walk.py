"""Going through a model: paths, order, shapes, and whose a parameter is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from minidl import (
    INFERENCE,
    Bidirectional,
    Dense,
    LastStep,
    Layer,
    Parallel,
    RecurrentLayer,
    Repeat,
    Residual,
    Sequential,
    ShapeError,
)
from minidl.core.walk import leaves, longest_path, n_layers, own_parameters, owner, walk, walk_shapes


@dataclass(eq=False)
class Wrapped(Layer):
    """A layer of a user around another one, no container of the library."""

    inner: Layer

    def children(self):
        return {"inner": self.inner}

    def output_shape(self, input_shape):
        return self.inner.output_shape(input_shape)

    def build(self, input_shape, rng, dtype):
        shape = self.inner.build(input_shape, rng, dtype)
        self.params = {"scale": np.ones(1, dtype), **{"inner." + n: v for n, v in self.inner.params.items()}}
        return shape

    def forward(self, x, ctx=INFERENCE):
        return self.inner.forward(x, ctx)

    def backward(self, dy, cache):
        return self.inner.backward(dy, cache)


def model():
    made = Sequential([Repeat(RecurrentLayer(3), times=2), Wrapped(Sequential([Dense(4)])), LastStep(), Dense(1)])
    made.build((5, 2), 0)
    return made


def test_every_layer_comes_with_its_path_before_its_own_children():
    assert [(path, type(layer).__name__) for path, layer in walk(model())] == [
        ("", "Sequential"),
        ("0", "Repeat"),
        ("0.0", "RecurrentLayer"),
        ("0.1", "RecurrentLayer"),
        ("1", "Wrapped"),
        ("1.inner", "Sequential"),
        ("1.inner.0", "Dense"),
        ("2", "LastStep"),
        ("3", "Dense"),
    ]
    assert n_layers(model()) == 9
    assert [path for path, _ in leaves(model())] == ["0.0", "0.1", "1.inner.0", "2", "3"]


def test_the_shape_that_goes_into_each_layer_is_known_without_building():
    unbuilt = Sequential([Repeat(RecurrentLayer(3), times=2), Wrapped(Sequential([Dense(4)])), LastStep(), Dense(1)])
    shapes = {path: shape for path, _, shape in walk_shapes(unbuilt, (None, 2))}
    assert shapes == {
        "": (None, 2),
        "0": (None, 2),
        "0.0": (None, 2),
        "0.1": (None, 3),
        "1": (None, 3),
        "1.inner": (None, 3),
        "1.inner.0": (None, 3),
        "2": (None, 4),
        "3": (4,),
    }
    assert not any(layer.params for _, layer in walk(unbuilt))
    assert unbuilt.output_shape((None, 2)) == (1,)


def test_a_shape_that_does_not_fit_is_refused_with_its_place_without_building():
    with pytest.raises(ShapeError, match=r"^LastStep: expected input of shape \(time, features\), got \(4,\)") as err:
        Sequential([LastStep(), Sequential([LastStep()])]).output_shape((3, 4))
    assert err.value.path == ("layers", 1, "layers", 0)


def test_every_parameter_has_one_owner():
    made = model()
    named = {name: type(owner(made, name)).__name__ for name in made.params}
    assert named["1.scale"] == "Wrapped"
    assert named["1.inner.0.W"] == "Dense"
    assert named["0.1.W_hh"] == "RecurrentLayer"
    own = [name for _, layer in walk(made) for name in own_parameters(layer)]
    assert len(own) == len(made.params)
    assert list(own_parameters(made.layers[1])) == ["scale"]


def test_a_layer_whose_build_and_output_shape_disagree_is_refused():
    class Halved(Layer):
        def build(self, input_shape, rng, dtype):
            return (*input_shape[:-1], input_shape[-1] // 2)

        def forward(self, x, ctx=INFERENCE):
            return x[..., : x.shape[-1] // 2], x

        def backward(self, dy, cache):
            return np.concatenate([dy, 0 * dy], -1), {}

    with pytest.raises(ShapeError, match=r"^Halved: build returns \(2,\) for input \(4,\), but output_shape \(4,\)"):
        Sequential([Halved()]).build((4,), 0)


@pytest.mark.parametrize(
    ("layer", "n"),
    [
        (Dense(1), 0),
        (RecurrentLayer(2), 1),
        (Sequential([Repeat(RecurrentLayer(2), times=3), Sequential([RecurrentLayer(2), Dense(1)])]), 4),
        (Bidirectional(Repeat(RecurrentLayer(2), times=2)), 2),
        (Parallel([RecurrentLayer(2), Sequential([RecurrentLayer(2), RecurrentLayer(2)]), Dense(2)]), 2),
        (Sequential([Residual(Repeat(RecurrentLayer(2), times=2)), Bidirectional(RecurrentLayer(2))]), 3),
        (Parallel([Wrapped(Residual(RecurrentLayer(2))), Dense(2)]), 1),
    ],
)
def test_side_by_side_counts_once_and_in_a_row_adds_up(layer, n):
    # Caught here: branches that count as depth, as they do where all leaves are counted.
    assert longest_path(layer, lambda part: isinstance(part, RecurrentLayer)) == n
