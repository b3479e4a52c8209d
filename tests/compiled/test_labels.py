"""Class labels in compiled code."""

from __future__ import annotations

import numpy as np
import pytest
from both_engines import trainer

from minidl import SGD, CrossEntropy, DataError, Dense, LastStep, RecurrentLayer, Sequential
from minidl.compiled import explain
from minidl.compiled.engine import CompiledEngine
from minidl.data import Batch
from minidl.training import Arrays

N, T, F, K = 45, 6, 3, 4  # neither examples nor batches fill the lanes
X = np.random.default_rng(0).normal(size=(N, T, F))


def net(every_step, dtype):
    model = Sequential([RecurrentLayer(5), *([] if every_step else [LastStep()]), Dense(K)])
    model.build((T, F), 2, dtype)
    return model


@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-12), pytest.param("float32", 1e-5, marks=pytest.mark.slow)]
)
def test_both_engines_learn_labels_alike(every_step, dtype, tolerance):
    # Catches labels of another window or time step, a sign, and lanes beyond the batch that count.
    labels = np.random.default_rng(1).integers(K, size=(N, T) if every_step else N)
    results = []
    for engine in (None, CompiledEngine()):
        one = trainer(net(every_step, dtype), loss=CrossEntropy(), optimizer=SGD(0.3), engine=engine, epochs=5)
        history = one.run(Arrays(X.astype(dtype), labels))
        results.append((one.parameters.values, [record.train_loss for record in history]))
    largest = np.abs(results[0][0]).max()
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=0, atol=tolerance * largest)
    np.testing.assert_allclose(results[1][1], results[0][1], rtol=10 * tolerance)


def test_a_label_that_is_none_does_not_reach_compiled_code():
    # It would be read as a place in memory.
    class OnlyGathers:
        def __len__(self):
            return N

        def gather(self, indices):
            return Batch(X[indices], np.full(len(indices), K))

    one = trainer(net(False, "float64"), loss=CrossEntropy(), engine=CompiledEngine())
    with pytest.raises(DataError, match=r"^CrossEntropy: target: 4 at .*; labels of a model with 4 outputs are 0 to 3"):
        one.run(OnlyGathers())
    assert one.step == 0


def test_cross_entropy_has_a_kernel():
    assert explain(net(False, "float64"), CrossEntropy(), SGD(0.1)) == "compiled"
