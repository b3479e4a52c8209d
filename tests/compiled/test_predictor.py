"""Compiled forecasts equal the layers' own."""

from __future__ import annotations

import copy
import functools

import numpy as np
import pytest

from minidl import (
    DataError,
    Dense,
    LastStep,
    MaxOverTime,
    MeanOverTime,
    Parallel,
    RecurrentLayer,
    Repeat,
    Sequential,
    ShapeError,
    TanhActivation,
)
from minidl.compiled import predictor

X = np.random.default_rng(1).normal(size=(300, 7, 4))


@functools.cache
def deep_net(dtype="float64"):
    end = Parallel([LastStep(), MeanOverTime(), MaxOverTime()], merge="concat")
    model = Sequential([RecurrentLayer(3), Sequential([Repeat(RecurrentLayer(2), times=2)]), end, Dense(2)])
    model.build((None, 4), 0, dtype)
    return model, predictor(model)


def close(actual, expected):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
def test_one_window_equals_the_model(dtype):
    model, _ = deep_net(dtype)
    x = X.astype(dtype)
    rtol = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(predictor(model)(x[5]), model(x[5:6])[0], rtol=rtol)


@pytest.mark.parametrize("batch", [1, 127, 128, 300])
def test_batches_of_any_size_equal_the_model(batch):
    model, predict = deep_net()
    close(predict(X[:batch]), model(X[:batch]))


@pytest.mark.parametrize("steps", [1, 3])
def test_windows_of_any_length_equal_the_model(steps):
    model, predict = deep_net()
    close(predict(X[0, :steps]), model(X[:1, :steps])[0])
    close(predict(X[:, :steps]), model(X[:, :steps]))


def test_inputs_of_other_types_and_read_only_ones_are_taken():
    model, predict = deep_net()
    x = X.astype(np.float32)
    x.flags.writeable = False
    close(predict(x), model(x.astype(np.float64)))
    close(predict(x[0]), model(x[:1].astype(np.float64))[0])


def test_a_window_is_taken_however_it_lies_in_memory() -> None:
    model, predict = deep_net()
    expected = model(X[:1])[0]
    close(predict(X[0]), expected)  # the next ones find the compiled function
    shifted = np.frombuffer(b"." + X[0].tobytes(), np.uint8)[1:].view(np.float64).reshape(X[0].shape)
    backwards = np.ascontiguousarray(X[0, ::-1])[::-1]
    for x in (np.asfortranarray(X[0]), backwards, shifted, X[0].astype(">f8"), X[0].tolist()):
        close(predict(x), expected)
    with pytest.raises(DataError, match="predictor: x: holds complex"):
        predict(X[0] + 1j)


@pytest.mark.slow
def test_float32_agrees_too():
    model, predict = deep_net("float32")
    x = X.astype(np.float32)
    np.testing.assert_allclose(predict(x[5]), model(x[5:6])[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(predict(x), model(x), rtol=1e-5, atol=1e-6)


def test_outputs_are_the_callers_own():
    _, predict = deep_net()
    first = predict(X[0])
    kept = first.copy()
    predict(X[1])
    assert np.array_equal(first, kept)


def test_an_input_that_is_no_window_is_refused():
    _, predict = deep_net()
    with pytest.raises(ShapeError, match=r"expected x of shape \(time, features\) or \(batch, time, features\)"):
        predict(X[0, 0])
    with pytest.raises(ShapeError, match=r"RecurrentLayer: expected x of shape \(batch, time, 4\)"):
        predict(X[:, :, :3])
    with pytest.raises(ShapeError, match=r"RecurrentLayer: expected x of shape \(batch, time, 4\)"):
        predict(X[0, :, :3])


def test_the_stream_equals_the_window_at_every_step():
    model, predict = deep_net()
    stream = predict.stream(batch=5)
    for t in range(7):
        close(stream(X[:5, t]), model(X[:5, : t + 1]))


def test_a_state_of_the_layers_stream_is_taken_over_and_given_back():
    model, predict = deep_net()
    plain = model.stream()
    for t in range(4):
        plain(X[:1, t])
    stream = predict.stream(plain.state)
    close(stream(X[0, 4]), plain(X[0, 4]))
    kept = copy.deepcopy(stream.state)
    expected = stream(X[0, 5])
    stream.state = kept
    assert np.array_equal(stream(X[0, 5]), expected)
    close(model.stream(kept)(X[0, 5]), expected)


def test_a_new_stream_begins_at_zero_whatever_others_did():
    _, predict = deep_net()
    first = predict.stream()(X[0, 0])
    other = predict.stream()
    other(X[0, 0])
    other(X[0, 1])
    assert np.array_equal(predict.stream()(X[0, 0]), first)


def test_a_model_without_kernels_predicts_with_numpy():
    model = Sequential([RecurrentLayer(3, activation=OwnActivation()), LastStep(), Dense(1)])
    model.build((None, 4), 0, "float64")
    predict = predictor(model)
    assert predict.engine == "numpy: RecurrentLayer 0 has the activation OwnActivation, which has no kernel"
    close(predict(X[0]), model(X[:1])[0])
    close(predict(X), model(X))
    close(predict.stream()(X[0, 0]), model(X[:1, :1])[0])
    assert deep_net()[1].engine == "compiled"


class OwnActivation(TanhActivation):
    """Not registered, and without a kernel of its own."""
