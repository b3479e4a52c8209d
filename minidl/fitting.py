"""The one way to train: a trainer, its data, and the engine that is asked for; and all that on arrays, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from minidl.compiled import EngineName, choose_engine
from minidl.compiled.kernel import silent
from minidl.core.arguments import Seed, checked
from minidl.core.errors import ConfigError
from minidl.core.layer import Layer
from minidl.core.output import say
from minidl.losses import Loss
from minidl.optimizers import Constant, Optimizer, Schedule
from minidl.randomness import Streams
from minidl.training.callbacks import Callback, KeepBest
from minidl.training.loop import Trainer
from minidl.training.records import EpochRecord, never
from minidl.training.settings import Training
from minidl.training.showing import ShowEpochs
from minidl.training.sources import Arrays, Source, pair
from minidl.training.threads import blas_threads

CONSTANT = Constant()


def run_training(
    trainer: Trainer,
    train: Source,
    validation: Source | None = None,
    *,
    engine: EngineName = "auto",
    callbacks: Sequence[Callback] = (),
    notify: Callable[[str], None] = silent,
) -> list[EpochRecord]:
    """Train for the epochs that are left; return the history.

    Runs, comparisons and `fit` train with this function: same data, same settings and
    same machine give the same weights, whoever asks.

    Parameters
    ----------
    trainer : at the start, or where a checkpoint was taken; its `engine` is set.
    train, validation : examples.
    engine : as in a config.
    notify : gets the line that says which engine it is and why, and what else takes time.

    Raises
    ------
    ConfigError
        The engine is ``compiled``, and it cannot take the model.
    ShapeError, NumericalError
        As `Trainer.run`.
    """
    trainer.engine, line = choose_engine(trainer, engine, train, notify)
    notify(f"engine: {line}")
    with blas_threads(trainer.settings.threads):
        return trainer.run(train, validation, callbacks)


def fit(
    model: Layer,
    x: Any,
    y: Any,
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int = 1,
    batch_size: int = 64,
    shuffle: bool = True,
    schedule: Schedule = CONSTANT,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    moving_average: float | None = None,
    threads: int = 1,
    bptt_steps: int | None = None,
    seed: int = 0,
    lengths: Any = None,
    weight: Any = None,
    validation: tuple[Any, Any] | Arrays | None = None,
    engine: EngineName = "auto",
    callbacks: Sequence[Callback] = (),
    progress: bool = False,
    should_stop: Callable[[], bool] = never,
) -> list[EpochRecord]:
    """Train a model on examples x (N, ...) and targets y (N, ...); a Trainer in one call; return the epochs.

    Parameters
    ----------
    model : if it was not built, it is built for x in float32, from `seed` as an Experiment builds it.
    x, y : arrays, lists, pandas objects, tensors. Targets of a single output may lack its axis: (N,) for (N, 1).
    lengths, weight : see `Arrays`; for `epochs` and all up to `bptt_steps` see `Training`.
    validation : a pair (x, y), or `Arrays`, that is scored after every epoch.
    engine : what computes the steps, as in a config: ``auto``, ``numpy`` or ``compiled``.
    callbacks : see `Callback`. With one that chooses the best weights, as `EarlyStopping`, the model ends with those.
    progress : whether to show the epochs on standard error, as ``minidl train`` does.
    should_stop : asked after every step; True ends the training.

    Raises
    ------
    ConfigError, DataError, ShapeError, NumericalError
        An argument does not fit; the model's weights were not changed.
    """
    more: dict[str, Any] = {"threads": threads, "bptt_steps": bptt_steps, "callbacks": callbacks}
    settings = Training(epochs, batch_size, shuffle, schedule, clip_norm, clip_value, moving_average, **more)
    streams, train = Streams.from_seed(checked(seed, Seed, "fit: seed")), Arrays(x, y, lengths, weight)
    held_out = _held_out(validation)
    _build(model, train, streams)
    parts: dict[str, Any] = {"loss": loss, "optimizer": optimizer, "streams": streams, "should_stop": should_stop}
    return _run(Trainer(model, settings=settings, **parts), train, held_out, engine, progress)


def _run(
    trainer: Trainer,
    train: Arrays,
    held_out: Arrays | None,
    engine: EngineName,
    progress: bool,
) -> list[EpochRecord]:
    """Train, shown or not; where a callback chooses the best weights, the model has them in the end."""
    trainer.folder, best = Path(), KeepBest(trainer.settings.choice)
    told: list[Callback] = [best] if any(callback.choice for callback in trainer.settings.callbacks) else []
    with closing(ShowEpochs()) as shown:
        told, notify = ([*told, shown], say) if progress else (told, silent)
        history = run_training(trainer, train, held_out, engine=engine, callbacks=told, notify=notify)
    best.restore(trainer.model)
    return history


def _build(model: Layer, train: Arrays, streams: Streams) -> None:
    """Initial weights for these examples, if the model has none."""
    checked(model, Layer, "fit: model")
    if not model.params:
        shape = train.x.shape[1:] if train.lengths is None else (None, *train.x.shape[2:])
        model.build(shape, streams.weights, "float32")


def _held_out(validation: Any) -> Arrays | None:
    if validation is None or isinstance(validation, Arrays):
        return validation
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        found = type(validation).__name__ + (f" of {len(validation)}" if hasattr(validation, "__len__") else "")
        raise ConfigError(f"fit: validation: expected a pair (x, y) or Arrays(x, y, lengths, weight), got {found}.")
    return Arrays(*pair(validation[0], validation[1], "validation "))
