"""The loop against one in plain Python: order, batches, clipping, losses, validation; and how it stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from naive import close
from plain_loop import Naive
from small_trainings import Diary, N, examples, stack, trainer

from minidl import SGD, ConfigError, DifferenceLoss, HalfMSE, fit
from minidl.core.layer import Array
from minidl.data import Batch
from minidl.randomness import Streams
from minidl.training import Arrays, Trainer, Training, predict


@pytest.mark.parametrize("last_step", [True, False], ids=["many-to-one", "many-to-many"])
@pytest.mark.parametrize(
    ("settings", "naive"),
    [
        ({}, {}),
        ({"clip_norm": 0.05}, {"clip": 0.05}),  # far below every norm that occurs: each step is clipped
        ({"clip_norm": 1e6}, {"clip": 1e6}),
        ({"shuffle": False}, {"shuffle": False}),
        ({"optimizer": SGD(0.1, momentum=0.8)}, {"momentum": 0.8}),
    ],
    ids=["plain", "clipped", "clip beyond reach", "in order", "momentum"],
)
def test_training_equals_a_plain_loop(settings: dict[str, Any], naive: dict[str, Any], last_step: bool) -> None:
    # Caught here: another order, a lost smaller batch, clipping by layer or not at all, a mean of batch means.
    model = stack(last_step)
    x, y = examples(last_step)
    plain = Naive(model, last_step)
    validation = Arrays(*(part[:3] for part in examples(last_step)))
    history = trainer(model, seed=4, **settings).run(Arrays(x, y), validation)
    losses = plain.train(x, y, seed=4, epochs=2, batch=4, rate=0.1, **naive)
    for name, value in plain.params.items():
        close(model.params[name], value, 1e-13)
    np.testing.assert_allclose([record.train_loss for record in history], losses, rtol=1e-13)
    assert history[-1].validation_loss == pytest.approx(plain.loss(validation.x, validation.y), rel=1e-13)
    assert [(record.epoch, record.step, record.learning_rate) for record in history] == [(1, 3, 0.1), (2, 6, 0.1)]


def test_the_r2_of_validation_is_one_minus_mse_over_the_variance_of_the_validation_targets() -> None:
    model = stack()
    x, y = examples()
    history = trainer(model, epochs=1).run(Arrays(x[:6], y[:6]), Arrays(x[6:], y[6:]))
    errors = [float(model(x[i : i + 1])[0, 0] - y[i, 0]) for i in range(6, N)]
    mean = sum(float(t) for t in y[6:, 0]) / 4
    variance = sum((float(t) - mean) ** 2 for t in y[6:, 0]) / 4
    assert (history[0].validation_metrics or {})["r2"] == pytest.approx(
        1 - sum(e * e for e in errors) / 4 / variance, rel=1e-12
    )


def test_validation_loss_is_the_mean_over_all_examples_also_beyond_one_batch() -> None:
    # 1,024 + 1 examples: a mean of two batch means would give the last one half of the weight.
    x, y = examples(n=1025)
    y = y.copy()
    y[-1] += 100
    model = stack()
    history = trainer(model, epochs=1).run(Arrays(x[:4], y[:4]), Arrays(x, y))
    errors = (model(x)[:, 0] - y[:, 0]).tolist()
    assert history[0].validation_loss == pytest.approx(sum(e * e for e in errors) / 2050, rel=1e-12)


def test_validation_does_not_change_training() -> None:
    x, y = examples()
    with_it, without = stack(), stack()
    trainer(with_it).run(Arrays(x, y), Arrays(x[:2], y[:2]))
    history = trainer(without).run(Arrays(x, y))
    for name, value in without.params.items():
        assert value.tobytes() == with_it.params[name].tobytes()
    assert history[0].validation_loss is None
    assert history[0].validation_metrics is None


def test_a_batch_larger_than_the_set_is_the_whole_set() -> None:
    model, plain = stack(), Naive(stack(), True)
    x, y = examples()
    trainer(model, batch_size=64, epochs=3).run(Arrays(x, y))
    plain.train(x, y, seed=0, epochs=3, batch=N, rate=0.1)
    close(model.params["0.W_hh"], plain.params["0.W_hh"], 1e-13)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    def trained(seed: int) -> bytes:
        model = stack()
        trainer(model, seed).run(Arrays(*examples()))
        return b"".join(value.tobytes() for value in model.params.values())

    assert trained(1) == trained(1)
    assert trained(1) != trained(2)


def test_every_epoch_has_a_new_order() -> None:
    seen: list[list[int]] = []

    class Noting(Arrays):
        def gather(self, indices: Any) -> Batch:
            seen.append(list(indices))
            return super().gather(indices)

    trainer(stack(), batch_size=N, epochs=3).run(Noting(*examples()))
    assert [sorted(order) for order in seen] == [list(range(N))] * 3
    assert len({tuple(order) for order in seen}) == 3


def test_predict_gives_all_outputs_in_order_also_beyond_one_batch() -> None:
    # Buffers are reused from batch to batch: an output that is not copied would hold the last batch's.
    model = stack(hidden_size=2)
    x, y = examples(n=2100)
    outputs, targets = predict(model, Arrays(x, y))
    assert outputs.shape == (2100, 1)
    np.testing.assert_array_equal(targets, y)
    for i in (0, 1023, 1024, 2047, 2048, 2099):
        np.testing.assert_allclose(outputs[i], model(x[i : i + 1])[0], rtol=1e-12)


def test_predict_keeps_every_time_step() -> None:
    model = stack(last_step=False)
    x, y = examples(last_step=False)
    np.testing.assert_allclose(predict(model, Arrays(x, y))[0], model(x), rtol=1e-13)


def test_callbacks_hear_of_start_epochs_and_end() -> None:
    diary = Diary()
    trainer(stack()).run(Arrays(*examples()), callbacks=[diary])
    assert diary.events == ["start at step 0", "epoch 1 at step 3", "epoch 2 at step 6", "end at step 6"]


def test_a_request_to_stop_ends_after_the_current_step_and_the_end_is_announced() -> None:
    asked = iter([False, False, False, False, True])
    diary, model, plain = Diary(), stack(), Naive(stack(), True)
    history = trainer(model, epochs=9, should_stop=lambda: next(asked)).run(Arrays(*examples()), callbacks=[diary])
    assert [record.epoch for record in history] == [1]
    assert diary.events == ["start at step 0", "epoch 1 at step 3", "end at step 5"]
    # The steps of the unfinished epoch count: the weights are those after five steps.
    x, y = examples()
    order = np.random.default_rng(np.random.SeedSequence(0).spawn(4)[1])
    plain.train(x, y, seed=0, epochs=1, batch=4, rate=0.1)
    order.permutation(N)
    rows = order.permutation(N)
    for part in (rows[:4], rows[4:8]):
        plain.train(x[part], y[part], seed=0, epochs=1, batch=4, rate=0.1, shuffle=False)
    close(model.params["0.W_hh"], plain.params["0.W_hh"], 1e-13)


def test_fit_is_a_trainer_in_one_call() -> None:
    x, y = examples()
    one, two = stack(), stack()
    arguments: dict[str, Any] = {"loss": HalfMSE(), "optimizer": SGD(0.1), "epochs": 2, "batch_size": 4}
    records = fit(one, x, y, **arguments, clip_norm=0.1, seed=6, validation=(x[:4], y[:4]))
    history = trainer(two, seed=6, clip_norm=0.1).run(Arrays(x, y), Arrays(x[:4], y[:4]))
    assert one.params["0.W_xh"].tobytes() == two.params["0.W_xh"].tobytes()
    assert [(r.train_loss, r.validation_loss, r.validation_metrics) for r in records] == [
        (r.train_loss, r.validation_loss, r.validation_metrics) for r in history
    ]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": 0}, "Training: epochs: expected `int` >= 1, got 0"),
        ({"batch_size": 2.5}, "Training: batch_size: expected `int`, got `float` 2.5"),
        ({"clip_norm": 0}, "Training: clip_norm: expected `float` > 0.0, got 0"),
        ({"shuffle": "yes"}, "Training: shuffle: expected `bool`, got `str` 'yes'"),
        ({"checkpoint_every": 0}, "Training: checkpoint_every: expected `int` >= 1, got 0"),
    ],
)
def test_settings_out_of_bounds_are_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        Training(**setting)


@dataclass(eq=False)
class OwnLoss(DifferenceLoss):
    """A user's loss: half the squared error, as HalfMSE."""

    def value(self, e: Array) -> Array:
        return e * e / 2

    def slope(self, e: Array) -> Array:
        return e


