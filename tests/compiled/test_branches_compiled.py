"""Containers in compiled code: branches, ways around, both directions, nested in each other, equal to NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from both_engines import difference, train_both, windows

from minidl import (
    SGD,
    Adam,
    Bidirectional,
    ConfigError,
    Dense,
    LastStep,
    Parallel,
    RecurrentLayer,
    Repeat,
    Residual,
    SelectFeatures,
    Sequential,
    TanhActivation,
)
from minidl.compiled import explain, predictor

# Everything in one stack, so that the compiler runs once: a slot that three steps read, gradients added from
# both sides of a merge, a reversed sequence within another one, a layer that leaves features out.
NESTED = [
    Parallel(
        [
            Residual(Sequential([RecurrentLayer(3), Dense(3)])),
            Bidirectional(Residual(RecurrentLayer(3)), merge="add"),
            SelectFeatures([2, 0, 1]),
        ]
    ),
    Parallel([RecurrentLayer(2), Bidirectional(RecurrentLayer(3)), SelectFeatures([1])], merge="concat"),
    Repeat(Residual(Sequential([Dense(9), TanhActivation()])), times=2),
    Dense(1),
]


def model(dtype):
    made = Sequential(NESTED)
    made.build((6, 3), 5, dtype)
    return made


@pytest.mark.slow  # row 21 of the table of faults draws nested containers in the normal run
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_nested_containers_train_alike_in_both_engines(dtype, tolerance):
    made = model(dtype)
    assert explain(made, *_parts(), dtype, "compiled") == "compiled"
    source = windows(90, every_step=True, dtype=dtype)
    numpy, compiled = train_both(made, source, optimizer=SGD(0.05), epochs=3)
    assert numpy.step == compiled.step == 18
    assert difference(numpy.parameters.values, compiled.parameters.values) < tolerance
    start = np.concatenate([value.reshape(-1) for value in made.params.values()])
    assert difference(numpy.parameters.values, start) > 1e-3
    x = np.random.default_rng(0).normal(size=(130, 6, 3)).astype(dtype)
    np.testing.assert_allclose(predictor(numpy.model)(x), numpy.model(x), rtol=0, atol=10 * tolerance)


def _parts():
    from minidl import HalfMSE

    return HalfMSE(), Adam(0.01)


def test_one_step_at_a_time_with_the_state_of_every_branch():
    made = Sequential([Parallel([RecurrentLayer(3), Residual(RecurrentLayer(3))]), LastStep(), Dense(1)])
    made.build((6, 3), 5, "float64")
    x = np.random.default_rng(0).normal(size=(6, 3))
    stream, reference = predictor(made).stream(), made.stream()
    for step in x:
        np.testing.assert_allclose(stream(step), reference(step), rtol=1e-12)
    assert (
        [type(part) for part in stream.state] == [type(part) for part in reference.state] == [tuple, *[type(None)] * 2]
    )
    np.testing.assert_allclose(stream.state[0][1][0], reference.state[0][1][0], rtol=1e-12)


def test_a_model_that_looks_ahead_cannot_be_fed_step_by_step():
    with pytest.raises(ConfigError, match=r"stream: Bidirectional 0.1 looks at later time steps"):
        predictor(model("float64")).stream()


def test_a_container_of_a_user_is_not_taken_for_the_librarys():
    class Doubled(Residual):
        def forward(self, x, *rest):
            y, cache = super().forward(x, *rest)
            return 2 * y, cache

    made = Sequential([Doubled(Dense(3))])
    made.build((6, 3), 5, "float64")
    assert explain(made, *_parts(), "float64") == "numpy: Doubled 0 has no kernel"
