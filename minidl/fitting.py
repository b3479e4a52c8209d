"""The one way to train: a trainer, its data, and the engine that is asked for; and all that on arrays, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from minidl.compiled import EngineName, choose_engine
from minidl.compiled.kernel import silent
from minidl.core.arguments import Seed, checked
from minidl.core.errors import ConfigError, DataError
from minidl.core.layer import Array, Layer
from minidl.core.output import say
from minidl.core.text import counted, printable
from minidl.losses import Loss
from minidl.optimizers import Constant, Optimizer, Schedule
from minidl.randomness import Streams
from minidl.training.callbacks import Callback, KeepBest
from minidl.training.loop import Trainer
from minidl.training.records import EpochRecord, never
from minidl.training.selection import joined
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


def train_again(
    trainer: Trainer,
    both: Source,
    epochs: int,
    *,
    examples: str = "examples",
    engine: EngineName = "auto",
    callbacks: Sequence[Callback] = (),
    notify: Callable[[str], None] = silent,
) -> None:
    """The second training of ``refit``, on all examples for the number of epochs that was best.

    All is as in the first one, the schedule's time too, but that there are no callbacks of the settings, and no
    validation. If it is told to stop before, the trainer is not `complete`.

    Parameters
    ----------
    trainer : at the start, of a model with its initial weights.
    both : training and validation examples; see `joined`.
    examples : what they are called.

    Raises
    ------
    NumericalError
        NaN or Inf.
    """
    notify(f"refit: training again on {len(both):,} training and validation {examples}, for {counted(epochs, 'epoch')}")
    trainer.settings = replace(trainer.settings, callbacks=[])
    run_training(trainer, both, engine=engine, callbacks=[_Until(epochs), *callbacks], notify=notify)


class _Until(Callback):
    """Ends a training after so many epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        """See the class."""
        if record.epoch >= self.epochs:
            trainer.finish("as many epochs as were best")


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
    refit: bool = False,
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
    refit : see `Training`; the epochs are those of the first training, as are the weights if the second is stopped.
    engine : what computes the steps, as in a config: ``auto``, ``numpy`` or ``compiled``.
    callbacks : see `Callback`. With one that chooses the best weights, as `EarlyStopping`, the model ends with those.
    progress : whether to show the epochs on standard error, as ``minidl train`` does.
    should_stop : asked after every step; True ends the training.

    Raises
    ------
    ConfigError, DataError, ShapeError, NumericalError
        An argument does not fit; the model's weights were not changed.
    """
    more: dict[str, Any] = {"refit": refit, "threads": threads, "bptt_steps": bptt_steps, "callbacks": callbacks}
    settings = Training(epochs, batch_size, shuffle, schedule, clip_norm, clip_value, moving_average, **more)
    parts: dict[str, Any] = {"loss": loss, "optimizer": optimizer, "settings": settings, "should_stop": should_stop}
    seed = checked(seed, Seed, "fit: seed")
    return _fit(model, Arrays(x, y, lengths, weight), _held_out(validation, x, y), parts, seed, engine, progress)


def _fit(
    model: Layer,
    train: Arrays,
    held_out: Arrays | None,
    parts: dict[str, Any],
    seed: int,
    engine: EngineName,
    progress: bool,
) -> list[EpochRecord]:
    """See `fit`; `parts` are arguments of `Trainer`."""
    settings, streams = parts["settings"], Streams.from_seed(seed)
    both = _both(train, held_out) if settings.refit else None
    _build(model, train, streams)
    start, best = _copied(model), KeepBest(settings.choice)
    with closing(ShowEpochs()) as shown:
        told: list[Callback] = [shown] if progress else []
        how: dict[str, Any] = {"engine": engine, "notify": say if progress else silent}
        first = Trainer(model, streams=streams, **parts)
        history = _run(first, train, held_out, best, told, how)
        if both is not None and first.complete:
            ended = _copied(model)
            _give(model, start)
            second = Trainer(model, streams=Streams.from_seed(seed), **parts)
            train_again(second, both, best.epoch or first.epoch, callbacks=told, **how)
            if not second.complete:
                _give(model, ended)
    return history


def _run(
    trainer: Trainer,
    train: Arrays,
    held_out: Arrays | None,
    best: KeepBest,
    told: list[Callback],
    how: dict[str, Any],
) -> list[EpochRecord]:
    """Train; where a callback chooses the best weights, the model has them in the end."""
    trainer.folder = Path()
    chosen = any(callback.choice for callback in trainer.settings.callbacks)
    needed: list[Callback] = [best] if chosen or trainer.settings.refit else []
    history = run_training(trainer, train, held_out, callbacks=[*needed, *told], **how)
    if chosen:
        best.restore(trainer.model)
    return history


def _copied(model: Layer) -> dict[str, Array]:
    return {name: value.copy() for name, value in model.params.items()}


def _give(model: Layer, weights: dict[str, Array]) -> None:
    for name, value in model.params.items():
        value[...] = weights[name]


def _both(train: Arrays, held_out: Arrays | None) -> Source:
    """All examples."""
    if held_out is None:
        raise ConfigError("fit: refit: there are no validation examples that could teach too; give validation=(x, y).")
    return joined(train, held_out)


def _build(model: Layer, train: Arrays, streams: Streams) -> None:
    """Initial weights for these examples, if the model has none."""
    checked(model, Layer, "fit: model")
    if not model.params:
        shape = train.x.shape[1:] if train.lengths is None else (None, *train.x.shape[2:])
        model.build(shape, streams.weights, "float32")


def _held_out(validation: Any, x: Any, y: Any) -> Arrays | None:
    if validation is None or isinstance(validation, Arrays):
        return validation
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        found = type(validation).__name__ + (f" of {len(validation)}" if hasattr(validation, "__len__") else "")
        raise ConfigError(f"fit: validation: expected a pair (x, y) or Arrays(x, y, lengths, weight), got {found}.")
    for name, table, other in (("x", x, validation[0]), ("y", y, validation[1])):
        here, there = (list(getattr(each, "columns", ())) for each in (table, other))
        if here and there and here != there:
            shown = [printable(", ".join(map(str, columns)))[:200] for columns in (there, here)]
            raise DataError(f"validation {name}: its columns are {shown[0]}, those of {name} {shown[1]}.")
    return Arrays(*pair(validation[0], validation[1], "validation "))