def test_a_users_loss_trains_like_the_librarys() -> None:
    x, y = examples()
    one, two = stack(), stack()
    fit(one, x, y, loss=OwnLoss(), optimizer=SGD(0.1), epochs=2)
    fit(two, x, y, loss=HalfMSE(), optimizer=SGD(0.1), epochs=2)
    close(one.params["0.W_hh"], two.params["0.W_hh"], 1e-13)


@dataclass(eq=False)
class DearAbove(DifferenceLoss):
    """Forecasts above the target cost three times as much as those below."""

    def value(self, e: Array) -> Array:
        return np.where(e > 0, 3.0, 1.0) * e * e / 2

    def slope(self, e: Array) -> Array:
        return np.where(e > 0, 3.0, 1.0) * e


def test_a_loss_that_tells_above_from_below_does_so_in_training_and_validation() -> None:
    x, y = examples(n=6)
    model = stack()
    errors = (model(x)[:, 0] - y[:, 0]).tolist()
    made = Trainer(
        model,
        loss=DearAbove(),
        optimizer=SGD(1e-30),
        settings=Training(epochs=1, batch_size=6),
        streams=Streams.from_seed(0),
    )
    (record,) = made.run(Arrays(x, y), Arrays(x, y))
    expected = sum((3 if e > 0 else 1) * e * e for e in errors) / 12
    assert (record.train_loss, record.validation_loss) == pytest.approx((expected, expected), rel=1e-12)
