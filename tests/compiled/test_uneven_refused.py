"""What is refused of examples with lengths and weights, and what is left to NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from both_engines import trainer
from uneven import OnlyGathers, padded

from minidl import (
    MSE,
    ConfigError,
    CrossEntropy,
    DataError,
    Dense,
    LastStep,
    Layer,
    Sequential,
    ShapeError,
)
from minidl.compiled import LayerKernel, LossKernel, choose_engine, predictor, register_kernel
from minidl.compiled.engine import CompiledEngine
from minidl.compiled.prediction import NumpyPredictor
from minidl.data import Batch
from minidl.training import Arrays, NumpyEngine

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


def test_a_predictor_refuses_what_are_no_lengths():
    for predict in (predictor(net(LastStep())), NumpyPredictor(net(LastStep()), "numpy")):
        with pytest.raises(ShapeError, match=r"^lengths: expected one for each sequence"):
            predict(X, LENGTHS[:3])
        with pytest.raises(DataError, match=r"^lengths: expected 1 to 6, got 1 to 7"):
            predict(X, np.where(LENGTHS == 6, 7, LENGTHS))
        assert predict(X[:0], LENGTHS[:0]).shape == (0, 1)
        np.testing.assert_array_equal(predict(X, np.full(N, T)), predict(X))
