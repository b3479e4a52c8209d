"""The compiled engine: many training steps in one call of compiled code.

Parameters, gradients, the optimizer's state, the order of the examples and the
counters stay where the Trainer has them; this engine owns scratch memory only.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types

from minidl.compiled.cache import Notify, compiled
from minidl.compiled.kernel import kernel_of, silent
from minidl.compiled.plan import flat, lanes_for, steps_of
from minidl.compiled.source import train_source
from minidl.data import Windows
from minidl.layer import Array
from minidl.training import Arrays
from minidl.training.diagnosis import numerical_error

if TYPE_CHECKING:
    from minidl.training import Source, Trainer
    from minidl.training.engine import Order

# Whether training should stop is asked this often, in seconds.
CALL_SECONDS = 0.05
# Examples of a source that can only be gathered, at a time.
GATHERED = 4096


@dataclass
class Examples:
    """Examples in flat arrays: example i begins at ``starts[i]``, its target at ``target_starts[i]``.

    The time steps of a target lie `target_step` values apart.
    """

    inputs: Array
    targets: Array
    starts: Array
    target_starts: Array
    target_step: int
    window: tuple[int, ...]


def examples(source: Source, indices: Order) -> Examples:
    """These examples of a source; those of `Windows` and of `Arrays` are not copied."""
    if not isinstance(source, Windows):
        if isinstance(source, Arrays):
            x, y, places = source.x, source.y, indices
        else:
            x, y = source.gather(indices)
            places = np.arange(len(x), dtype=np.int64)
        step = y.shape[-1]
        return Examples(flat(x), flat(y), places * x[0].size, places * y[0].size, step, x.shape[1:])
    n_features = source.values.shape[1]
    rows = source.starts[indices]
    labels = rows + (1 if source.every_step else source.time_steps)
    values = source.values.reshape(-1)
    window = source.time_steps, n_features
    return Examples(values, values, rows * n_features, labels * n_features + source.target_index, n_features, window)


class CompiledEngine:
    """Takes a Trainer's steps in compiled code; see `minidl.training.Engine`.

    Parameters
    ----------
    notify : gets a line when the compiler runs.
    """

    def __init__(self, notify: Notify = silent) -> None:
        self.notify = notify
        self._compiled_for: tuple[Any, ...] = (None, None, None)
        self._programs: dict[tuple[Any, ...], _Program] = {}
        self._steps_a_call = 1

    def __getstate__(self) -> dict[str, Any]:
        # Machine code with its memory: a copy compiles, or finds, its own.
        return {**vars(self), "_programs": {}}

    def advance(self, trainer: Trainer, train: Source, order: Order, position: int, total: float) -> tuple[int, float]:
        """As many steps as fit into `CALL_SECONDS`; see `Engine`."""
        batch = trainer.settings.batch_size
        count = self._steps_a_call * batch
        if not isinstance(train, (Windows, Arrays)):
            count = min(count, max(batch, GATHERED // batch * batch))
        part = examples(train, order[position : position + count])
        program = self._program(trainer, part, min(batch, len(train)))
        started = time.perf_counter()
        done, total, loss, trouble = program.run(trainer, part, total)
        seconds = time.perf_counter() - started
        trainer.step += -(-done // batch)
        if trouble:
            self._report(trainer, train, order[position + done : position + done + batch], loss, trouble)
        self._steps_a_call = max(1, min(2 * self._steps_a_call, int(done / batch * CALL_SECONDS / max(seconds, 1e-9))))
        return position + done, total

    def _report(self, trainer: Trainer, train: Source, indices: Order, loss: float, trouble: int) -> None:
        found = train.gather(indices) if trouble == 1 else (None, None)
        raise numerical_error(trainer.where(), trainer.model, trainer.parameters, loss, *found)

    def _program(self, trainer: Trainer, part: Examples, batch: int) -> _Program:
        taken = trainer.model, trainer.loss, trainer.optimizer
        if any(a is not b for a, b in zip(taken, self._compiled_for, strict=True)):
            self._compiled_for, self._programs = taken, {}  # the engine of another training before
        key = part.window, batch
        if key not in self._programs:
            self._programs[key] = _Program(trainer, part.window, batch, self.notify)
        return self._programs[key]


class _Program:
    """The compiled function of one stack, with its memory for one window shape and batch size."""

    def __init__(self, trainer: Trainer, window: tuple[int, ...], batch: int, notify: Notify) -> None:
        values = trainer.parameters.values
        optimizer = kernel_of(trainer.optimizer)
        self.numbers, self.state = optimizer.numbers, optimizer.state(trainer.optimizer)
        steps = steps_of(trainer.model, window, lanes_for(batch, values.dtype), values.dtype)
        source = train_source(trainer.model, steps, kernel_of(trainer.loss), optimizer, len(self.state))
        self.work = np.zeros(source.work, values.dtype)
        self.sizes = np.array(source.sizes, np.int64)
        number = types.float32 if values.dtype == np.float32 else types.float64
        kinds = [_array_type(trainer.state[name].dtype) for name in self.state]
        self.function = compiled(source, _signature(number, kinds), notify)

    def run(self, trainer: Trainer, part: Examples, total: float) -> tuple[int, float, float, int]:
        """Steps over all of these examples; (examples done, total, last loss, what was not finite)."""
        dtype, clip = self.work.dtype, trainer.settings.clip_norm
        done, total, loss, trouble = self.function(
            part.inputs.astype(dtype, copy=False),
            part.targets.astype(dtype, copy=False),
            part.starts.astype(np.int64, copy=False),
            part.target_starts.astype(np.int64, copy=False),
            part.target_step,
            trainer.settings.batch_size,
            np.array([np.inf if clip is None else clip]),
            total,
            np.array(self.numbers(trainer.optimizer), float),
            trainer.parameters.values,
            trainer.parameters.grads,
            self.work,
            self.sizes,
            *(trainer.state[name] for name in self.state),
        )
        return done, total, loss, trouble


def _array_type(dtype: Any) -> Any:
    return types.Array(types.float32 if dtype == np.float32 else types.float64, 1, "C")


def _signature(number: Any, state: list[Any]) -> tuple[Any, ...]:
    read = types.Array(number, 1, "C", readonly=True)
    write = types.Array(number, 1, "C")
    places = types.Array(types.int64, 1, "C")
    doubles = types.Array(types.float64, 1, "C")
    first = read, read, places, places, types.int64, types.int64
    return *first, doubles, types.float64, doubles, write, write, write, places, *state
