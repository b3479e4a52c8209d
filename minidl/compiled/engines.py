"""The engine for a training and the predictor for a model, which import numba only where compiled code runs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minidl.compiled.choice import EngineName, drawback, line, model_obstacle, source_obstacle, training_obstacle
from minidl.compiled.kernel import silent
from minidl.compiled.prediction import NumpyPredictor, Predictor
from minidl.core.importing import importing
from minidl.core.layer import Layer
from minidl.training import Engine, NumpyEngine, Source, Trainer, Training
from minidl.training.sources import longest
from minidl.training.truncated import whole_series


def choose_engine(
    trainer: Trainer, engine: EngineName, train: Source, notify: Callable[[str], None]
) -> tuple[Engine, str]:
    """The engine for a training, and the line of `explain` about it.

    Parameters
    ----------
    train : the training examples.
    notify : gets a line when something takes time or cannot be kept.
    """
    said = engine_line(trainer, engine, train)
    if said != "compiled":
        return NumpyEngine(), said
    with importing():
        from minidl.compiled.engine import CompiledEngine

    return CompiledEngine(notify), said


def engine_line(trainer: Trainer, engine: EngineName, train: Source) -> str:
    """The line of `explain` for a training on these examples; numba is not imported."""
    settings = trainer.settings
    return line(
        engine,
        lambda: training_obstacle(trainer) or source_obstacle(train, trainer.model, trainer.loss),
        lambda: drawback(trainer.model, settings.epochs * time_steps(train, settings), settings),
    )


def time_steps(train: Source, settings: Training) -> float:
    """Of all training steps of an epoch together."""
    if settings.bptt_steps is not None:
        series = whole_series(train)
        return len(series) * longest(series) / settings.batch_size
    return -(-len(train) // settings.batch_size) * longest(train)


def predictor(model: Layer, notify: Callable[[str], None] = silent) -> Predictor:
    """A predictor with the model's present weights.

    Parameters
    ----------
    model : built, usually trained. One thread at a time may use the predictor;
        give each thread its own.
    notify : gets a line when the compiler runs.
    """
    dtype = next((value.dtype for value in model.params.values()), np.dtype("float32"))
    reason = model_obstacle(model, dtype) or ("the model has no parameters" if not model.params else None)
    if reason is not None:
        return NumpyPredictor(model, f"numpy: {reason}")
    with importing():
        from minidl.compiled.compiled_predictor import CompiledPredictor

    return CompiledPredictor(model, notify)
