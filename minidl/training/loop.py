"""The training loop: epochs, batches, validation, callbacks.

It knows nothing of files, configs or terminals; those are callbacks' business.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minidl.core.arguments import check_in_dtype, checked
from minidl.core.errors import ConfigError, NumericalError
from minidl.core.layer import Array, Context, Layer
from minidl.core.lengths import without_padding
from minidl.core.workspace import Workspace
from minidl.data.batch import Batch
from minidl.losses import Loss
from minidl.metrics import usual_metrics
from minidl.optimizers import Optimizer, clip_global_norm
from minidl.randomness import Streams, generator_state
from minidl.training.diagnosis import numerical_error
from minidl.training.engine import Engine, NumpyEngine
from minidl.training.flat import FlatParameters
from minidl.training.outputs import collected, outputs_by_batch, prepared
from minidl.training.settings import Training
from minidl.training.sources import Source, fitted, gathered
from minidl.training.truncated import StreamWindows, checked_state, epoch_order, training_source


@dataclass(frozen=True)
class EpochRecord:
    """One line of the log.

    train_loss is the mean over the epoch's batches, while the weights moved;
    validation_loss and validation_metrics are of the epoch's end, None without validation.
    """

    epoch: int
    step: int
    train_loss: float
    validation_loss: float | None
    validation_metrics: dict[str, float] | None
    learning_rate: float
    seconds: float


@dataclass
class Position:
    """How far the current epoch is.

    examples : done so far; at an epoch's end, before its validation, all of them.
    loss_sum : of loss times examples, over the steps so far.
    seconds : spent on the epoch so far, in this process and in those it continues.
    """

    examples: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0


class Callback:
    """What happens around the loop; every method may be left out."""

    def on_start(self, trainer: Trainer) -> None:
        """Before the first step."""

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        """After an epoch and its validation."""

    def on_checkpoint(self, trainer: Trainer) -> None:
        """When `Training.checkpoint_every` is reached; after an epoch's last step or its end, if it falls there."""

    def on_end(self, trainer: Trainer) -> None:
        """After the last epoch, or when training was told to stop; not after an error."""


def never() -> bool:
    """No request to stop; a named function, so that a Trainer can be pickled."""
    return False


