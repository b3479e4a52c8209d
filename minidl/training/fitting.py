"""Training on arrays in one call."""

from __future__ import annotations

from typing import Any

from minidl.arguments import Seed, checked
from minidl.errors import ConfigError
from minidl.layer import Layer
from minidl.losses import Loss
from minidl.optimizers import Optimizer
from minidl.randomness import Streams
from minidl.training.loop import EpochRecord, Trainer
from minidl.training.settings import Training
from minidl.training.sources import Arrays, pair


def fit(
    model: Layer,
    x: Any,
    y: Any,
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int = 1,
    batch_size: int = 64,
    clip_norm: float | None = None,
    seed: int = 0,
    lengths: Any = None,
    weight: Any = None,
    validation: tuple[Any, Any] | Arrays | None = None,
) -> list[EpochRecord]:
    """Train a model on examples x (N, ...) and targets y (N, ...); a Trainer in one call.

    Parameters
    ----------
    model : if it was not built, it is built for x, in float32, from `seed`, as an
        Experiment with this seed builds it.
    x, y : arrays, or what turns into one: lists, pandas objects, tensors. Targets of
        a model with a single output may lack its axis: (N,) for (N, 1).
    lengths, weight : see `Arrays`.
    validation : a pair (x, y), or `Arrays`, that is scored after every epoch.

    Returns
    -------
    One EpochRecord an epoch.

    Raises
    ------
    ConfigError, DataError, ShapeError, NumericalError
        An argument does not fit, by its type, content, shape, or by NaN or infinity;
        the model's weights were not changed.
    """
    settings = Training(epochs=epochs, batch_size=batch_size, clip_norm=clip_norm)
    streams = Streams.from_seed(checked(seed, Seed, "fit: seed"))
    checked(model, Layer, "fit: model")
    train = Arrays(x, y, lengths, weight)
    held_out = None if validation is None else _held_out(validation)
    if not model.params:
        shape = train.x.shape[1:] if lengths is None else (None, *train.x.shape[2:])
        model.build(shape, streams.weights, "float32")
    trainer = Trainer(model, loss=loss, optimizer=optimizer, settings=settings, streams=streams)
    return trainer.run(train, held_out)


def _held_out(validation: Any) -> Arrays:
    if isinstance(validation, Arrays):
        return validation
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise ConfigError(f"fit: validation: expected a pair (x, y), got {type(validation).__name__}.")
    return Arrays(*pair(validation[0], validation[1], "validation "))
