"""A model's outputs over several batches, in the order in which the examples were asked for."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import Dense, HalfMSE, LastStep, RecurrentLayer, Sequential
from minidl.core.layer import INFERENCE
from minidl.training import Arrays, outputs
from minidl.training.outputs import Outputs, collected, outputs_by_batch, predict

RNG = np.random.default_rng(8)
LENGTHS = np.array([3, 5, 1, 4, 2, 5, 2])
X, Y, WEIGHT = RNG.normal(size=(7, 5, 2)), RNG.normal(size=(7, 5, 1)), RNG.uniform(0.5, 2, size=(7, 5))


def net(every_step: bool = True) -> Sequential:
    model = Sequential([RecurrentLayer(3), *([] if every_step else [LastStep()]), Dense(1)])
    model.build((None, 2), 4, "float64")
    return model


@pytest.mark.parametrize("size", [2, 3, 7])
def test_each_sequence_has_the_output_that_it_has_alone(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each batch begins with its longest sequence; together they are in the order of before, zeros in the padding.
    monkeypatch.setattr(outputs, "PREDICT_BATCH", size)
    model, source = net(), Arrays(X, Y, LENGTHS, WEIGHT)
    found = collected(list(outputs_by_batch(model, source)))
    assert found.lengths is not None
    assert found.weight is not None
    np.testing.assert_array_equal(found.lengths, LENGTHS)
    assert found.y.shape == found.target.shape == (7, 5, 1)
    for i, n in enumerate(LENGTHS):
        alone, _ = model.forward(X[[i], :n], INFERENCE)
        np.testing.assert_allclose(found.y[i, :n], alone[0], rtol=1e-12)
        np.testing.assert_array_equal(found.target[i, :n], Y[i, :n])
        np.testing.assert_array_equal(found.weight[i, :n], WEIGHT[i, :n])
        for array in (found.y, found.target, found.weight):
            assert not array[i, n:].any()


def test_one_output_a_sequence_has_no_time_and_a_weight_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "PREDICT_BATCH", 3)
    model = net(every_step=False)
    found = collected(list(outputs_by_batch(model, Arrays(X, Y[:, 0], LENGTHS, WEIGHT[:, 0]))))
    assert found.lengths is None
    np.testing.assert_array_equal(found.target, Y[:, 0])
    np.testing.assert_array_equal(found.weight, WEIGHT[:, 0])
    for i, n in enumerate(LENGTHS):
        np.testing.assert_allclose(found.y[[i]], model.forward(X[[i], :n], INFERENCE)[0], rtol=1e-12)
    assert HalfMSE()(found.y, found.target, found.weight)[0] == pytest.approx(
        float((WEIGHT[:, 0] * (found.y - Y[:, 0])[:, 0] ** 2).sum() / WEIGHT[:, 0].sum() / 2), rel=1e-12
    )


def test_parts_without_an_order_stay_in_theirs() -> None:
    first, second = (Outputs(np.full((n, 1), float(n)), np.full((n, 1), -float(n))) for n in (3, 2))
    found = collected([first, second])
    assert found.y[:, 0].tolist() == [3, 3, 3, 2, 2]
    assert found.target[:, 0].tolist() == [-3, -3, -3, -2, -2]
    assert (found.lengths, found.weight) == (None, None)


def test_outputs_are_the_models_own_array_in_no_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "PREDICT_BATCH", 3)
    y, target = predict(net(), Arrays(X, Y))
    np.testing.assert_allclose(y, net().forward(X, INFERENCE)[0], rtol=1e-12)
    np.testing.assert_array_equal(target, Y)
