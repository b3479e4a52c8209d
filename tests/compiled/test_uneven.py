"""Examples with lengths and weights in compiled code: as in NumPy, whatever stands in the padding."""

from __future__ import annotations

import numpy as np
import pytest
from both_engines import difference
from random_stacks import stack
from uneven import ONE, OnlyGathers, end_of, padded

from minidl import (
    MSE,
    SGD,
    Adam,
    Bidirectional,
    CrossEntropy,
    Dense,
    HalfMSE,
    LastStep,
    MaxOverTime,
    MeanOverTime,
    Parallel,
    RecurrentLayer,
    Residual,
    SelectFeatures,
    Sequential,
    SigmoidActivation,
)
from minidl.compiled import predictor
from minidl.compiled.choice import model_obstacle
from minidl.compiled.engine import CompiledEngine
from minidl.compiled.examples import _of_one_window
from minidl.compiled.prediction import NumpyPredictor
from minidl.training import Arrays

FILLINGS = (0.0, np.nan, 1e300)


def weights_for(rng, kind, n, time, every_step):
    if kind == 0:
        return None
    weight = rng.uniform(0, 2, (n, time) if kind == 2 and every_step else n)
    weight[rng.integers(n, size=3)] = 0
    return weight


def check_agreement(model, features, loss, seed, tolerance=1e-12):
    """Both engines equal in random batches, whatever is in the padding; and so are both predictors."""
    rng = np.random.default_rng(seed)
    n, time, every_step = int(rng.integers(2, 40)), int(rng.integers(1, 20)), model.output_lengths(ONE) is not None
    lengths, x = rng.integers(1, time + 1, size=n), rng.normal(size=(n, time, features))
    outputs = model(x).shape[-1]
    shape = (n, time) if every_step else (n,)
    y = rng.integers(outputs, size=shape) if loss.labels else rng.normal(size=(*shape, outputs))
    weight = weights_for(rng, seed % 3, n, time, every_step)
    results, predicted = [], []
    for filling in FILLINGS:
        target = padded(y, lengths, filling) if every_step else y
        arrays = Arrays(padded(x, lengths, filling), target, lengths, weight)
        source = OnlyGathers(arrays) if seed % 2 else arrays
        results.append(end_of(model, source, loss, CompiledEngine(), batch_size=11, optimizer=SGD(0.01)))
        predicted.append(predictor(model)(arrays.x, lengths))
    expected, losses = end_of(model, source, loss, None, batch_size=11, optimizer=SGD(0.01))
    assert np.isfinite(expected).all()
    assert difference(expected, results[0][0]) < tolerance
    np.testing.assert_allclose(results[0][1], losses, rtol=10 * tolerance, atol=1e-300)
    assert len({end.tobytes() for end, _ in results}) == 1, "what stands in the padding changes a weight"
    y = NumpyPredictor(model, "numpy")(arrays.x, lengths)
    np.testing.assert_allclose(predicted[0], y, rtol=0, atol=10 * tolerance * max(1, np.abs(y).max()))
    assert len({y.tobytes() for y in predicted}) == 1, "what stands in the padding changes an output"


def small(rng, every_step):
    """Always the same layers, so that the compiler runs once; of any width."""
    wide, inner = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    if every_step:
        selection = SelectFeatures([int(i) for i in rng.permutation(wide)])
        layers = [Parallel([Bidirectional(RecurrentLayer(inner)), selection], merge="concat")]
    else:
        end = Parallel([LastStep(), MeanOverTime(), MaxOverTime()], merge="concat")
        layers = [Residual(RecurrentLayer(wide, activation=SigmoidActivation(), bias=False)), end]
    model = Sequential([*layers, Dense(3)])
    model.build((None, wide), int(rng.integers(1000)), "float64")
    return model, wide


@pytest.mark.parametrize(
    ("every_step", "loss"), [pytest.param(True, CrossEntropy(), marks=pytest.mark.slow), (False, MSE())]
)
@pytest.mark.parametrize("seeds", [range(6), pytest.param(range(6, 106), marks=pytest.mark.slow)], ids=["6", "100"])
def test_both_engines_learn_alike_whatever_the_padding(every_step, loss, seeds):
    for seed in seeds:
        check_agreement(*small(np.random.default_rng(seed), every_step), loss, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_random_stacks_learn_alike_in_both_engines_whatever_the_padding(seed):
    rng = np.random.default_rng(seed)
    model, features = stack(rng)
    while model_obstacle(model, "float64") is not None:  # a layer without a kernel
        model, features = stack(rng)
    check_agreement(model, features, [HalfMSE(), CrossEntropy(), MSE()][seed % 3], seed)


def test_the_shortest_and_the_longest_windows_have_their_own_programs():
    # Catches a window that is too short for a batch, and batches that are left out or trained twice.
    lengths = np.concatenate([np.full(8, 2), np.arange(1, 17)[::-1], np.full(5, 90), np.full(3, 7)])
    x, y = np.random.default_rng(1).normal(size=(32, 90, 1)), np.random.default_rng(2).normal(size=(32, 1))
    model, source = Sequential([LastStep(), Dense(1)]), Arrays(x, y, lengths)
    model.build((None, 1), 0, "float64")
    ends = [
        end_of(model, source, HalfMSE(), engine, batch_size=4, epochs=2, shuffle=False, optimizer=Adam(0.1))
        for engine in (None, CompiledEngine())
    ]
    assert difference(ends[0][0], ends[1][0]) < 1e-12
    np.testing.assert_allclose(ends[1][1], ends[0][1], rtol=1e-12)


def test_batches_share_a_window_at_most_a_quarter_longer_than_each_needs() -> None:
    rng, shared = np.random.default_rng(3), 0
    for _ in range(200):
        lengths, batch = rng.integers(1, int(rng.integers(2, 300)), int(rng.integers(1, 40))), int(rng.integers(1, 9))
        found, (time, features) = _of_one_window(lengths, batch, (999, 2))
        longest = [int(found[first : first + batch].max()) for first in range(0, len(found), batch)]
        assert features == 2
        np.testing.assert_array_equal(found, lengths[: len(found)])
        assert len(found) % batch == 0 or len(found) == len(lengths)
        assert all(needed <= time <= 1.25 * needed for needed in longest)
        shared += len(longest) > 1
    assert shared > 20
