"""The loop against one in plain Python: order, batches, clipping, losses, validation; and how it stops."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from naive import close, dense_backward, dense_forward, elman_backward, elman_forward

from minidl import (
    INFERENCE,
    SGD,
    ConfigError,
    Dense,
    DifferenceLoss,
    HalfMSE,
    LastStep,
    Layer,
    NumericalError,
    Optimizer,
    RecurrentLayer,
    Sequential,
    fit,
)
from minidl.core.layer import Array
from minidl.data import Batch
from minidl.randomness import Streams
from minidl.training import Arrays, Callback, EpochRecord, Trainer, Training, predict

N, T, F = 10, 4, 2


def stack(last_step: bool = True, hidden_size: int = 3) -> Sequential:
    layers: list[Layer] = [RecurrentLayer(hidden_size), LastStep(), Dense(1)]
    model = Sequential(layers if last_step else [layers[0], layers[2]])
    model.build((T, F), 7, "float64")
    return model


def examples(last_step: bool = True, n: int = N) -> tuple[Array, Array]:
    """Inputs and targets that may not be written to."""
    rng = np.random.default_rng(11)
    x, y = rng.standard_normal((n, T, F)), rng.standard_normal((n, 1) if last_step else (n, T, 1))
    x.flags.writeable = y.flags.writeable = False
    return x, y


def trainer(model: Layer, seed: int = 0, **settings: Any) -> Trainer:
    stop = settings.pop("should_stop", lambda: False)
    optimizer = settings.pop("optimizer", SGD(0.1))
    settings = {"epochs": 2, "batch_size": 4, **settings}
    return Trainer(
        model,
        loss=HalfMSE(),
        optimizer=optimizer,
        settings=Training(**settings),
        streams=Streams.from_seed(seed),
        should_stop=stop,
    )


class Naive:
    """A recurrent layer, perhaps its last step, and a dense layer, trained in plain loops."""

    def __init__(self, model: Sequential, last_step: bool) -> None:
        self.last_step = last_step
        self.dense = "2" if last_step else "1"
        self.params = {name: value.copy() for name, value in model.params.items()}
        self.velocity = {name: np.zeros_like(value) for name, value in model.params.items()}

    def output(self, x: Array) -> tuple[Array, Array, Array]:
        self.rnn = {name: self.params[f"0.{name}"] for name in ("W_xh", "W_hh", "b_h")}
        h = elman_forward(x, self.rnn)
        seen = h[:, -1] if self.last_step else h
        return dense_forward(seen, self.params[f"{self.dense}.W"], self.params[f"{self.dense}.b"]), seen, h

    def loss(self, x: Array, target: Array) -> float:
        y = self.output(x)[0].reshape(-1).tolist()
        return sum((a - b) ** 2 for a, b in zip(y, target.reshape(-1).tolist(), strict=True)) / (2 * len(y))

    def gradients(self, x: Array, target: Array) -> dict[str, Array]:
        y, seen, h = self.output(x)
        dy = (y - target) / y.size
        dseen, dW, db = dense_backward(seen, dy, self.params[f"{self.dense}.W"])
        dh = np.zeros_like(h)
        if self.last_step:
            dh[:, -1] = dseen
        else:
            dh = dseen
        grads = elman_backward(x, h, dh, self.rnn)
        named = {f"0.{name}": grads[name] for name in self.rnn}
        return named | {f"{self.dense}.W": dW, f"{self.dense}.b": db}

    def train(
        self, x: Array, target: Array, *, seed: int, epochs: int, batch: int, rate: float, **more: Any
    ) -> list[float]:
        """The mean loss of each epoch over its examples, each before the step of its batch."""
        clip, momentum, shuffle = more.get("clip"), more.get("momentum", 0.0), more.get("shuffle", True)
        shuffling = np.random.default_rng(np.random.SeedSequence(seed).spawn(4)[1])
        losses = []
        for _ in range(epochs):
            order = shuffling.permutation(len(x)).tolist() if shuffle else list(range(len(x)))
            total = 0.0
            while order:
                rows, order = order[:batch], order[batch:]
                total += len(rows) * self.loss(x[rows], target[rows])
                grads = self.gradients(x[rows], target[rows])
                norm = math.sqrt(sum(float(g) ** 2 for grad in grads.values() for g in grad.reshape(-1)))
                factor = clip / norm if clip is not None and norm > clip else 1.0
                for name, grad in grads.items():
                    self.velocity[name] = momentum * self.velocity[name] + factor * grad
                    self.params[name] = self.params[name] - rate * self.velocity[name]
            losses.append(total / len(x))
        return losses


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


class Diary(Callback):
    def __init__(self) -> None:
        self.events: list[str] = []

    def on_start(self, trainer: Trainer) -> None:
        self.events.append(f"start at step {trainer.step}")

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        assert trainer.history[-1] is record
        self.events.append(f"epoch {trainer.epoch} at step {trainer.step}")

    def on_end(self, trainer: Trainer) -> None:
        self.events.append(f"end at step {trainer.step}")


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


# NaN and Inf, injected at each place. Steps 1 to 3 are the first epoch's; batches of 4.


@dataclass(eq=False)
class BreaksAtStep(Layer):
    """y = x; NaN in the output or in dL/dx of training step `step`."""

    step: int = 2
    where: str = "output"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.calls: list[int] = []

    def _spoil(self, x: Array, broken: bool) -> Array:
        x = x.copy()
        if broken:
            x[0] = np.nan
        return x

    def forward(self, x: Array, ctx: Any = INFERENCE) -> tuple[Array, Any]:
        if ctx.training:
            self.calls.append(1)
        return self._spoil(x, self.where == "output" and len(self.calls) >= self.step), None

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return self._spoil(dy, self.where == "gradient" and len(self.calls) >= self.step), {}


def refused(model: Layer, x: Array, y: Array, **settings: Any) -> tuple[str, Trainer, Diary]:
    made, diary = trainer(model, **settings), Diary()
    with pytest.raises(NumericalError) as caught:
        made.run(Arrays(x, y), callbacks=[diary])
    assert "end" not in diary.events[-1]  # nobody is told that training ended well
    return str(caught.value), made, diary


class OnlyGathered:
    """A source of a user's own: nobody can look at all of it before the first step."""

    def __init__(self, x: Array, y: Array) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def gather(self, indices: Any) -> Batch:
        return Batch(self.x[indices], self.y[indices])


