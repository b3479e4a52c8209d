"""When the loop calls back, where it stops, and what a stop or a copy leaves behind."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from minidl import SGD, ConfigError, Dense, HalfMSE, LastStep, NumericalError, RecurrentLayer, Sequential
from minidl.core.layer import Array
from minidl.randomness import Streams
from minidl.training import Arrays, Callback, EpochRecord, Trainer, Training, stepping
from minidl.training.flat import FlatParameters
from minidl.training.sources import longest

N, T, F = 10, 4, 2
RNG = np.random.default_rng(11)
SOURCE = Arrays(RNG.standard_normal((N, T, F)), RNG.standard_normal((N, 1)))


def trainer(*, stop: Any = None, optimizer: Any = None, **settings: Any) -> Trainer:
    model = Sequential([RecurrentLayer(3), LastStep(), Dense(1)])
    model.build((T, F), 7, "float64")
    return Trainer(
        model,
        loss=HalfMSE(),
        optimizer=optimizer or SGD(0.1, momentum=0.5),
        settings=Training(**{"epochs": 3, "batch_size": 4, **settings}),
        streams=Streams.from_seed(0),
        **({} if stop is None else {"should_stop": stop}),
    )


class Heard(Callback):
    """Every call, with epochs, steps and examples."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def on_start(self, trainer: Trainer) -> None:
        self.calls.append("start")

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        self.calls.append(("epoch", record.epoch, record.step))

    def on_checkpoint(self, trainer: Trainer) -> None:
        self.calls.append(("checkpoint", trainer.epoch, trainer.step, trainer.position.examples))

    def on_end(self, trainer: Trainer) -> None:
        self.calls.append("end")


def heard(made: Trainer) -> list[Any]:
    listening = Heard()
    made.run(SOURCE, None, [listening])
    return listening.calls


def test_a_checkpoint_is_due_every_so_many_epochs_after_the_epochs_end() -> None:
    epochs = [("epoch", epoch, 3 * epoch) for epoch in range(1, 6)]
    due = [("checkpoint", 2, 6, 0), ("checkpoint", 4, 12, 0)]
    assert heard(trainer(epochs=5, checkpoint_every=2)) == [
        "start", *epochs[:2], due[0], *epochs[2:4], due[1], epochs[4], "end",
    ]  # fmt: skip
    assert heard(trainer(epochs=2, checkpoint_every=9)) == ["start", *epochs[:2], "end"]


def test_a_checkpoint_is_due_every_so_many_steps_wherever_that_is_in_an_epoch() -> None:
    # Batches of 4, 4 and 2 of 10 examples; the sixth step ends an epoch, which is counted after it.
    assert heard(trainer(epochs=3, checkpoint_every={"steps": 2})) == [
        "start",
        ("checkpoint", 0, 2, 8),
        ("epoch", 1, 3),
        ("checkpoint", 1, 4, 4),
        ("checkpoint", 1, 6, 10),
        ("epoch", 2, 6),
        ("checkpoint", 2, 8, 8),
        ("epoch", 3, 9),
        "end",
    ]
    assert [call for call in heard(trainer(checkpoint_every={"steps": 5})) if call[0] == "checkpoint"] == [
        ("checkpoint", 1, 5, 8)
    ]


def test_the_checkpoints_do_not_change_the_training() -> None:
    runs = [trainer(checkpoint_every=every) for every in (9, 1, {"steps": 1}, {"steps": 2})]
    for made in runs:
        made.run(SOURCE)
    expected = runs[0].parameters.values
    for made in runs[1:]:
        np.testing.assert_array_equal(made.parameters.values, expected)
        assert [record.train_loss for record in made.history] == [record.train_loss for record in runs[0].history]


@dataclass
class After:
    """A request to stop at its n-th question."""

    n: int
    asked: int = 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.asked >= self.n


def test_a_stop_within_the_validation_leaves_the_epoch_unfinished_and_it_goes_on_from_there() -> None:
    # Three steps are asked about, then the validation.
    made = trainer(stop=After(4), epochs=1)
    assert made.run(SOURCE, SOURCE) == []
    assert (made.epoch, made.step, made.position.examples) == (0, 3, N)
    made.should_stop = lambda: False
    (record,) = made.run(SOURCE, SOURCE)
    whole = trainer(epochs=1)
    (expected,) = whole.run(SOURCE, SOURCE)
    assert (record.epoch, record.step) == (1, 3)
    assert (record.train_loss, record.validation_loss) == (expected.train_loss, expected.validation_loss)
    assert record.validation_metrics == expected.validation_metrics
    assert record.learning_rate == 0.1
    np.testing.assert_array_equal(made.parameters.values, whole.parameters.values)