class Trainer:
    """A model while it is trained. A copy trains a copy of the model.

    Parameters
    ----------
    model : built; its parameters change in place.
    loss, optimizer, settings : what to minimise, how, and how long.
    streams : `shuffling` orders the windows, `layers` feeds dropout and the like.
    should_stop : asked after every step, or every few steps of a fast engine;
        True ends the training cleanly.
    engine : what computes the steps; None: NumPy.
    metrics : scores of the validation examples by name, from outputs, targets and lengths (see `Batch`).

    Attributes
    ----------
    epoch, step : complete epochs and steps so far.
    position : how far the current epoch is.
    history : the EpochRecords so far.
    batch : the numbers of the examples that a step is about, where an engine says so.
    carried : the state that the next step starts from; None: at the start of streams, or without `bptt_steps`.
    """

    def __init__(
        self,
        model: Layer,
        *,
        loss: Loss,
        optimizer: Optimizer,
        settings: Training,
        streams: Streams,
        should_stop: Callable[[], bool] = never,
        engine: Engine | None = None,
        metrics: Callable[[Array, Array, Array | None], dict[str, float]] = usual_metrics,
    ) -> None:
        self.model: Layer = checked(model, Layer, "Trainer: model")
        self.loss: Loss = checked(loss, Loss, "Trainer: loss")
        self.optimizer: Optimizer = checked(optimizer, Optimizer, "Trainer: optimizer")
        self.settings: Training = checked(settings, Training, "Trainer: settings")
        if not isinstance(streams, Streams):
            raise ConfigError(f"Trainer: streams: expected Streams, got {streams!r}; write Streams.from_seed(0).")
        self.streams = streams
        self.should_stop = should_stop
        self.engine = engine or NumpyEngine()
        self.metrics = metrics
        self._parameters = FlatParameters(model)
        for part in (loss, optimizer, settings):
            check_in_dtype(part, self._parameters.values.dtype)
        self.state = optimizer.start(self._parameters.values)
        self.epoch = self.step = 0
        self.position = Position()
        self.order_state = generator_state(streams.shuffling)  # from before the current epoch's order was drawn
        self.history: list[EpochRecord] = []
        self.batch: Any = None
        self.carried: Any = None
        self._ctx = self._context()

    def _context(self) -> Context:
        workspace = Workspace()
        self._parameters.lend_gradients(workspace)
        return Context(training=True, rng=self.streams.layers, workspace=workspace, input_gradient=False)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_ctx"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._ctx = self._context()

    @property
    def parameters(self) -> FlatParameters:
        """The model's parameters and their gradients, as the model has them now; see `FlatParameters.follow`."""
        if self._parameters.touched():
            self._parameters.follow()
        return self._parameters

    def run(
        self, train: Source, validation: Source | None = None, callbacks: Sequence[Callback] = ()
    ) -> list[EpochRecord]:
        """Train for the epochs that are left; return the history.

        Raises
        ------
        ShapeError
            Examples do not fit the model; no step was taken.
        NumericalError
            NaN or Inf in loss, gradient or parameters; it names epoch, step, layer and parameter.
        """
        train = training_source(train, self.model, self.loss, self.settings)
        if validation is not None:
            validation = fitted(validation, self.model, self.loss, "validation ")
        for callback in callbacks:
            callback.on_start(self)
        # Overflow is looked for after every step, and reported with its place.
        with np.errstate(all="ignore"):
            while self.epoch < self.settings.epochs:
                record = self._run_epoch(train, validation, callbacks)
                if record is None:
                    break
                self.history.append(record)
                every = self.settings.checkpoint_every
                for callback in callbacks:
                    callback.on_epoch_end(self, record)
                    if isinstance(every, int) and self.epoch % every == 0:
                        callback.on_checkpoint(self)
        for callback in callbacks:
            callback.on_end(self)
        return self.history

    def _run_epoch(self, train: Source, validation: Source | None, callbacks: Sequence[Callback]) -> EpochRecord | None:
        """What is left of an epoch, and its validation; None if it was told to stop before the end."""
        started = time.perf_counter() - self.position.seconds
        if not self._train_epoch(train, callbacks, started):
            return None
        scores = self._validate(validation)
        if scores is None:
            return None
        self.epoch += 1
        train_loss = self.position.loss_sum / len(train)
        self.position, self.carried = Position(), None
        self.order_state = generator_state(self.streams.shuffling)
        seconds = time.perf_counter() - started
        return EpochRecord(self.epoch, self.step, train_loss, *scores, self.optimizer.learning_rate, seconds)

    def _train_epoch(self, train: Source, callbacks: Sequence[Callback], started: float) -> bool:
        """The steps of an epoch that are left; False if it was told to stop before the end."""
        self._parameters.follow()
        n, every = len(train), self.settings.checkpoint_every
        batch_size, place = self.settings.batch_size, self.position
        order = epoch_order(train, self.streams.shuffling if self.settings.shuffle else None, batch_size)
        while place.examples < n:
            stop = n
            if isinstance(every, dict):
                stop = place.examples + (every["steps"] - self.step % every["steps"]) * batch_size
            if isinstance(train, StreamWindows):
                part, self.carried = train.step(order[place.examples :][:batch_size], self.carried)
                stop = place.examples + part
            place.examples, place.loss_sum = self.engine.advance(
                self, train, order[:stop], place.examples, place.loss_sum
            )
            place.seconds = time.perf_counter() - started
            if isinstance(every, dict) and self.step % every["steps"] == 0:
                for callback in callbacks:
                    callback.on_checkpoint(self)
            if self.should_stop():
                return False
        return True

    def _validate(self, validation: Source | None) -> tuple[float | None, dict[str, float] | None] | None:
        """Loss and metrics of the validation examples; None if it was told to stop before the end."""
        if validation is None:
            return None, None
        parts = []
        for part in outputs_by_batch(self.model, validation):
            parts.append(part)
            if self.should_stop():
                return None
        found = collected(parts)
        loss = self.loss(found.y, found.target, found.weight)[0]
        if not math.isfinite(loss):
            where = f"epoch {self.epoch + 1}, validation"
            batch, _ = prepared(gathered(validation, slice(None)), self.model)
            raise numerical_error(where, self.model, self.parameters, loss, batch)
        return loss, self.metrics(found.y, found.target, found.lengths)

    def train_step(self, batch: Batch) -> float:
        """Forward, loss, backward, clipping and one optimizer step on a batch; returns the loss before it."""
        flat = self.parameters
        batch, lengths = prepared(batch, self.model)
        start, truncated = self.carried, self.settings.bptt_steps is not None
        ctx = self._ctx if batch.lengths is None else replace(self._ctx, lengths=batch.lengths)
        y, cache = self.model.forward(batch.x, replace(ctx, state=start) if truncated else ctx)
        carried = self.model.final_state(cache) if truncated else None
        loss, dy = self.loss(without_padding(y, lengths), batch.target, batch.weight)
        _, grads = self.model.backward(dy, cache)
        flat.collect(grads)
        clip = self.settings.clip_norm
        # Squares can overflow where the norm does not, and clipping makes it small.
        usable = _finite(flat.grads) or (clip is not None and bool(np.isfinite(flat.grads).all()))
        if not (math.isfinite(loss) and usable):
            raise numerical_error(self.where(), self.model, flat, loss, batch, indices=self.batch, start=start)
        self.carried = checked_state(carried, self.where(), loss)
        if clip is not None:
            clip_global_norm(flat.grads, clip)
        self._update(flat, loss)
        self.step += 1
        return loss

    def _update(self, flat: FlatParameters, loss: float) -> None:
        """The optimizer's step; what it remembers must stay finite too, or later steps would be 0 in silence."""
        try:
            self.optimizer.update(flat.values, flat.grads, self.state)
        except NumericalError as err:
            raise numerical_error(self.where(), self.model, flat, loss, state=self.state) from err
        # tanh turns an infinite weight into a finite output: loss and gradient would not show it.
        if not all(map(_finite_sum, (flat.values, *self.state.values()))):
            raise numerical_error(self.where(), self.model, flat, loss, state=self.state)

    def where(self) -> str:
        """The step being taken, for messages."""
        return f"epoch {self.epoch + 1}, step {self.step + 1}"


def _finite(flat: Array) -> bool:
    """Whether the sum of squares is finite: no NaN, no Inf, and no norm that overflows. One call, no temporary."""
    return math.isfinite(float(np.dot(flat, flat)))


def _finite_sum(array: Array) -> bool:
    """Whether there is no NaN and no Inf: quick where the sum is finite."""
    return math.isfinite(float(np.add.reduce(array, axis=None))) or bool(np.isfinite(array).all())
