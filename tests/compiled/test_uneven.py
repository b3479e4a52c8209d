"""Examples with lengths and weights in compiled code: as in NumPy, whatever stands in the padding."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from both_engines import difference, trainer
from random_stacks import stack

from minidl import (
    MSE,
    Adam,
    Bidirectional,
    ConfigError,
    CrossEntropy,
    DataError,
    Dense,
    HalfMSE,
    LastStep,
    Layer,
    MinidlError,
    Parallel,
    RecurrentLayer,
    ReluActivation,
    Residual,
    SelectFeatures,
    Sequential,
    ShapeError,
    SigmoidActivation,
)
from minidl.compiled import LayerKernel, LossKernel, choose_engine, predictor, register_kernel, runtime
from minidl.compiled.choice import model_obstacle
from minidl.compiled.engine import CompiledEngine
from minidl.compiled.kernels import glue, recurrent, sequence_ends
from minidl.compiled.prediction import NumpyPredictor
from minidl.data import Batch
from minidl.training import Arrays, NumpyEngine

FILLINGS = (0.0, np.nan, 1e300)


class OnlyGathers:
    """A source that compiled code knows nothing of."""

    def __init__(self, arrays):
        self.arrays = arrays

    def __len__(self):
        return len(self.arrays)

    def gather(self, indices):
        batch = self.arrays.gather(indices)
        if batch.lengths is None:
            return batch
        return Batch(batch.x[:, : batch.lengths[0]], batch.target, batch.lengths, batch.weight, batch.order)


def padded(a, lengths, filling):
    a = a.copy()
    for row, n in zip(a, lengths, strict=True):
        row[n:] = -1 if a.dtype.kind == "i" and filling != 0 else filling
    return a


def weights_for(rng, kind, n, time, every_step):
    if kind == 0:
        return None
    weight = rng.uniform(0, 2, (n, time) if kind == 2 and every_step else n)
    weight[rng.integers(n, size=3)] = 0
    return weight


def end_of(model, source, loss, engine, batch_size=16, epochs=3, **arguments):
    """Parameters and losses after a training of a copy."""
    made = trainer(model, loss=loss, engine=engine, batch_size=batch_size, epochs=epochs, **arguments)
    start = made.parameters.values.copy()
    losses = [record.train_loss for record in made.run(source)]
    end = made.parameters.values.copy()
    made.parameters.values[:] = start
    return end, losses


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
        results.append(end_of(model, source, loss, CompiledEngine(), batch_size=11))
        predicted.append(predictor(model)(arrays.x, lengths))
    expected, losses = end_of(model, source, loss, None, batch_size=11)
    assert np.isfinite(expected).all()
    assert difference(expected, results[0][0]) < tolerance
    np.testing.assert_allclose(results[0][1], losses, rtol=10 * tolerance, atol=1e-300)
    assert len({end.tobytes() for end, _ in results}) == 1, "what stands in the padding changes a weight"
    y = NumpyPredictor(model, "numpy")(arrays.x, lengths)
    np.testing.assert_allclose(predicted[0], y, rtol=0, atol=10 * tolerance * max(1, np.abs(y).max()))
    assert len({y.tobytes() for y in predicted}) == 1, "what stands in the padding changes an output"


ONE = np.array([1])


def small(rng, every_step):
    """Always the same layers, so that the compiler runs once; of any width."""
    wide, inner = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    if every_step:
        selection = SelectFeatures([int(i) for i in rng.permutation(wide)])
        layers = [Parallel([Bidirectional(RecurrentLayer(inner)), selection], merge="concat")]
    else:
        layers = [Residual(RecurrentLayer(wide, activation=SigmoidActivation(), bias=False)), LastStep()]
    model = Sequential([*layers, Dense(3)])
    model.build((None, wide), int(rng.integers(1000)), "float64")
    return model, wide


@pytest.mark.parametrize(("every_step", "loss"), [(True, CrossEntropy()), (False, MSE())])
def test_both_engines_learn_alike_whatever_the_padding(every_step, loss):
    for seed in range(6):
        check_agreement(*small(np.random.default_rng(seed), every_step), loss, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_random_stacks_learn_alike_in_both_engines_whatever_the_padding(seed):
    rng = np.random.default_rng(seed)
    model, features = stack(rng)
    while model_obstacle(model, "float64") is not None:  # a layer without a kernel
        model, features = stack(rng)
    check_agreement(model, features, [HalfMSE(), CrossEntropy(), MSE()][seed % 3], seed)


# --- faults that were planted ---


def without_lengths(kernel):
    return dataclasses.replace(kernel, ragged=None)


def shares_of_all_steps(share, weights, starts, steps, lengths, position, n):
    share[:] = 0
    share[:, :, :n] = 1 / (share.shape[0] * share.shape[1] * n)


def deep_sum():
    """A recurrence that grows a thousandfold a step: fine for two steps, infinite after a hundred."""
    model = Sequential([RecurrentLayer(1, activation=ReluActivation()), LastStep(), Dense(1)])
    model.build((None, 1), 0, "float64")
    model.params["0.W_hh"][:] = 1e3
    model.params["0.W_xh"][:] = 1e-6
    return model


def sums():
    model = Sequential([LastStep(), Dense(1)])
    model.build((None, 1), 0, "float64")
    return model


def steps():
    model = Sequential([Dense(1)])
    model.build((None, 1), 0, "float64")
    return model


def both_ways():
    model = Sequential([Bidirectional(RecurrentLayer(1)), Dense(1)])
    model.build((None, 1), 0, "float64")
    return model


CASES = {
    "the last step": (sums, sequence_ends, "last_step", lambda layer: LAST_STEP),
    "the reversal": (both_ways, glue, "REVERSED", without_lengths(glue.REVERSED)),
    "the mask of the loss": (steps, runtime.NAMES, "gather_shares", shares_of_all_steps),
    "the end of a recurrence": (deep_sum, recurrent, "_ragged", lambda forward, backward: None),
}
LAST_STEP = without_lengths(sequence_ends.last_step(None))


def planted(monkeypatch, place, name, value):
    if isinstance(place, dict):
        from minidl.compiled import jit

        monkeypatch.setitem(place, name, jit(value))
    else:
        monkeypatch.setattr(place, name, value)


def differ(make):
    """How far the engines are apart after a training on sequences of 1 to 2 and of 130 steps."""
    rng = np.random.default_rng(0)
    model, lengths, x = make(), np.array([2, 1, 130, 2, 1, 2, 2]), rng.uniform(0.5, 1, size=(7, 130, 1))
    x[2] = 0
    y = rng.normal(size=(7, 130, 1) if model.output_lengths(ONE) is not None else (7, 1))
    ends = [end_of(model, Arrays(x, y, lengths), HalfMSE(), engine) for engine in (None, CompiledEngine())]
    return difference(ends[0][0], ends[1][0])


@pytest.mark.parametrize("name", CASES)
def test_lengths_are_heeded_in(name):
    assert differ(CASES[name][0]) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_planted_fault_is_caught_in(name, monkeypatch):
    make, *fault = CASES[name]
    planted(monkeypatch, *fault)
    recurrent._kernel.cache_clear()
    try:
        assert not differ(make) < 1e-6
    except MinidlError as err:
        assert "nan" in str(err)  # noqa: PT017
    finally:
        recurrent._kernel.cache_clear()


# --- what is refused, and what is left to NumPy ---

N, T, F = 20, 6, 2
LENGTHS = np.arange(N) % T + 1
X = np.random.default_rng(0).normal(size=(N, T, F))


def net(*layers):
    model = Sequential([*layers, Dense(1)])
    model.build((None, F), 0, "float64")
    return model


@pytest.mark.parametrize(
    "batch",
    [
        Batch(X, np.ones((N, 1)), np.arange(N) + 1),
        Batch(X, np.ones((N, 1)), np.full(N, T + 1)),
        Batch(X, np.ones((N, 1)), np.full(N, 0)),
        Batch(X, np.ones((N, 1)), weight=np.ones((N, 2))),
        Batch(X, np.ones((N, 1)), weight=np.ones((N, T))),
        Batch(X, np.ones((N, 1)), LENGTHS[::-1][:3]),
        Batch(X, np.ones((N, T, 1)), np.full(N, T - 1)),
    ],
    ids=["increasing", "too long", "none", "weights", "weights of steps", "too few", "targets of steps"],
)
def test_what_does_not_fit_is_refused_in_the_same_words_by_both_engines(batch):
    class Given:
        def __len__(self):
            return N

        def gather(self, indices):
            return batch

    lines = []
    for engine in (None, CompiledEngine()):
        with pytest.raises(ShapeError) as caught:
            trainer(net(LastStep()), engine=engine, batch_size=N).run(Given())
        lines.append(str(caught.value))
    assert lines[0] == lines[1]


def test_labels_in_the_padding_may_be_anything_but_no_others():
    model = Sequential([Dense(3)])
    model.build((None, F), 0, "float64")
    labels = padded(np.ones((N, T), int), LENGTHS, 1)
    source = Arrays(X, labels, LENGTHS)
    trainer(model, loss=CrossEntropy(), engine=CompiledEngine()).run(source)
    labels[5, 5] = 3
    with pytest.raises(DataError, match="labels of a model with 3 outputs are 0 to 2"):
        trainer(model, loss=CrossEntropy(), engine=CompiledEngine()).run(OnlyGathers(Arrays(X, labels, LENGTHS)))


def test_lengths_that_were_changed_to_lie_outside_do_not_reach_compiled_code():
    source = Arrays(X, np.ones((N, 1)), LENGTHS.copy())
    made = trainer(net(LastStep()), engine=CompiledEngine(), batch_size=N)
    source.lengths[3] = -4
    with pytest.raises(ShapeError, match=r"^lengths: expected 1 to 6, got -4 to 6"):
        CompiledEngine().advance(made, source, np.arange(N), 0, 0.0)


class Mean(Layer):
    """y = mean of x over time."""

    def output_shape(self, input_shape):
        return input_shape[1:]

    def output_lengths(self, lengths):
        return None

    def forward(self, x, ctx=None):
        return x.mean(axis=1), x

    def backward(self, dy, cache):
        return np.repeat(dy[:, None], cache.shape[1], axis=1) / cache.shape[1], {}


def test_a_kernel_that_takes_no_lengths_is_left_to_numpy():
    register_kernel(Mean)(lambda layer: LayerKernel(print, print))
    made = trainer(net(Mean()), epochs=10**7)
    source = Arrays(X, np.ones((N, 1)), LENGTHS)
    engine, line = choose_engine(made, "auto", source, lambda line: None)
    assert isinstance(engine, NumpyEngine)
    assert line == "numpy: the examples have lengths, and Mean 0 has no kernel for them"
    assert choose_engine(made, "auto", Arrays(X, np.ones((N, 1))), lambda line: None)[1] == "compiled"
    with pytest.raises(ConfigError, match=r"^engine is compiled, but the examples have lengths, and Mean 0"):
        choose_engine(made, "compiled", source, lambda line: None)
    with pytest.raises(ConfigError, match="cannot take these examples: the examples have lengths, and Mean 0"):
        trainer(net(Mean()), engine=CompiledEngine()).run(source)
    predict = predictor(net(Mean()))
    assert predict.engine == "compiled"
    assert predict(X, LENGTHS).shape == (N, 1)


def test_a_loss_without_a_weighted_kernel_is_left_to_numpy():
    class Own(MSE):
        pass

    register_kernel(Own)(lambda loss: LossKernel(print))
    made = trainer(net(LastStep()), loss=Own(), epochs=10**7)
    for name, extra in {"lengths": {"lengths": LENGTHS}, "weights": {"weight": np.ones(N)}}.items():
        line = choose_engine(made, "auto", Arrays(X, np.ones((N, 1)), **extra), lambda line: None)[1]
        assert line == f"numpy: the examples have {name}, and the loss Own has no kernel for them"


def test_the_shortest_and_the_longest_windows_have_their_own_programs():
    # Catches a window that is too short for a batch, and batches that are left out or trained twice.
    lengths = np.concatenate([np.full(8, 2), np.arange(1, 17)[::-1], np.full(5, 90), np.full(3, 7)])
    x, y = np.random.default_rng(1).normal(size=(32, 90, 1)), np.random.default_rng(2).normal(size=(32, 1))
    source = Arrays(x, y, lengths)
    ends = [
        end_of(sums(), source, HalfMSE(), engine, batch_size=4, epochs=2, shuffle=False, optimizer=Adam(0.1))
        for engine in (None, CompiledEngine())
    ]
    assert difference(ends[0][0], ends[1][0]) < 1e-12
    np.testing.assert_allclose(ends[1][1], ends[0][1], rtol=1e-12)


def test_a_predictor_refuses_what_are_no_lengths():
    for predict in (predictor(net(LastStep())), NumpyPredictor(net(LastStep()), "numpy")):
        with pytest.raises(ShapeError, match=r"^lengths: expected one for each sequence"):
            predict(X, LENGTHS[:3])
        with pytest.raises(DataError, match=r"^lengths: expected 1 to 6, got 1 to 7"):
            predict(X, np.where(LENGTHS == 6, 7, LENGTHS))
        assert predict(X[:0], LENGTHS[:0]).shape == (0, 1)
        np.testing.assert_array_equal(predict(X, np.full(N, T)), predict(X))
