"""The training loop: epochs, batches, validation, callbacks.

It knows nothing of files, configs or terminals; those are callbacks' business.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from minidl.arguments import Configurable, PositiveFloat, PositiveInt
from minidl.layer import Array, Context, Layer
from minidl.losses import Loss
from minidl.metrics import r2
from minidl.optimizers import Optimizer, clip_global_norm
from minidl.randomness import Streams
from minidl.training.diagnosis import numerical_error
from minidl.training.engine import Engine, NumpyEngine
from minidl.training.flat import FlatParameters
from minidl.workspace import Workspace

PREDICT_BATCH = 1024


class Source(Protocol):
    """Examples by index: `minidl.data.Windows`, or `Arrays`."""

    def __len__(self) -> int:
        """Number of examples."""

    def gather(self, indices: Any) -> tuple[Array, Array]:
        """Inputs and targets of these examples; a slice or an int array."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """Examples in two arrays: x (N, ...) and targets y (N, ...)."""

    x: Array
    y: Array

    def __len__(self) -> int:
        return len(self.x)

    def gather(self, indices: Any) -> tuple[Array, Array]:
        """x[indices], y[indices]."""
        return self.x[indices], self.y[indices]


@dataclass(eq=False)
class Training(Configurable):
    """How long and in what portions to train: the ``training`` section of a config.

    Parameters
    ----------
    epochs : passes over the training windows.
    batch_size : windows a step; the last step of an epoch takes what is left.
    shuffle : whether every epoch has a new random order.
    clip_norm : largest Euclidean norm of the whole gradient; None: no clipping.
    checkpoint_every : epochs from one saved checkpoint to the next.
    """

    epochs: PositiveInt = 100
    batch_size: PositiveInt = 64
    shuffle: bool = True
    clip_norm: PositiveFloat | None = None
    checkpoint_every: PositiveInt = 10


@dataclass(frozen=True)
class EpochRecord:
    """One line of the log.

    train_loss is the mean over the epoch's batches, while the weights moved;
    validation_loss and validation_r2 are of the epoch's end, None without validation.
    """

    epoch: int
    step: int
    train_loss: float
    validation_loss: float | None
    validation_r2: float | None
    learning_rate: float
    seconds: float


class Callback:
    """What happens around the loop; every method may be left out."""

    def on_start(self, trainer: Trainer) -> None:
        """Before the first step."""

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        """After an epoch and its validation."""

    def on_end(self, trainer: Trainer) -> None:
        """After the last epoch, or when training was told to stop; not after an error."""


def predict(model: Layer, source: Source) -> tuple[Array, Array]:
    """The model's outputs and the targets for all examples, in order."""
    workspace = Workspace()
    outputs, targets = [], []
    for start in range(0, len(source), PREDICT_BATCH):
        x, target = source.gather(slice(start, start + PREDICT_BATCH))
        y, _ = model.forward(x, Context(workspace=workspace))
        outputs.append(y.copy())
        targets.append(target)
    return np.concatenate(outputs), np.concatenate(targets)


