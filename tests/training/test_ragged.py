"""Training on sequences of different length: against each sequence alone, in plain sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import (
    MSE,
    SGD,
    Bidirectional,
    CrossEntropy,
    DataError,
    Dense,
    HalfMSE,
    LastStep,
    Layer,
    Loss,
    NumericalError,
    RecurrentLayer,
    Sequential,
    ShapeError,
    fit,
)
from minidl.compiled.engine import CompiledEngine
from minidl.core.layer import Array
from minidl.randomness import Streams
from minidl.training import Arrays, Trainer, Training, outputs, predict

N, T, F, K = 13, 7, 2, 3
LENGTHS = np.random.default_rng(0).integers(1, T, size=N)  # no sequence is as long as the array
ENGINES: list[Any] = [lambda: None, pytest.param(CompiledEngine, marks=pytest.mark.slow)]  # and test_uneven.py


def padded(a: Array, filling: float = np.nan) -> Array:
    a = a.copy()
    for row, n in zip(a, LENGTHS, strict=True):
        row[n:] = filling
    return a


X = padded(np.random.default_rng(1).normal(size=(N, T, F)))


def net(every_step: bool, seed: int = 3) -> Sequential:
    layers: list[Layer] = [Bidirectional(RecurrentLayer(4)), RecurrentLayer(3)]
    model = Sequential([*layers, *([] if every_step else [LastStep()]), Dense(K)])
    model.build((None, F), seed, "float64")
    return model


def targets(loss: Loss, every_step: bool) -> Array:
    rng = np.random.default_rng(2)
    shape = (N, T) if every_step else (N,)
    y: Array = rng.integers(K, size=shape) if loss.labels else rng.normal(size=(*shape, K))
    if every_step:
        y = padded(y, -1 if loss.labels else np.nan)
    return y


def trained(model: Sequential, source: Arrays, loss: Loss, engine: Any = None, **more: Any) -> Trainer:
    settings = Training(**{"epochs": 1, "batch_size": N, "shuffle": False, **more})
    parts: dict[str, Any] = {"optimizer": SGD(0.5), "settings": settings, "streams": Streams.from_seed(0)}
    made = Trainer(model, loss=loss, engine=engine, **parts)
    made.run(source, source)
    return made


def one_by_one(model: Sequential, loss: Loss, y: Array, every_step: bool, weight: Array) -> tuple[float, Any]:
    """Loss and gradients as weighted sums over sequences, each alone and without padding."""
    total, value = 0.0, 0.0
    sums: dict[str, Array] = {name: np.zeros_like(p) for name, p in model.params.items()}
    for x_i, y_i, n, w in zip(X, y, LENGTHS, weight, strict=True):
        out, cache = model.forward(x_i[None, :n])
        size = w * (n if every_step else 1)
        part, dy = loss(out, y_i[None, :n] if every_step else y_i[None])
        _, grads = model.backward(dy, cache)
        total, value = total + size, value + size * part
        for name, grad in grads.items():
            sums[name] += size * grad
    return value / total, {name: grad / total for name, grad in sums.items()}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize("loss", [MSE(), HalfMSE(), CrossEntropy()])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_step_equals_that_of_each_sequence_alone(engine: Any, every_step: bool, loss: Loss, weighted: bool) -> None:
    model, y = net(every_step), targets(loss, every_step)
    weight = np.random.default_rng(5).uniform(0, 2, N) if weighted else np.ones(N)
    expected, grads = one_by_one(model, loss, y, every_step, weight)
    start = {name: value.copy() for name, value in model.params.items()}
    made = trained(model, Arrays(X, y, LENGTHS, weight if weighted else None), loss, engine())
    assert made.history[0].train_loss == pytest.approx(expected, rel=1e-12)
    for name, value in model.params.items():
        np.testing.assert_allclose(value, start[name] - 0.5 * grads[name], rtol=1e-11, atol=1e-13)
    after, _ = one_by_one(model, loss, y, every_step, weight)
    assert made.history[0].validation_loss == pytest.approx(after, rel=1e-12)


def test_weights_of_single_steps_count() -> None:
    model, loss, y = net(True), CrossEntropy(), targets(CrossEntropy(), True)
    weight = np.random.default_rng(6).uniform(0, 2, (N, T))
    total = value = 0.0
    for x_i, y_i, w_i, n in zip(X, y, weight, LENGTHS, strict=True):
        value += loss(model(x_i[None, :n]), y_i[None, :n], w_i[None, :n])[0] * w_i[:n].sum()
        total += w_i[:n].sum()
    made = trained(model, Arrays(X, y, LENGTHS, weight), loss)
    assert made.history[0].train_loss == pytest.approx(value / total, rel=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_batches_in_any_order_train_like_batches_that_were_cut_by_hand(engine: Any) -> None:
    # Catches targets or weights that are not sorted with their sequences.
    one, two = net(False), net(False)
    y, weight = targets(MSE(), False), np.random.default_rng(7).uniform(1, 2, N)
    trained(one, Arrays(X, y, LENGTHS, weight), MSE(), engine(), batch_size=5, epochs=2, shuffle=True)
    rng = Streams.from_seed(0).shuffling
    for _ in range(2):
        order = rng.permutation(N)
        for start in range(0, N, 5):
            rows = order[start : start + 5]
            sums = {name: np.zeros_like(p) for name, p in two.params.items()}
            for i in rows:
                out, cache = two.forward(X[i : i + 1, : LENGTHS[i]])
                _, dy = MSE()(out, y[i : i + 1])
                for name, grad in two.backward(dy, cache)[1].items():
                    sums[name] += weight[i] * grad / weight[rows].sum()
            for name, p in two.params.items():
                p -= 0.5 * sums[name]
    for name, value in one.params.items():
        np.testing.assert_allclose(value, two.params[name], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("every_step", [False, True])
def test_predict_gives_outputs_in_the_order_of_the_examples(every_step: bool, monkeypatch: Any) -> None:
    monkeypatch.setattr(outputs, "PREDICT_BATCH", 5)
    model, y = net(every_step), targets(MSE(), every_step)
    made, got = predict(model, Arrays(X, y, LENGTHS))
    for i, n in enumerate(LENGTHS):
        alone, steps = model(X[i : i + 1, :n])[0], slice(0, n) if every_step else slice(None)
        np.testing.assert_allclose(made[i][steps], alone, rtol=1e-12)
        np.testing.assert_array_equal(got[i][steps], y[i][steps])
        assert not every_step or not made[i, n:].any()
    assert np.isfinite(got).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_whole_sequences_with_lengths_train_to_the_same_bits_as_without(engine: Any) -> None:
    x, y = np.random.default_rng(8).normal(size=(N, T, F)), targets(MSE(), False)
    one, two = net(False), net(False)
    trained(one, Arrays(x, y, np.full(N, T)), MSE(), engine())
    trained(two, Arrays(x, y), MSE(), engine())
    assert [value.tobytes() for value in one.params.values()] == [value.tobytes() for value in two.params.values()]


def test_fit_takes_lengths_and_a_validation_with_lengths() -> None:
    model, y = net(False), targets(MSE(), False)
    made = fit(
        model, X.tolist(), y, loss=MSE(), optimizer=SGD(0.1), lengths=LENGTHS.tolist(), validation=Arrays(X, y, LENGTHS)
    )
    fresh = Sequential([RecurrentLayer(2), LastStep(), Dense(K)])
    fit(fresh, X, y, loss=MSE(), optimizer=SGD(0.1), lengths=LENGTHS)
    assert made[0].validation_loss is not None
    assert np.isfinite(made[0].validation_loss)


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        (np.full(N, 8), DataError, r"^lengths: expected 1 to 7, got 8 to 8\.$"),
        (np.arange(N), DataError, r"^lengths: expected 1 to 7, got 0 to 12\.$"),
        (np.ones(3, int), ShapeError, r"^lengths: expected one for each sequence of x \(N, T, F\), got \(3,\)"),
        (np.ones(N), DataError, r"^lengths: expected whole numbers, got float64"),
    ],
)
def test_lengths_that_are_none_are_refused(lengths: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        Arrays(X, np.ones(N), lengths)


def test_nan_before_the_end_of_a_sequence_is_refused_and_found() -> None:
    x, y, longest = X.copy(), targets(MSE(), False), int(np.argmax(LENGTHS))
    x[longest, 1, 1] = np.nan
    with pytest.raises(NumericalError, match=rf"the inputs \(x\) have NaN at \[{longest}, 1, 1\]; training takes"):
        trained(net(False), Arrays(x, y, LENGTHS), MSE())

    class OnlyGathers:
        def __len__(self) -> int:
            return N

        def gather(self, indices: Any) -> Any:
            return Arrays(x, y, LENGTHS).gather(indices)

    with pytest.raises(NumericalError, match=rf"step 1: loss is nan; the inputs \(x\) have NaN at \[{longest}, 1, 1\]"):
        trained(net(False), OnlyGathers(), MSE())  # type: ignore[arg-type]
