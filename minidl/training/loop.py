"""The training loop: epochs, batches, validation, callbacks.

It knows nothing of files, configs or terminals; those are callbacks' business.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from minidl.core.arguments import check_in_dtype, checked
from minidl.core.errors import ConfigError
from minidl.core.layer import Array, Layer
from minidl.data.batch import Batch
from minidl.losses import Loss
from minidl.metrics.usual import Metrics, usual_metrics
from minidl.optimizers import Optimizer, Progress, ScheduleState, Segments, State
from minidl.randomness import Streams, generator_state
from minidl.training.averaging import MovingAverage
from minidl.training.callbacks import Callback, CallbackState
from minidl.training.diagnosis import numerical_error
from minidl.training.engine import Engine, NumpyEngine
from minidl.training.flat import FlatParameters
from minidl.training.looking import FirstBatch
from minidl.training.outputs import Outputs, collected, outputs_by_batch, prepared
from minidl.training.rates import rate_at, rates_at, shift_of, steps_of_epoch
from minidl.training.records import EpochRecord, Position, never, remembered, scores_of
from minidl.training.settings import Training
from minidl.training.sources import Source, fitted, gathered
from minidl.training.stepping import StepBuffers, take_step
from minidl.training.truncated import epoch_order, next_steps, training_source
from minidl.training.watched import check_watched


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
    metrics : scores of the validation examples by name, from outputs, targets, lengths and weights (see `Batch`).

    Attributes
    ----------
    epoch, step : complete epochs and steps so far.
    position : how far the current epoch is.
    state : what the optimizer remembers, a part for each of its `segments`.
    average : the moving average of the weights, if the settings ask for one.
    schedule_state : what the schedule remembers; see `Schedule`.
    epoch_steps : steps of an epoch.
    history : the EpochRecords so far.
    finished : why no further epoch is to be trained, in a few words; None: there is no reason.
    folder : where callbacks put files; None: they put none.
    batch : the numbers of the examples that a step is about, where an engine says so.
    first_batch : what callbacks can look at: the model on the first training examples; None before `run`.
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
        metrics: Metrics = usual_metrics,
    ) -> None:
        self.model: Layer = checked(model, Layer, "Trainer: model")
        self.loss: Loss = checked(loss, Loss, "Trainer: loss")
        self.optimizer: Optimizer = checked(optimizer, Optimizer, "Trainer: optimizer")
        self.settings: Training = checked(settings, Training, "Trainer: settings")
        if not isinstance(streams, Streams):
            raise ConfigError(f"Trainer: streams: expected Streams, got {streams!r}; write Streams.from_seed(0).")
        self.streams = streams
        if not callable(should_stop):
            raise ConfigError(f"Trainer: should_stop: expected a function that is asked, got {should_stop!r}.")
        self.should_stop = should_stop
        self.engine: Engine = engine or NumpyEngine()
        self.metrics = metrics
        self._parameters = FlatParameters(model)
        for part in (loss, optimizer, settings):
            check_in_dtype(part, self._parameters.values.dtype)
        self.segments: Segments = Segments(optimizer, {n: view.size for n, view in self._parameters.views.items()})
        self.state: State = self.segments.start(optimizer, self._parameters.values)
        decay = settings.moving_average
        self.average: MovingAverage | None = None if decay is None else MovingAverage(decay, self._parameters.values)
        self.schedule_state: ScheduleState = remembered(settings.schedule.start(), settings.schedule)
        self.epoch: int = 0
        self.step: int = 0
        self.epoch_steps: int = 1  # until `run` knows
        self._shift: int = 0
        self.position: Position = Position()
        self.order_state: dict[str, Any] = generator_state(streams.shuffling)  # from before this epoch's order
        self.history: list[EpochRecord] = []
        self.finished: str | None = None
        self.folder: Path | None = None
        self.first_batch: FirstBatch | None = None
        self._memories: list[tuple[Callback, CallbackState]] = []
        self.batch: Any = None
        self.carried: Any = None
        self._buffers = StepBuffers(self)

    def __repr__(self) -> str:
        parts = f"{self.model!r}, loss={self.loss!r}, optimizer={self.optimizer!r}, settings={self.settings!r}"
        return f"Trainer({parts}): {self.epoch} of {self.settings.epochs} epochs done"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_buffers"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._buffers = StepBuffers(self)

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

        With a moving average the model has it afterwards, and within callbacks but `on_start`.

        Raises
        ------
        ShapeError
            Examples do not fit the model; no step was taken.
        NumericalError
            NaN or Inf in loss, gradient or parameters; it names epoch, step, layer and parameter.
        """
        train = training_source(train, self.model, self.loss, self.settings)
        self.first_batch = FirstBatch(self.model, self.loss, train, self.settings.batch_size)
        if validation is not None:
            validation = fitted(validation, self.model, self.loss, "validation ")
        self.epoch_steps = steps_of_epoch(train, self.settings.batch_size)
        self._shift = shift_of(train, self.settings.batch_size, self.epoch, self.position.examples, self.step)
        if self.settings.watched:
            some = None if validation is None else collected([next(outputs_by_batch(self.model, validation))])
            check_watched(self.settings.watched, None if some is None else self._metrics_of(some))
        self._show_average(False)
        callbacks = [*self.settings.callbacks, *callbacks]
        for callback in callbacks:
            callback.on_start(self)
        # Overflow is looked for after every step, and reported with its place.
        with np.errstate(all="ignore"):
            while not self.complete:
                record = self._run_epoch(train, validation, callbacks)
                if record is None:
                    break
                self.history.append(record)
                every = self.settings.checkpoint_every
                with self.averaged():
                    for callback in callbacks:
                        callback.on_epoch_end(self, record)
                        if isinstance(every, int) and self.epoch % every == 0:
                            callback.on_checkpoint(self)
        self._show_average(True)
        for callback in callbacks:
            callback.on_end(self)
        return self.history

    def _run_epoch(self, train: Source, validation: Source | None, callbacks: Sequence[Callback]) -> EpochRecord | None:
        """What is left of an epoch, and its validation; None if it was told to stop before the end."""
        started = time.perf_counter() - self.position.seconds
        if not self._train_epoch(train, callbacks, started):
            return None
        with self.averaged():
            scores = self._validate(validation)
        if scores is None:
            return None
        self.epoch += 1
        train_loss = self.position.loss_sum / len(train)
        self.position, self.carried = Position(), None
        self.order_state = generator_state(self.streams.shuffling)
        seconds = time.perf_counter() - started
        rate = self.learning_rate(self.step - 1)
        record = EpochRecord(self.epoch, self.step, train_loss, *scores, rate, seconds)
        schedule = self.settings.schedule
        if schedule.watched is not None:
            schedule.epoch_end(scores_of(record)[schedule.watched], self.schedule_state)
        return record

    def _train_epoch(self, train: Source, callbacks: Sequence[Callback], started: float) -> bool:
        """The steps of an epoch that are left; False if it was told to stop before the end."""
        self._parameters.follow()
        n, every = len(train), self.settings.checkpoint_every
        batch_size, place = self.settings.batch_size, self.position
        order = epoch_order(train, self.streams.shuffling if self.settings.shuffle else None, batch_size)
        while place.examples < n:
            stop = n
            if isinstance(every, dict):
                left = every["steps"] - self.step % every["steps"]
                stop = place.examples + len(next_steps(train, order[place.examples :], batch_size, left)[0])
            place.examples, place.loss_sum = self.engine.advance(
                self, train, order[:stop], place.examples, place.loss_sum
            )
            place.seconds = time.perf_counter() - started
            if isinstance(every, dict) and self.step % every["steps"] == 0:
                with self.averaged():
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
        return loss, self._metrics_of(found)

    def _metrics_of(self, found: Outputs) -> dict[str, float]:
        return self.metrics(self.loss.point(found.y), found.target, found.lengths, found.weight)

    def train_step(self, batch: Batch) -> float:
        """Forward, loss, backward, clipping and one optimizer step on a batch; returns the loss before it."""
        return take_step(self, batch, self._buffers)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it the model has the weights that are scored: the moving average, if there is one."""
        before = self.average is not None and self.average.shown
        self._show_average(True)
        try:
            yield
        finally:
            self._show_average(before)

    def _show_average(self, shown: bool) -> None:
        if self.average is not None and self.average.shown != shown:
            self.average.exchange(self.parameters.values)

    def own_weights(self) -> dict[str, Array]:
        """The weights that training goes on with, where they are others than those that are scored; else none."""
        if self.average is None:
            return {}
        flat = self.average.values if self.average.shown else self.parameters.values
        return self.parameters.named(flat)

    def learning_rate(self, step: int) -> float:
        """That of a step, counted from 0: the schedule's factor times that of the optimizer."""
        return rate_at(self.settings.schedule, self.schedule_state, self.optimizer.learning_rate, self._at(step))

    def learning_rates(self, first: int, n: int) -> Array:
        """Those of n steps from the `first` on."""
        return rates_at(self.settings.schedule, self.schedule_state, self.optimizer.learning_rate, self._at(first), n)

    def _at(self, step: int) -> Progress:
        return Progress(step + self._shift, self.settings.epochs * self.epoch_steps, self.epoch_steps)

    def memory_of(self, callback: Callback) -> CallbackState:
        """What a callback remembers; it may change it in place. Of those in `settings` checkpoints have it."""
        for known, memory in self._memories:
            if known is callback:
                return memory
        self._memories.append((callback, remembered(callback.start(), callback)))
        return self._memories[-1][1]

    def finish(self, why: str) -> None:
        """Train no further epoch, as if all were done; `why` in a few words."""
        self.finished = checked(why, str, "Trainer: finish: why")

    @property
    def complete(self) -> bool:
        """Whether no further epoch is to be trained."""
        return self.epoch >= self.settings.epochs or self.finished is not None

    def where(self) -> str:
        """The step being taken, for messages."""
        return f"epoch {self.epoch + 1}, step {self.step + 1}"
