"""The compiled engine: many training steps in one call of compiled code.

Parameters, gradients, the optimizer's state, the order of the examples and the
counters stay where the Trainer has them; this engine owns scratch memory only.
"""

from __future__ import annotations

import copy
import time
from typing import Any

import numpy as np
from numba import types

from minidl.compiled.cache import Notify, compiled
from minidl.compiled.choice import training_obstacle, uneven_obstacle
from minidl.compiled.emit.waiting import flags_for
from minidl.compiled.examples import Examples, TargetWeights, examples, with_counts
from minidl.compiled.gate import check_fit, own, target_sizes
from minidl.compiled.generated import train_function
from minidl.compiled.kernel import kernel_of, silent
from minidl.compiled.layout import layout_of
from minidl.compiled.masks import Masks
from minidl.compiled.plan import lanes_for, threads_for, zeros
from minidl.compiled.states import States
from minidl.compiled.together import together
from minidl.core.arguments import Configurable
from minidl.core.errors import ConfigError
from minidl.core.layer import Array, Context, Layer, n_parameters, parts
from minidl.core.text import counted
from minidl.optimizers import Segments
from minidl.training import Advanced, Source
from minidl.training.diagnosis import numerical_error
from minidl.training.engine import Order
from minidl.training.outputs import prepared
from minidl.training.sources import gathered
from minidl.training.threads import usable_processors
from minidl.training.truncated import StreamWindows, checked_state, next_steps

# Whether training should stop is asked this often, in seconds.
CALL_SECONDS = 0.05


