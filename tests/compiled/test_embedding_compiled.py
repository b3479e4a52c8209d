"""Embedding in compiled code: as in NumPy, and what is no symbol is refused in the same words, not read."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from both_engines import difference, trainer
from uneven import OnlyGathers, end_of

from minidl import SGD, Adam, CrossEntropy, DataError, Dense, Embedding, MeanOverTime, MinidlError, Sequential
from minidl.compiled import explain, predictor
from minidl.compiled.engine import CompiledEngine
from minidl.core.initializers import zeros
from minidl.layers import Stream
from minidl.training import Arrays

N, T, F, SYMBOLS = 40, 7, 2, 6
X = np.random.default_rng(0).integers(SYMBOLS, size=(N, T, F))
LABELS = np.random.default_rng(1).integers(3, size=N)
NONE = (SYMBOLS, -1, 2.5, 1e300, np.inf, np.nan)


@functools.cache
def net() -> Sequential:
    model = Sequential([Embedding(SYMBOLS, output_size=3), MeanOverTime(), Dense(3)])
    model.build((T, F), 5, "float64")
    return model


@pytest.mark.parametrize(
    "x",
    [X, pytest.param(X.astype("uint8"), marks=pytest.mark.slow), X + 1e-4 * (X % 3 - 1)],
    ids=["int64", "uint8", "nearly whole"],
)
def test_both_engines_learn_and_predict_alike(x: np.ndarray) -> None:
    # Catches vectors of a row in the wrong order, gradients of another symbol, and those of lanes beyond the batch.
    expected, found = (
        end_of(net(), Arrays(x, LABELS), CrossEntropy(), engine, batch_size=11, optimizer=SGD(0.5))[0]
        for engine in (None, CompiledEngine())
    )
    assert difference(found, expected) < 1e-12
    predict = predictor(net())
    assert predict.engine == "compiled"
    np.testing.assert_allclose(predict(x), net()(x), rtol=1e-13)
    np.testing.assert_allclose(predict(x[0]), net()(x)[0], rtol=1e-13)


@pytest.mark.parametrize("value", NONE)
def test_what_is_no_symbol_is_refused_in_training_in_the_same_words(value: float) -> None:
    x = X.astype(float)
    x[N // 2, 3, 1] = value
    lines = []
    for engine in (None, CompiledEngine()):
        made = trainer(net(), loss=CrossEntropy(), engine=engine, optimizer=SGD(0.1))
        start = made.parameters.values.copy()
        with pytest.raises(MinidlError) as caught:
            engine_steps(made, OnlyGathers(Arrays(x, LABELS)))
        lines.append(str(caught.value))
        made.parameters.values[:] = start
    assert lines[0] == lines[1]
    assert "expected whole numbers from 0 to 5" in lines[0]


def engine_steps(made, source) -> None:
    """An epoch without the door, which has looked at a part of the examples before."""
    position, total = 0, 0.0
    while position < N:
        position, total = made.engine.advance(made, source, np.arange(N), position, total)


@pytest.mark.parametrize("value", NONE)
def test_what_is_no_symbol_is_refused_in_forecasts_and_leaves_a_stream_as_it_was(value: float) -> None:
    x, predict = X.astype(float), predictor(net())
    x[3, 4, 0] = value
    ours, other = predict.stream(batch=5), Stream(net(), None, 5)
    for t in range(4):
        np.testing.assert_allclose(ours(x[:5, t]), other(x[:5, t]), rtol=1e-12)
    calls = [lambda: predict(x), lambda: predict(x[3]), lambda: ours(x[:5, 4]), lambda: net()(x)]
    if not np.isnan(value):  # which may stand in padding
        calls.append(lambda: predict(x, np.arange(N) % 3 + 5))
    lines = set()
    for call in calls:
        with pytest.raises(DataError, match=r"^Embedding: x holds .*; expected whole numbers from 0 to 5\.$") as caught:
            call()
        lines.add(str(caught.value))
    assert len(lines) == 1
    np.testing.assert_allclose(ours(X[:5, 4]), other(X[:5, 4]), rtol=1e-12)


def test_more_symbols_than_whole_numbers_are_left_to_numpy() -> None:
    model = Sequential([Embedding(2**24 + 1, output_size=1, weight_initializer=zeros), MeanOverTime()])
    model.build((T, 1), 0, "float32")
    expected = "numpy: Embedding 0 has 16,777,217 symbols, more than float32 can tell apart"
    assert explain(model, CrossEntropy(), Adam(), "float32") == expected
    assert explain(model, CrossEntropy(), Adam(), "float64") == "compiled"