class Trainer:
    """A model while it is trained.

    Parameters
    ----------
    model : built; its parameters change in place.
    loss, optimizer, settings : what to minimise, how, and how long.
    streams : `shuffling` orders the windows, `layers` feeds dropout and the like.
    should_stop : asked after every step, or every few steps of a fast engine;
        True ends the training cleanly.
    engine : what computes the steps; None: NumPy.

    Attributes
    ----------
    epoch, step : complete epochs and steps so far.
    history : the EpochRecords so far.
    """

    def __init__(
        self,
        model: Layer,
        *,
        loss: Loss,
        optimizer: Optimizer,
        settings: Training,
        streams: Streams,
        should_stop: Callable[[], bool] = lambda: False,
        engine: Engine | None = None,
    ) -> None:
        self.model, self.loss, self.optimizer, self.settings, self.streams = model, loss, optimizer, settings, streams
        self.should_stop = should_stop
        self.engine = engine or NumpyEngine()
        self.parameters = FlatParameters(model)
        self.state = optimizer.start(self.parameters.values)
        self.epoch = self.step = 0
        self.history: list[EpochRecord] = []
        workspace = Workspace()
        self.parameters.lend_gradients(workspace)
        self._ctx = Context(training=True, rng=streams.layers, workspace=workspace, input_gradient=False)

    def run(
        self, train: Source, validation: Source | None = None, callbacks: Sequence[Callback] = ()
    ) -> list[EpochRecord]:
        """Train for the epochs that are left; return the history.

        Raises
        ------
        NumericalError
            NaN or Inf in loss, gradient or parameters; it names epoch, step, layer and parameter.
        """
        for callback in callbacks:
            callback.on_start(self)
        # Overflow is looked for after every step, and reported with its place.
        with np.errstate(all="ignore"):
            while self.epoch < self.settings.epochs:
                started = time.perf_counter()
                train_loss = self._train_epoch(train)
                if train_loss is None:
                    break
                self.epoch += 1
                record = self._record(train_loss, validation, started)
                self.history.append(record)
                for callback in callbacks:
                    callback.on_epoch_end(self, record)
        for callback in callbacks:
            callback.on_end(self)
        return self.history

    def _train_epoch(self, train: Source) -> float | None:
        """Mean loss over one pass; None if it was told to stop before the end."""
        n = len(train)
        order = self.streams.shuffling.permutation(n) if self.settings.shuffle else np.arange(n)
        position, total = 0, 0.0
        while position < n:
            position, total = self.engine.advance(self, train, order, position, total)
            if self.should_stop():
                return None
        return total / n

    def train_step(self, x: Array, target: Array) -> float:
        """Forward, loss, backward, clipping and one optimizer step on a batch; returns the loss before it."""
        y, cache = self.model.forward(x, self._ctx)
        loss, dy = self.loss(y, target)
        _, grads = self.model.backward(dy, cache)
        flat = self.parameters
        flat.collect(grads)
        if not (math.isfinite(loss) and _finite(flat.grads)):
            raise numerical_error(self.where(), self.model, flat, loss, x, target)
        if self.settings.clip_norm is not None:
            clip_global_norm(flat.grads, self.settings.clip_norm)
        self.optimizer.update(flat.values, flat.grads, self.state)
        # tanh turns an infinite weight into a finite output: loss and gradient would not show it.
        if not (_finite(flat.values) or np.isfinite(flat.values).all()):
            raise numerical_error(self.where(), self.model, flat, loss)
        self.step += 1
        return loss

    def where(self) -> str:
        """The step being taken, for messages."""
        return f"epoch {self.epoch + 1}, step {self.step + 1}"

    def _record(self, train_loss: float, validation: Source | None, started: float) -> EpochRecord:
        validation_loss = validation_r2 = None
        if validation is not None:
            y, target = predict(self.model, validation)
            validation_loss, validation_r2 = self.loss(y, target)[0], r2(y, target)
        seconds = time.perf_counter() - started
        rate = self.optimizer.learning_rate
        return EpochRecord(self.epoch, self.step, train_loss, validation_loss, validation_r2, rate, seconds)


def _finite(flat: Array) -> bool:
    """Whether the sum of squares is finite: no NaN, no Inf, and no norm that overflows. One call, no temporary."""
    return math.isfinite(float(np.dot(flat, flat)))


def fit(
    model: Layer,
    x: Array,
    y: Array,
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int = 1,
    batch_size: int = 64,
    clip_norm: float | None = None,
    seed: int = 0,
    validation: tuple[Array, Array] | None = None,
) -> list[EpochRecord]:
    """Train a built model on arrays x (N, ...) and targets y (N, ...); a Trainer in one call.

    Returns
    -------
    One EpochRecord an epoch.
    """
    trainer = Trainer(
        model,
        loss=loss,
        optimizer=optimizer,
        settings=Training(epochs=epochs, batch_size=batch_size, clip_norm=clip_norm),
        streams=Streams.from_seed(seed),
    )
    return trainer.run(Arrays(x, y), None if validation is None else Arrays(*validation))
