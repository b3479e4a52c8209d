"""A Rollout that reads the rows after its window, in a window that moves on and in one that grows."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import (
    Bidirectional,
    Context,
    Dense,
    Dropout,
    GRULayer,
    LastStep,
    Parallel,
    Rollout,
    SelectFeatures,
    Sequential,
    ShapeError,
)
from minidl.comparison.budget import multiply_adds
from minidl.core.layer import Array

STEPS = 4
X = np.random.default_rng(0).standard_normal((4, 5 + STEPS - 1, 3))


def built(grow: bool = False) -> Rollout:
    parts = [Sequential([GRULayer(4), LastStep(), Dense(1)]), Sequential([LastStep(), Dense(1)])]
    model = Rollout(Parallel(parts), steps=STEPS, target=1, later=True, grow=grow)
    model.build((len(X[0]), 3), 3, "float64")
    return model


def naive(model: Rollout, x: list[list[float]]) -> list[float]:
    window, later, made = x[: 1 - STEPS], x[1 - STEPS :], []
    for j in range(STEPS):
        made.append(float(model.layer(np.array([window]))[0, 0]))
        if j < STEPS - 1:
            window = [*window[not model.grow :], [made[-1] if k == 1 else later[j][k] for k in range(3)]]
    return made


@pytest.mark.parametrize("grow", [False, True])
def test_a_rollout_reads_later_rows_but_not_their_target(grow: bool) -> None:
    # With grow each window is computed anew here, and goes on from a state there.
    model, spoilt = built(grow), X.copy()
    spoilt[:, 1 - STEPS :, 1] = np.nan
    np.testing.assert_allclose(model(spoilt), [naive(model, x) for x in X.tolist()], rtol=1e-12)


@pytest.mark.parametrize("grow", [False, True])
def test_its_gradient_is_that_of_central_differences(grow: bool) -> None:
    # Caught here: no way back through the state, or through the forecasts.
    model, w = built(grow), np.random.default_rng(1).standard_normal((4, STEPS))
    dx, grads = model.backward(w, model.forward(X)[1])
    h = 1e-5

    def slopes(array: Array) -> Array:
        found = np.empty_like(array)
        for place in np.ndindex(array.shape):
            kept, ends = array[place], []
            for sign in (1, -1):
                array[place] = kept + sign * h
                ends.append((model(X) * w).sum())
            array[place] = kept
            found[place] = (ends[0] - ends[1]) / (2 * h)
        return found

    for name, array in {**model.params, "x": X}.items():
        expected, got = slopes(array), dx if name == "x" else grads[name]
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-7 * np.abs(expected).max(), err_msg=name)
    assert dx is not None
    assert not dx[:, 1 - STEPS :, 1].any()


def test_sequences_of_different_length_go_on_where_they_end() -> None:
    model, lengths = built(grow=True), np.array([8, 6, 5, 4])
    y, cache = model.forward(X, Context(lengths=lengths))
    w = np.random.default_rng(1).standard_normal(y.shape)
    dx, grads = model.backward(w, cache)
    total = dict.fromkeys(grads, 0.0)
    assert dx is not None
    for i, n in enumerate(lengths):
        own, cache = model.forward(X[i : i + 1, :n])
        np.testing.assert_allclose(y[i], own[0], rtol=1e-12)
        own_dx, own_grads = model.backward(w[i : i + 1], cache)
        np.testing.assert_allclose(dx[i, :n], own_dx[0], rtol=1e-9, atol=1e-12)  # type: ignore[index]
        total = {name: total[name] + value for name, value in own_grads.items()}
    for name, value in grads.items():
        np.testing.assert_allclose(value, total[name], rtol=1e-9, atol=1e-12)


def test_a_layer_that_looks_ahead_cannot_go_on() -> None:
    model = Rollout(Sequential([Bidirectional(GRULayer(2)), LastStep(), Dense(1)]), steps=2, target=0, grow=True)
    with pytest.raises(ShapeError, match=r"^Rollout: grow: Bidirectional looks at later steps too, so it cannot go on"):
        model.build((5, 3), 0)


def test_a_window_that_grows_has_one_mask_for_all_of_its_rows() -> None:
    # y_1 is what the mask leaves of the first column, and so are all others where the rows are alike.
    model = Rollout(
        Sequential([Dropout(0.5, shared_over_time=True), SelectFeatures([0]), LastStep()]), steps=6, target=1, grow=True
    )
    model.build((3, 2), 0, "float64")
    rng = np.random.default_rng(2)
    made = [model.forward(np.ones((8, 3, 2)), Context(training=True, rng=rng))[0] for _ in range(2)]
    for y in made:
        assert np.array_equal(y, np.repeat(y[:, :1], 6, axis=1))
        assert {0.0, 2.0} == {*y[:, 0].tolist()}
    assert not np.array_equal(*made)


def test_a_window_that_grows_costs_each_row_once() -> None:
    alone = Sequential([GRULayer(4), Dense(1)])
    model = Rollout(Sequential([*alone, LastStep()]), steps=STEPS, target=1, later=True, grow=True)
    assert multiply_adds(model, (5 + STEPS - 1, 3)) == multiply_adds(alone, (5 + STEPS - 1, 3))
