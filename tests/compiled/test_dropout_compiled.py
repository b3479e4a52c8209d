"""Dropout in compiled code: the masks of the NumPy engine, drawn from the same generator in the same order."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from both_engines import difference, trainer
from uneven import OnlyGathers, end_of, padded

from minidl import SGD, Bidirectional, Dense, Dropout, HalfMSE, MeanOverTime, Sequential
from minidl.compiled import engine, predictor
from minidl.compiled.engine import CompiledEngine
from minidl.compiled.kernel import Mask
from minidl.compiled.masks import Masks
from minidl.randomness import generator_state
from minidl.training import Arrays

N, T, F = 90, 7, 3
rng = np.random.default_rng(0)
X, Y, LENGTHS = rng.normal(size=(N, T, F)), rng.normal(size=(N, 2)), rng.integers(1, T + 1, N)


@functools.cache
def net() -> Sequential:
    """Masks of numbers, of features and of rows, one after the other and side by side; and of none."""
    inner = Sequential([Dense(3), Dropout(0.5, shared_over_time=True)])
    model = Sequential([Dropout(0.3), Bidirectional(inner), Dropout(0.0), MeanOverTime(), Dropout(0.2), Dense(2)])
    model.build((T, F), 5, "float64")
    return model


def trained(source: Arrays, **settings):
    made = trainer(net(), optimizer=SGD(0.1), batch_size=16, epochs=3, **settings)
    start = made.parameters.values.copy()
    made.run(source)
    end = made.parameters.values.copy()
    made.parameters.values[:] = start
    return end, generator_state(made.streams.layers)


def test_both_engines_leave_out_the_same_units(monkeypatch: pytest.MonkeyPatch) -> None:
    # Catches masks of another layer, window or step, and those of lanes beyond the batch; the last batch has 10.
    (expected, state), (found, same) = (trained(Arrays(X, Y), engine=one) for one in (None, CompiledEngine()))
    assert difference(found, expected) < 1e-12
    assert state == same
    plain = Sequential([layer for layer in net().layers if not isinstance(layer, Dropout)])
    assert difference(trained_without(plain), expected) > 1e-3
    monkeypatch.setattr(engine, "CALL_SECONDS", 0.0)  # one step a call
    again, same = trained(Arrays(X, Y), engine=CompiledEngine())
    assert again.tobytes() == found.tobytes()
    assert state == same


def trained_without(model: Sequential) -> np.ndarray:
    made = trainer(model, optimizer=SGD(0.1), batch_size=16, epochs=3)
    start = made.parameters.values.copy()
    made.run(Arrays(X, Y))
    end = made.parameters.values.copy()
    made.parameters.values[:] = start
    return end


def test_nothing_is_left_out_of_forecasts() -> None:
    predict = predictor(net())
    assert predict.engine == "compiled"
    np.testing.assert_allclose(predict(X), net()(X), rtol=0, atol=1e-12)
    np.testing.assert_allclose(predict(X[0]), net()(X)[0], rtol=0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("gathers", [False, True])
def test_sequences_of_different_length_get_the_masks_of_the_numpy_engine(gathers: bool) -> None:
    ends = []
    for filling in (0.0, np.nan, 1e300):
        source = Arrays(padded(X, LENGTHS, filling), Y, LENGTHS)
        given = OnlyGathers(source) if gathers else source
        expected, found = (
            end_of(net(), given, HalfMSE(), one, batch_size=11, optimizer=SGD(0.05))[0]
            for one in (None, CompiledEngine())
        )
        assert difference(found, expected) < 1e-12
        ends.append(found.tobytes())
    assert len(set(ends)) == 1


def test_masks_are_drawn_for_the_longest_sequence_of_a_batch_first() -> None:
    drawn = [Mask(0.5, 6, 2), Mask(0.5, 1, 3)]
    masks = Masks(drawn, 3, np.float32, threads=1)
    masks.begin(np.random.default_rng(0))
    # Batches (2, 5, 5) and (1, 4): of equals, the first comes first.
    assert masks.arguments(0, np.array([2, 5, 5, 1, 4]), 3)[2].tolist() == [2, 0, 1, 1, 0]