class CompiledEngine:
    """Takes a Trainer's steps in compiled code; see `minidl.training.Engine`.

    Parameters
    ----------
    notify : gets a line when the compiler runs.
    """

    name = "compiled"

    def __init__(self, notify: Notify = silent) -> None:
        self.notify = notify
        self._compiled_for: tuple[Any, ...] = ()
        self._held: list[Any] = []
        self._programs: dict[tuple[Any, ...], _Program] = {}
        self._steps_a_call = 1

    def __getstate__(self) -> dict[str, Any]:
        # Machine code with its memory: a copy compiles, or finds, its own.
        return {**vars(self), "_programs": {}, "_compiled_for": (), "_held": []}

    def advance(self, trainer: Advanced, train: Source, order: Order, position: int, total: float) -> tuple[int, float]:
        """As many steps as fit into `CALL_SECONDS`; see `Engine`.

        Raises
        ------
        ConfigError
            There are no kernels for this training.
        ShapeError
            Inputs, targets and parameters do not fit each other; nothing was changed.
        """
        most, left = trainer.settings.batch_size, order[position:]
        indices, batch = next_steps(train, left, most, self._steps_a_call)
        part = with_counts(examples(train, indices, batch, trainer.loss.labels), trainer.loss)
        program = self._program(trainer, part, min(most, len(train)))
        if isinstance(train, StreamWindows):
            program.states.write(train.start(indices[:batch], trainer.carried))
        started = time.perf_counter()
        done, total, loss, trouble = program.run(trainer, part, batch, total)
        seconds = time.perf_counter() - started
        trainer.step += -(-done // batch)
        if isinstance(train, StreamWindows):
            trainer.carried = program.states.read(batch)
        if trouble:
            self._report(trainer, train, left[done : done + batch], loss, trouble)
        if isinstance(train, StreamWindows):
            trainer.step -= 1  # the one that ended with them
            checked_state(trainer.carried, trainer.where(), loss)
            trainer.step += 1
        self._steps_a_call = max(1, min(2 * self._steps_a_call, int(done / batch * CALL_SECONDS / max(seconds, 1e-9))))
        return position + done, total

    def _report(self, trainer: Advanced, train: Source, indices: Order, loss: float, trouble: int) -> None:
        batch = prepared(gathered(train, indices), trainer.model)[0] if trouble == 1 else None
        if batch is not None:
            trainer.model.forward(batch.x, Context(lengths=batch.lengths))  # may refuse what stands there
        state = trainer.state if trouble == 2 else None
        where, flat, start = trainer.where(), trainer.parameters, trainer.carried
        raise numerical_error(where, trainer.model, flat, loss, batch, state, indices=indices, start=start)

    def _program(self, trainer: Advanced, part: Examples, batch: int) -> _Program:
        taken = _arguments(trainer.model), _arguments(trainer.loss), _arguments(trainer.optimizer)
        if taken != self._compiled_for:  # another training, or something was changed in between
            reason = training_obstacle(trainer)
            if reason is not None:
                raise ConfigError(f"the compiled engine cannot take this training: {reason}.")
            self._compiled_for, self._programs = taken, {}
            # While they live, no other object can have their identity.
            self._held = [*parts(trainer.model), trainer.loss, trainer.optimizer]
        threads = self._threads(trainer.settings.threads, batch, trainer.parameters.values.dtype)
        key = part.window, batch, part.lengths is not None, part.weights is not None, threads, part.goes_on is not None
        if key not in self._programs:
            reason = uneven_obstacle(trainer.model, trainer.loss, lengths=key[2], weights=key[3])
            if reason is not None:
                raise ConfigError(f"the compiled engine cannot take these examples: {reason}.")
            self._programs[key] = _Program(trainer, part, batch, threads, self.notify)
        return self._programs[key]

    def _threads(self, wanted: int, batch: int, dtype: Any) -> int:
        """Threads that take a batch; their number decides about the last bits, so the machine's processors do not."""
        if not self._programs and wanted > 1:
            threads, processors = threads_for(wanted, batch, dtype), usable_processors()
            if threads < wanted:
                self.notify(f"a batch of {batch} is too small for {wanted} threads: {counted(threads, 'thread')}")
            if threads > processors:
                self.notify(f"{threads} threads share {counted(processors, 'processor')}: fewer would be faster")
        return threads_for(wanted, batch, dtype)


def _arguments(item: Any) -> tuple[Any, ...]:
    """What decides which code a layer, loss or optimizer needs: who it is, and its arguments but the learning rate."""
    found: list[Any] = [id(item)]
    if isinstance(item, Layer):
        found += [_arguments(child) for child in item.children().values()]
    for name, value in vars(item).items():
        if name in ("params", "learning_rate") or name.startswith("_"):
            continue
        for part in value if isinstance(value, list) else [value]:
            plain = part is None or isinstance(part, (str, int, float))  # another may stand where one stood before
            found.append(_arguments(part) if isinstance(part, Configurable) else part if plain else id(part))
    return tuple(found)


class _Program:
    """The compiled function of one stack, with its memory for one window shape, batch size and number of threads."""

    def __init__(self, trainer: Advanced, part: Examples, batch: int, threads: int, notify: Notify) -> None:
        values = trainer.parameters.values
        optimizer = kernel_of(trainer.optimizer)
        self.numbers, state = optimizer.numbers, optimizer.state(trainer.optimizer)
        fresh = trainer.segments.start(trainer.optimizer, values)
        self.segments, self.frozen = _places(trainer.segments, state)
        self.state = {name: (fresh[name].dtype, fresh[name].size) for name in state}
        lanes, ragged = lanes_for(-(-batch // threads), values.dtype), part.lengths is not None
        self.layout = layout_of(trainer.model, part.window, lanes, values.dtype, ragged=ragged)
        target, loss, several = target_sizes(self.layout, trainer.loss), kernel_of(trainer.loss), threads > 1
        source = train_function(
            trainer.model, self.layout, target, loss, optimizer, len(state), uneven=part.uneven, several=several,
            carried=part.goes_on is not None,
        )  # fmt: skip
        # Each thread writes to its own.
        self.work = [zeros(source.work, values.dtype) for _ in range(threads)]
        self.states = States(trainer.model, self.layout, source.scratch, self.work)
        self.sizes = [np.array(source.sizes, np.int64) for _ in range(threads)]
        self.n_parameters = n_parameters(trainer.model)
        self.grads = np.zeros((threads - 1, self.n_parameters), values.dtype)
        number = types.float32 if values.dtype == np.float32 else types.float64
        kinds = [_array_type(dtype) for dtype, _ in self.state.values()]
        drawn = [step.mask for step in self.layout.steps if step.mask is not None]
        self.masks = Masks(drawn, batch, values.dtype, threads)
        signature = _signature(
            number, kinds, masks=bool(drawn), uneven=part.uneven, carried=part.goes_on is not None, several=several
        )
        self.function = compiled(source, signature, notify)

    def run(self, trainer: Advanced, part: Examples, batch: int, total: float) -> tuple[int, float, float, int]:
        """Steps over all of these examples; (examples done, total, last loss, what was not finite)."""
        dtype, settings = self.grads.dtype, trainer.settings
        check_fit(part, self.layout, trainer.loss, batch)
        flat, n, average = trainer.parameters, self.n_parameters, trainer.average
        limits = settings.clip_norm, settings.clip_value
        first = (
            part.inputs.astype(dtype, copy=False),
            part.targets.astype(dtype, copy=False),
            part.starts.astype(np.int64, copy=False),
            part.target_starts.astype(np.int64, copy=False),
            part.target_step,
            batch,
            np.array([*(np.inf if limit is None else limit for limit in limits), 1 - (settings.moving_average or 0)]),
            total,
            self._numbers(trainer, -(-len(part.starts) // batch)),
            self.segments,
            self.frozen,
            np.zeros(0, dtype) if average is None else own(average.values, dtype, n, "the moving average"),
            own(flat.values, dtype, n, "parameters"),
        )
        more = (
            *(_uneven(part, self.layout.output_shape) if part.uneven else ()),
            *(() if part.goes_on is None else (part.goes_on.astype(np.int64),)),
            *(own(trainer.state.get(name), *expected, name) for name, expected in self.state.items()),
        )
        grads = own(flat.grads, dtype, n, "gradients")
        self.masks.begin(trainer.streams.layers)
        of_threads = [
            (own_grads, work, sizes, *self.masks.arguments(thread, part.lengths, batch))
            for thread, (own_grads, work, sizes) in enumerate(
                zip([grads, *self.grads], self.work, self.sizes, strict=True)
            )
        ]
        if len(of_threads) == 1:
            done, total, loss, trouble = self.function(*first, *of_threads[0], *more)
        else:
            done, total, loss, trouble = self._together(first, of_threads, more)
        self.masks.end(trainer.streams.layers)
        return done, total, loss, trouble

    def _numbers(self, trainer: Advanced, n_steps: int) -> Array:
        """The optimizer's numbers at each of the next steps, a row for each segment."""
        rates, columns = trainer.learning_rates(trainer.step, n_steps), []
        for segment in trainer.segments.trained:
            optimizer: Any = segment.optimizer(copy.copy(trainer.optimizer), 1.0)
            optimizer.learning_rate = rates * segment.learning_rate_factor
            columns.append(np.stack([np.full(n_steps, number, float) for number in self.numbers(optimizer)], axis=-1))
        return np.stack(columns, axis=1)

    def _together(self, first: tuple[Any, ...], of_threads: list[tuple[Any, ...]], more: tuple[Any, ...]) -> Any:
        threads = len(self.work)
        losses, flags = np.zeros(threads), flags_for(threads)
        arguments = [
            (*first, *own_arrays, *more, thread, threads, losses, self.grads, flags)
            for thread, own_arrays in enumerate(of_threads)
        ]
        return together(self.function, arguments, flags)


def _places(segments: Segments, state: tuple[str, ...]) -> tuple[Array, Array]:
    """Where each segment and its part of each array begin, with their lengths; and where what is frozen is."""
    trained = []
    for segment, where in segments.places():
        ranges = [slice(segment.start, segment.stop), *(where[name] for name in state)]
        trained.append([number for part in ranges for number in (part.start, part.stop - part.start)])
    frozen = [[segment.start, segment.stop - segment.start] for segment in segments.frozen]
    return np.array(trained, np.int64), np.array(frozen, np.int64).reshape(-1, 2)


def _array_type(dtype: Any) -> Any:
    return types.Array(types.float32 if dtype == np.float32 else types.float64, 1, "C")


def _uneven(part: Examples, output: tuple[int, ...]) -> tuple[Any, ...]:
    """Lengths, weights, their places and how far apart they are; where there are none, all are whole and count 1."""
    n, time = len(part.starts), part.window[0] if len(part.window) == 2 else 1
    lengths = np.full(n, time) if part.lengths is None else part.lengths
    weights = part.weights or TargetWeights(np.ones(1), np.zeros(n, np.int64), ())
    steps = np.array(weights.steps(output), np.int64)
    return lengths.astype(np.int64, copy=False), weights.values, weights.starts, steps


def _signature(
    number: Any, state: list[Any], *, masks: bool, uneven: bool, carried: bool, several: bool
) -> tuple[Any, ...]:
    read = types.Array(number, 1, "C", readonly=True)
    write = types.Array(number, 1, "C")
    places = types.Array(types.int64, 1, "C")
    doubles = types.Array(types.float64, 1, "C")
    rows, ranges = types.Array(types.float64, 3, "C"), types.Array(types.int64, 2, "C")
    first = read, read, places, places, types.int64, types.int64, doubles, types.float64, rows, ranges, ranges
    drawn = (types.Array(number, 2, "C"), types.Array(types.uint64, 1, "C"), places, doubles) if masks else ()
    more = (places, types.Array(types.float64, 1, "C", readonly=True), places, places) if uneven else ()
    going_on = (places,) if carried else ()
    threads = (types.int64, types.int64, doubles, types.Array(number, 2, "C"), places) if several else ()
    return *first, write, write, write, write, places, *drawn, *more, *going_on, *state, *threads
