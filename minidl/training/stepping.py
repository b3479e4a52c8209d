"""One step of the NumPy engine: from a batch to new parameters."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from minidl.core.errors import ConfigError, NumericalError
from minidl.core.layer import Array, Context
from minidl.core.lengths import without_padding
from minidl.core.workspace import Workspace
from minidl.data.batch import Batch
from minidl.optimizers import Optimizer, State, clip_by_value, clip_global_norm
from minidl.training.diagnosis import numerical_error
from minidl.training.engine import Advanced
from minidl.training.flat import FlatParameters
from minidl.training.outputs import prepared
from minidl.training.truncated import checked_state


class StepBuffers:
    """What all steps of a Trainer share, made once: buffers of the layers, and views of what each segment updates."""

    def __init__(self, trainer: Advanced) -> None:
        flat, workspace = trainer.parameters, Workspace()
        flat.lend_gradients(workspace)
        self.ctx = Context(training=True, rng=trainer.streams.layers, workspace=workspace, input_gradient=False)
        self.updated = [
            (segment, flat.values[segment.start : segment.stop], flat.grads[segment.start : segment.stop], state)
            for segment, state in trainer.segments.states(trainer.state)
        ]


def take_step(trainer: Advanced, batch: Batch, buffers: StepBuffers) -> float:
    """Forward, loss, backward, clipping and one optimizer step on a batch; returns the loss before it."""
    flat, settings = trainer.parameters, trainer.settings
    batch, lengths = prepared(batch, trainer.model)
    start, truncated = trainer.carried, settings.bptt_steps is not None
    ctx = buffers.ctx if batch.lengths is None else replace(buffers.ctx, lengths=batch.lengths)
    y, cache = trainer.model.forward(batch.x, replace(ctx, state=start) if truncated else ctx)
    carried = trainer.model.final_state(cache) if truncated else None
    loss, dy = trainer.loss(without_padding(y, lengths), batch.target, batch.weight)
    _, grads = trainer.model.backward(dy, cache)
    flat.collect(grads)
    for segment in trainer.segments.frozen:
        flat.grads[segment.start : segment.stop] = 0
    value, norm = settings.clip_value, settings.clip_norm
    # Squares can overflow where the norm does not, and clipping makes it small.
    clipped = value is not None or norm is not None
    usable = _finite(flat.grads) or (clipped and bool(np.isfinite(flat.grads).all()))
    if not (math.isfinite(loss) and usable):
        where = trainer.where()
        raise numerical_error(where, trainer.model, flat, loss, batch, indices=trainer.batch, start=start)
    trainer.carried = checked_state(carried, trainer.where(), loss) if truncated else None
    if value is not None:
        clip_by_value(flat.grads, value)
    if norm is not None:
        clip_global_norm(flat.grads, norm)
    _update(trainer, flat, buffers, loss)
    if trainer.average is not None:
        trainer.average.follow(flat.values)
    trainer.step += 1
    return loss


def _update(trainer: Advanced, flat: FlatParameters, buffers: StepBuffers, loss: float) -> None:
    """The optimizer's step; what it remembers must stay finite too, or later steps would be 0 in silence."""
    rate = trainer.learning_rate(trainer.step)
    try:
        for segment, params, grads, state in buffers.updated:
            _in_place(segment.optimizer(trainer.optimizer, rate), params, grads, state)
    except NumericalError as err:
        raise numerical_error(trainer.where(), trainer.model, flat, loss, state=trainer.state) from err
    # tanh turns an infinite weight into a finite output: loss and gradient would not show it.
    if not all(_finite(array) or np.isfinite(array).all() for array in (flat.values, *trainer.state.values())):
        raise numerical_error(trainer.where(), trainer.model, flat, loss, state=trainer.state)


def _in_place(optimizer: Optimizer, params: Array, grads: Array, state: State) -> None:
    """An optimizer's `update`; arrays of its own instead of those that it was given would be in no checkpoint."""
    update: Callable[..., Any] = optimizer.update
    given = [*state.values()]
    found = update(params, grads, state)
    if found is not None or len(state) != len(given) or any(map(operator.is_not, state.values(), given)):
        raise ConfigError(
            f"{type(optimizer).__name__}: update must change params and the arrays of state in place, as in "
            "params -= ..., and give nothing"
        )


def _finite(array: Array) -> bool:
    """Whether the sum of squares is finite: no NaN, no Inf, and no norm that overflows. One call, no temporary."""
    return math.isfinite(np.vdot(array, array))
