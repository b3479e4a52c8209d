"""What a source gives beside inputs and numbers: class labels, and weights of examples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from minidl import (
    INFERENCE,
    MSE,
    SGD,
    ConfigError,
    Context,
    CrossEntropy,
    DataError,
    Dense,
    LastStep,
    Layer,
    Loss,
    Parallel,
    RecurrentLayer,
    SelectFeatures,
    Sequential,
    Shape,
    ShapeError,
    fit,
)
from minidl.core.layer import Array
from minidl.data import Batch
from minidl.randomness import Streams
from minidl.training import Arrays, Source, Trainer, Training, predict

N, T, F, K = 12, 5, 2, 3
X = np.random.default_rng(0).normal(size=(N, T, F))
LABELS = np.random.default_rng(1).integers(K, size=N)


def net(outputs: int = K, every_step: bool = False) -> Sequential:
    model = Sequential([RecurrentLayer(4), *([] if every_step else [LastStep()]), Dense(outputs)])
    model.build((T, F), 3, "float64")
    return model


def trained(model: Sequential, source: Source, loss: Loss, validation: Source | None = None, **more: Any) -> Trainer:
    settings = Training(**{"epochs": 1, "batch_size": len(source), "shuffle": False, **more})
    made = Trainer(model, loss=loss, optimizer=SGD(0.5), settings=settings, streams=Streams.from_seed(0))
    made.run(source, validation)
    return made


def mean_minus_log(y: Array, labels: Array) -> float:
    rows = zip(y.reshape(-1, K).tolist(), labels.ravel().tolist(), strict=True)
    return sum(math.log(sum(map(math.exp, row))) - row[k] for row, k in rows) / labels.size


@pytest.mark.parametrize("every_step", [False, True])
def test_labels_are_learnt(every_step: bool) -> None:
    labels = np.random.default_rng(2).integers(K, size=(N, T)) if every_step else LABELS
    model = net(every_step=every_step)
    first = mean_minus_log(model(X), labels)
    source = Arrays(X, labels.tolist())
    made = trained(model, source, CrossEntropy(), source, epochs=200)
    assert made.history[0].train_loss == pytest.approx(first, rel=1e-12)
    assert made.history[-1].validation_loss == pytest.approx(mean_minus_log(model(X), labels), rel=1e-12)
    right = float(np.mean(model(X).argmax(axis=-1) == labels))
    assert made.history[-1].validation_metrics == {"accuracy": right}
    assert made.history[-1].train_loss < 0.7 * first


def test_labels_that_no_output_stands_for_are_refused_before_the_first_step() -> None:
    with pytest.raises(DataError, match=r"^CrossEntropy: target: 3 at \[11\]; labels of a model with 3 outputs"):
        fit(net(), X, [*LABELS[:-1], 3], loss=CrossEntropy(), optimizer=SGD(0.1))
    with pytest.raises(DataError, match=r"^y: expected whole numbers, got float64"):
        fit(net(), X, LABELS.astype(float), loss=CrossEntropy(), optimizer=SGD(0.1))
    seen, pd = LABELS > 0, pytest.importorskip("pandas")
    for missing in (np.where(seen, LABELS, np.nan), pd.Series(LABELS, dtype="Int64").where(seen)):
        # astype(int), which the line above tells to write, would make labels of what is missing.
        place = int(np.argmin(seen))
        with pytest.raises(DataError, match=rf"^y: expected whole numbers, got NaN at \[{place}\] and \d more\.$"):
            fit(net(), X, missing, loss=CrossEntropy(), optimizer=SGD(0.1))
    with pytest.raises(
        ShapeError, match=r"^y: targets have shape \(1,\) an example, but the model's output has \(3,\)"
    ):
        fit(net(), X, LABELS[:, None], loss=CrossEntropy(), optimizer=SGD(0.1))


@pytest.mark.parametrize("loss", [CrossEntropy(), MSE()])
def test_true_and_false_are_1_and_0(loss: Loss) -> None:
    # Until now refused as labels, since they became float64.
    truth = LABELS > 0 if loss.labels else np.eye(K)[LABELS] > 0
    losses = [fit(net(), X, y, loss=loss, optimizer=SGD(0.1))[0].train_loss for y in (truth, 1 * truth)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("loss", [MSE(), CrossEntropy()])
def test_an_example_of_weight_2_trains_as_two(loss: Loss) -> None:
    # Caught: weights that the trainer does not hand on, to the step or to the validation.
    weight = np.random.default_rng(4).integers(3, size=N)
    y: Array = LABELS if loss.labels else np.random.default_rng(5).normal(size=(N, K))
    rows = np.repeat(np.arange(N), weight)
    one, two = net(), net()
    heavy, repeated = Arrays(X, y, weight=weight), Arrays(X[rows], y[rows])
    records = [trained(m, s, loss, s, epochs=3).history for m, s in ((one, heavy), (two, repeated))]
    for name, value in one.params.items():
        np.testing.assert_allclose(value, two.params[name], rtol=1e-11, atol=1e-14)
    for left, right in zip(*records, strict=True):
        assert left.train_loss == pytest.approx(right.train_loss, rel=1e-12)
        assert left.validation_loss == pytest.approx(right.validation_loss, rel=1e-12)


@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        (np.ones(N - 1), ShapeError, r"^weight: expected shape \(examples,\) or \(examples, time\) .* got \(11,\)\.$"),
        (-np.ones(N), DataError, r"^weight: expected finite numbers of at least 0\.$"),
        (np.full(N, np.nan), DataError, r"^weight: expected finite numbers of at least 0\.$"),
        (np.zeros(N), DataError, r"^weight: all are 0, so that no example counts\.$"),
        (["a"] * N, DataError, r"^weight: holds text"),
    ],
)
def test_weights_that_are_none_are_refused(weight: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        Arrays(X, LABELS, weight=weight)


def test_a_source_that_gives_no_batch_is_told_what_one_is() -> None:
    class Pairs:
        def __len__(self) -> int:
            return N

        def gather(self, indices: Any) -> tuple[Array, Array]:
            return X[indices], LABELS[indices]

    with pytest.raises(ConfigError, match=r"^Pairs: gather must return a Batch\(x, target\), got tuple\.$"):
        trained(net(), Pairs(), CrossEntropy())  # type: ignore[arg-type]


@dataclass(eq=False)
class LookUp(Layer):
    """y = row x of a table, for whole numbers x (batch, time, 1)."""

    def output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], 3)

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: Any) -> Shape:
        self.params = {"table": rng.normal(size=(5, 3)).astype(dtype)}
        return self.output_shape(input_shape)

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        return self.params["table"][x[..., 0]], x[..., 0]  # floats are no indices

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, dict[str, Array]]:
        table = np.zeros((5, 3), dy.dtype)
        np.add.at(table, cache, dy)
        return None, {"table": table}


def test_whole_numbers_come_to_a_layer_as_they_are() -> None:
    x, lengths = np.random.default_rng(9).integers(5, size=(N, T, 1)), np.arange(N) % T + 1
    model = Sequential([LookUp(), RecurrentLayer(4), LastStep(), Dense(K)])
    model.build((None, 1), 0, "float64")
    source = Arrays(x, LABELS, lengths)
    made = trained(model, source, CrossEntropy(), source, epochs=100)
    assert made.history[-1].train_loss < 0.5 * made.history[0].train_loss
    assert predict(model, source)[0].shape == (N, K)


def test_whole_numbers_in_branches_that_keep_them_are_added_to_others() -> None:
    # Caught: the dtype of the first branch for all of them.
    x = np.arange(12).reshape(2, 3, 2)
    for merge in ("add", "concat"):
        model = Parallel([SelectFeatures([0, 1]), Dense(2)], merge=merge)
        model.build((3, 2), 0)
        np.testing.assert_allclose(model(x), model(x.astype(float)), rtol=1e-6)


def test_windows_and_arrays_give_batches() -> None:
    batch = Arrays(X, LABELS, weight=np.arange(N)).gather(np.array([3, 1]))
    assert isinstance(batch, Batch)
    assert batch.target.dtype == np.int64
    assert batch.weight is not None
    assert batch.weight.tolist() == [3, 1]
