"""One step at a time gives what the whole window gives, and the state can be kept."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from minidl import Dense, LastStep, RecurrentLayer, Repeat, Sequential, ShapeError


def deep_net():
    model = Sequential([RecurrentLayer(3), Sequential([Repeat(RecurrentLayer(2), times=2)]), LastStep(), Dense(2)])
    model.build((None, 4), 0, "float64")
    return model


X = np.random.default_rng(1).normal(size=(5, 7, 4))


def test_after_every_step_the_output_is_that_of_the_window_so_far():
    model, stream = deep_net(), deep_net().stream()
    for t in range(7):
        # One product of 5 rows or of 5 · t rows: the last bits may differ.
        np.testing.assert_allclose(stream(X[:, t]), model(X[:, : t + 1]), rtol=1e-12, atol=1e-14)


def test_a_single_sequence_has_no_batch_axis():
    model, stream = deep_net(), deep_net().stream()
    for t in range(7):
        y = stream(X[0, t])
    assert y.shape == (2,)
    np.testing.assert_allclose(y, model(X[:1])[0], rtol=1e-12, atol=1e-14)


def test_without_last_step_the_output_has_no_time_axis_either():
    model = Sequential([RecurrentLayer(3), Dense(2)])
    model.build((None, 4), 0, "float64")
    stream = model.stream()
    outputs = np.stack([stream(X[:, t]) for t in range(7)], axis=1)
    np.testing.assert_allclose(outputs, model(X), rtol=1e-12, atol=1e-14)


def test_a_kept_state_goes_on_as_if_nothing_had_happened():
    model = deep_net()
    stream = model.stream()
    for t in range(4):
        stream(X[:, t])
    kept = copy.deepcopy(stream.state)
    expected = [stream(X[:, t]) for t in range(4, 7)]
    again = model.stream(kept)
    assert all(np.array_equal(again(X[:, t]), y) for t, y in zip(range(4, 7), expected, strict=True))
    stream.state = kept
    assert np.array_equal(stream(X[:, 4]), expected[0])


def test_outputs_are_the_callers_own():
    stream = deep_net().stream()
    first = stream(X[:, 0])
    kept = first.copy()
    stream(X[:, 1])
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_streams_of_one_model_do_not_mix(dtype):
    model = deep_net()
    a, b = model.stream(), model.stream()
    x = X.astype(dtype)
    a(x[:, 0])
    b(x[:, 1])
    assert np.array_equal(a(x[:, 2]), model.stream(a_state(model, x))(x[:, 2]))


def a_state(model, x):
    stream = model.stream()
    stream(x[:, 0])
    return stream.state


def test_the_first_step_says_how_many_sequences_go_on_side_by_side():
    # A step of one sequence more would go on from a state that is not its own, or that of nobody.
    stream = deep_net().stream()
    stream(X[:3, 0])
    for wrong in (X[0, 1], X[:2, 1]):
        with pytest.raises(ShapeError, match=r"^stream: expected x of shape \(3, features\), got "):
            stream(wrong)