def test_a_validation_loss_that_is_not_finite_is_named_with_its_epoch() -> None:
    made = trainer(epochs=1)
    broken = Arrays(SOURCE.x, np.full((N, 1), 1e300))
    with pytest.raises(NumericalError, match=r"^epoch 1, validation: "):
        made.run(SOURCE, broken)


def test_without_validation_a_record_has_none() -> None:
    (record,) = trainer(epochs=1).run(SOURCE)
    assert (record.validation_loss, record.validation_metrics) == (None, None)


def test_layers_write_their_gradients_into_the_vector_and_nothing_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def collect(flat: FlatParameters, grads: dict[str, Array]) -> None:
        seen.extend(grads[name] is view for name, view in flat.grad_views.items())

    monkeypatch.setattr(FlatParameters, "collect", collect)
    for made in (trainer(), pickle.loads(pickle.dumps(trainer()))):
        made.train_step(SOURCE.gather(slice(0, 4)))
    assert seen == [True] * 10


def test_a_pickled_trainer_goes_on_as_the_first_would_have() -> None:
    one = trainer(epochs=2)
    one.settings = Training(epochs=1, batch_size=4)
    one.run(SOURCE)
    two = pickle.loads(pickle.dumps(one))
    for made in (one, two):
        made.settings = Training(epochs=3, batch_size=4)
        made.run(SOURCE)
    np.testing.assert_array_equal(one.parameters.values, two.parameters.values)
    np.testing.assert_array_equal(two.model.params["2.W"].ravel(), two.parameters.views["2.W"].ravel())
    assert (two.epoch, two.step, len(two.history)) == (3, 9, 3)


def test_what_is_no_stream_is_refused() -> None:
    made = trainer()
    with pytest.raises(
        ConfigError, match=r"^Trainer: streams: expected Streams, got 0; write Streams\.from_seed\(0\)\.$"
    ):
        Trainer(made.model, loss=HalfMSE(), optimizer=SGD(0.1), settings=Training(), streams=0)  # type: ignore[arg-type]


def test_a_step_is_named_by_numbers_from_1() -> None:
    made = trainer(epochs=1)
    assert made.where() == "epoch 1, step 1"
    made.run(SOURCE)
    assert made.where() == "epoch 2, step 4"


@pytest.mark.parametrize("clip", [None, 0.01, 1e9])
def test_a_step_returns_the_loss_before_it_and_clips_what_is_too_long(clip: float | None) -> None:
    made = trainer(clip_norm=clip, optimizer=SGD(1.0))
    before, batch = made.parameters.values.copy(), SOURCE.gather(slice(0, 4))
    loss = made.train_step(batch)
    plain = trainer(optimizer=SGD(1.0))
    y = plain.model(batch.x)
    assert loss == pytest.approx(float(((y - batch.target) ** 2).mean() / 2))
    plain.train_step(batch)
    step, whole = made.parameters.values - before, plain.parameters.values - before
    norm = float(np.linalg.norm(whole))
    np.testing.assert_allclose(step, whole * min(1.0, (clip or 1e9) / norm), rtol=1e-9, atol=1e-14)
    assert made.step == 1


@pytest.mark.parametrize("weight", [1e200, np.inf, np.nan])
def test_weights_may_be_large_but_must_be_finite(weight: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SGD, "update", lambda self, params, grads, state: params.__setitem__(0, weight))
    made = trainer()
    batch = SOURCE.gather(slice(0, 4))
    if weight == 1e200:  # its square is not finite
        made.train_step(batch)
        assert made.parameters.values.max() == weight
    else:
        with pytest.raises(NumericalError):
            made.train_step(batch)


def test_a_norm_that_overflows_is_none() -> None:
    with np.errstate(all="ignore"):
        assert stepping._finite(np.array([1e150, 1e150]))
        assert not stepping._finite(np.array([1e160, 0.0]))
        assert not stepping._finite(np.array([np.nan]))


def test_a_source_tells_how_many_steps_its_examples_have() -> None:
    assert longest(SOURCE) == T
    assert longest(Arrays(SOURCE.x[:, 0], SOURCE.y)) == 1


def test_a_trainer_shows_what_it_trains_and_how_far_it_is() -> None:
    made = trainer(epochs=1)
    assert repr(made) == (
        f"Trainer({made.model!r}, loss=HalfMSE(), optimizer={made.optimizer!r}, settings={made.settings!r}): "
        "0 of 1 epochs done"
    )
    assert len(repr(made)) < 250