def test_nan_in_the_data_stops_in_the_step_that_meets_it_and_its_place_is_named() -> None:
    x, y = (part.copy() for part in examples())
    x[9, 2, 1] = np.nan
    made, diary = trainer(stack()), Diary()
    with pytest.raises(NumericalError) as caught:
        made.run(OnlyGathered(x, y), callbacks=[diary])
    message = str(caught.value)
    assert re.match(
        r"epoch 1, step [123]: loss is nan; the inputs \(x\) have NaN at \[9, 2, 1\]; training takes", message
    )
    assert "learning_rate" not in message
    assert diary.events == ["start at step 0"]
    assert all(np.isfinite(value).all() for value in made.model.params.values())


def test_inf_in_the_targets_stops_in_the_step_that_meets_it() -> None:
    x, y = (part.copy() for part in examples())
    y[5] = np.inf
    made = trainer(stack(), shuffle=False)
    with pytest.raises(
        NumericalError, match=r"^epoch 1, step 2: loss is inf; the targets \(y\) have inf at \[5, 0\]; "
    ):
        made.run(OnlyGathered(x, y))
    assert made.step == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("name", "layer"),
    [("0.W_xh", "RecurrentLayer"), ("0.W_hh", "RecurrentLayer"), ("2.W", "Dense")],
)
def test_broken_weights_stop_in_the_first_step_with_layer_and_parameter(name: str, layer: str, value: float) -> None:
    model = stack()
    model.params[name][0, 0] = value
    count = model.params[name].size
    message, made, _ = refused(model, *examples())
    assert message.startswith("epoch 1, step 1: ")
    assert f"; parameter {name} ({layer}) has 1 of {count} values NaN or Inf." in message
    assert made.step == 0


def test_nan_from_a_users_layer_names_the_layer() -> None:
    model = Sequential([RecurrentLayer(3), BreaksAtStep(5), LastStep(), Dense(1)])
    model.build((T, F), 0, "float64")
    message, made, diary = refused(model, *examples())
    assert message.startswith("epoch 2, step 5: loss is nan; the output of layer 1 (BreaksAtStep) has NaN or Inf.")
    assert made.step == 4
    assert diary.events == ["start at step 0", "epoch 1 at step 3"]


def test_nan_inside_a_container_names_the_inner_layer() -> None:
    model = Sequential([Sequential([RecurrentLayer(3), BreaksAtStep(1)]), LastStep(), Dense(1)])
    model.build((T, F), 0, "float64")
    assert "; the output of layer 0.1 (BreaksAtStep) has NaN" in refused(model, *examples())[0]


def test_nan_in_a_gradient_names_the_first_parameter_that_got_it() -> None:
    model = Sequential([RecurrentLayer(3), BreaksAtStep(2, where="gradient"), LastStep(), Dense(1)])
    model.build((T, F), 0, "float64")
    message, made, _ = refused(model, *examples())
    assert message.startswith("epoch 1, step 2: loss is ")
    assert "; gradient of 0.W_xh (RecurrentLayer) has 6 of 6 values NaN or Inf." in message
    assert made.step == 1
    assert all(np.isfinite(value).all() for value in made.model.params.values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_exploding_learning_rate_stops_and_the_hint_says_what_to_do(dtype: str) -> None:
    model = Sequential([Dense(2), LastStep(), Dense(1)])
    model.build((T, F), 0, dtype)
    x, y = (part.astype(dtype) for part in examples())
    message, made, _ = refused(model, x, y, optimizer=SGD(1e4), epochs=200)
    assert message.endswith("Try a smaller optimizer.learning_rate, or set training.clip_norm.")
    assert message.startswith(f"epoch {made.epoch + 1}, step {made.step + 1}: loss is ")


@dataclass(eq=False)
class Overflowing(Optimizer):
    """Weights become infinite in the very last step of the first epoch."""

    learning_rate: float = 1.0

    def start(self, params: Array) -> dict[str, Array]:
        return {"t": np.zeros(1)}

    def update(self, params: Array, grads: Array, state: dict[str, Array]) -> None:
        state["t"] += 1
        if state["t"][0] == 3:
            params[-1] = np.inf


def test_weights_that_break_in_the_last_step_of_an_epoch_are_not_logged_or_saved() -> None:
    message, _, diary = refused(stack(), *examples(), optimizer=Overflowing(), epochs=1)
    assert message.startswith("epoch 1, step 3: ")
    assert "; parameter 2.b (Dense) has 1 of 1 values NaN or Inf." in message
    assert diary.events == ["start at step 0"]


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
