"""Forecasts from compiled code: one window in a few microseconds, many at once, or step by step."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numpy import ndarray

from minidl.compiled.cache import compiled
from minidl.compiled.choice import grows, ragged_obstacle
from minidl.compiled.emit.vectors import NARROW_BYTES
from minidl.compiled.generated import predict_function
from minidl.compiled.kernel import silent
from minidl.compiled.layout import layout_of
from minidl.compiled.plan import lanes_for, zeros
from minidl.compiled.prediction import NumpyPredictor, padded_lengths, windows
from minidl.compiled.states import States
from minidl.core.errors import ShapeError
from minidl.core.layer import Array, Context, Layer
from minidl.core.lengths import without_padding
from minidl.layers.streaming import check_causal, time_step

# Windows of a large batch that go through the stack together.
LANES = 128
# The window's type, the compiled function, three of its arguments, and what copies the output then.
_OneWindow = tuple[Any, Callable[..., None], Array, Array, Array, Callable[[], Array]]


class _Program:
    """The compiled function with its memory, for one window shape and number of lanes."""

    def __init__(
        self, model: Layer, params: Array, window: tuple[int, ...], batch: int, notify: Any, ragged: bool = False
    ) -> None:
        dtype = params.dtype
        # One window takes a single lane: vectors of units, rather than of copies of the window. They do not go on.
        self.lanes = 1 if batch == 1 and not grows(model) else lanes_for(batch, dtype, NARROW_BYTES)
        self.layout = layout_of(model, window, self.lanes, dtype, ragged=ragged)
        source = predict_function(model, self.layout)
        self.work = zeros(source.work, dtype)
        self.states = States(model, self.layout, source.scratch, [self.work])
        self.work[source.work - len(params) :] = params
        for at, step in zip(source.scratch, self.layout.steps, strict=True):
            if self.lanes == 1 and step.kernel.single:
                content = step.kernel.single.content(step.layer, step.x, step.y)
                self.work[at : at + len(content)] = content
        self.sizes = np.array(source.sizes, np.int64)
        self.inputs = np.zeros((batch, int(np.prod(window))), dtype)
        time, features, _ = self.layout.steps[-1].y
        self.outputs = np.zeros((batch, time * features), dtype)
        number = types.float32 if dtype == np.float32 else types.float64
        table, flat = types.Array(number, 2, "C"), types.Array(number, 1, "C")
        places = types.Array(types.int64, 1, "C")
        signature = table, table, types.boolean, types.boolean, flat, places, *([places, places] if ragged else [])
        self.function = compiled(source, signature, notify)
        self.window, self.output_shape = window, self.layout.output_shape
        self.refuses = any(step.kernel.refuses for step in self.layout.steps)

    def run(self, inputs: Array, outputs: Array, begin: bool, keep: bool, lengths: Array | None = None) -> None:
        more = () if lengths is None else (lengths, np.arange(len(inputs)) * inputs.shape[1])
        self.function(inputs, outputs, begin, keep, self.work, self.sizes, *more)

    def one_window(self) -> _OneWindow:
        """What forecasting one window takes, looked up once: looking up is a third of such a call's time."""
        # The machine code itself. numba's dispatcher would look at the arguments' types first, which are always these.
        (only,) = self.function.overloads.values()
        dtype, output = np.dtype(self.work.dtype.type), self.outputs[0].reshape(self.output_shape)
        return dtype, only.entry_point, self.outputs, self.work, self.sizes, output.copy


class CompiledPredictor:
    """``predict(x)`` for a window (time, features) or a batch (batch, time, features), as a new array.

    The weights are those of the moment it was made. One thread at a time may use it.

    Parameters
    ----------
    model : built; every layer has a kernel.
    notify : gets a line when the compiler runs.
    """

    engine = "compiled"

    def __init__(self, model: Layer, notify: Callable[[str], None] = silent) -> None:
        # A copy: what happens to the model later must not reach code that was made for it as it is now.
        self.model: Layer = copy.deepcopy(model)
        self.notify = notify
        self.params: Array = np.concatenate([value.reshape(-1) for value in self.model.params.values()])
        self._programs: dict[tuple[Any, ...], _Program] = {}
        self._windows: dict[tuple[int, ...], _OneWindow] = {}

    def __repr__(self) -> str:
        return f"CompiledPredictor({self.model!r})"

    def __getstate__(self) -> dict[str, Any]:
        # Machine code and memory that it looks into: a copy makes its own.
        return {**vars(self), "_programs": {}, "_windows": {}}

    def __call__(self, x: Any, lengths: Any = None) -> Array:
        """The model's output; the same as ``model(x)`` up to rounding.

        `lengths` are those of the sequences of a batch; see `Predictor`.

        Raises
        ------
        ShapeError, DataError
            `x` is not what the model can take; see `minidl.compiled.gate.windows`.
        """
        if lengths is not None:
            return self._ragged(windows(x), lengths)
        found = self._windows.get(x.shape) if type(x) is ndarray else None
        if found is None:
            return self._batch_or_new_window(windows(x))
        dtype, function, outputs, work, sizes, output = found
        if x.dtype is not dtype or not x.flags.carray:  # the machine code takes no others
            x = np.array(windows(x), dtype, order="C")
        function(x, outputs, True, False, work, sizes)
        return output()

    def _batch_or_new_window(self, x: Array) -> Array:
        if not x.size:  # refused by the layers, or no number is computed
            y = self.model.forward(x if x.ndim == 3 else x[None])[0]
            return np.array(y if x.ndim == 3 else y[0])
        if x.ndim == 3:
            return self._many(self._program(x.shape[1:], LANES), x)
        program = self._program(x.shape, 1)
        if program.refuses:
            one: Array = self._many(program, x[None])[0]
            return one
        self._windows[x.shape] = program.one_window()
        return self(x)

    def _ragged(self, x: Array, lengths: Any) -> Array:
        found, reason = padded_lengths(lengths, x), ragged_obstacle(self.model)
        if found is None:
            return self(x)
        if reason is not None:
            return NumpyPredictor(self.model, reason)(x, found)
        y = self._many(self._program(x.shape[1:], LANES, ragged=True), without_padding(x, found), found)
        return without_padding(y, self.model.output_lengths(found))

    def _many(self, program: _Program, x: Array, lengths: Array | None = None) -> Array:
        inputs = np.ascontiguousarray(x, self.params.dtype).reshape(len(x), -1)
        if not inputs.flags.writeable:  # the compiled function takes no others
            inputs = inputs.copy()
        outputs = np.empty((len(x), program.outputs.shape[1]), self.params.dtype)
        program.run(inputs, outputs, True, False, lengths)
        if program.refuses and np.isnan(outputs).any():
            NumpyPredictor(self.model, self.engine)(x, lengths)
        return outputs.reshape(len(x), *program.output_shape)

    def _program(self, window: tuple[int, ...], batch: int, ragged: bool = False) -> _Program:
        key = window, batch, ragged
        if key not in self._programs:
            self._programs[key] = _Program(self.model, self.params, window, batch, self.notify, ragged)
        return self._programs[key]

    def stream(self, state: Any = None, batch: int = 1) -> CompiledStream:
        """Feed the model one time step at a time; `batch` sequences side by side."""
        return CompiledStream(self, batch, state)


class CompiledStream:
    """As `minidl.layers.Stream`, compiled; a state of one can be given to the other."""

    def __init__(self, predictor: CompiledPredictor, batch: int, state: Any) -> None:
        check_causal(predictor.model)
        self.model: Layer = predictor.model
        self.batch = batch
        self._predictor = predictor
        self._program: _Program | None = None  # made in the first step, which has the number of features
        self._given, self._begins = state, True

    def __reduce__(self) -> Any:
        return CompiledStream, (self._predictor, self.batch, self.state)

    def __call__(self, x: Any) -> Array:
        """The output after one more step, as a new array; x (features,) or (batch, features).

        Raises
        ------
        ShapeError, DataError
            `x` is no step of so many sequences, or has other features.
        """
        x = time_step(x, self.batch)
        program, features = self._program, x.shape[-1]
        if program is None:
            of = self._predictor
            program = self._program = _Program(of.model, of.params, (1, features), self.batch, of.notify)
        if features != program.inputs.shape[1]:
            self._refuse(x)
        before = self.state if program.refuses else None
        if self._begins:
            self._load(program, self._given)
        program.inputs[...] = x
        program.run(program.inputs, program.outputs, False, True)
        self._begins = False
        if program.refuses and np.isnan(program.outputs).any():
            self.state = before
            self.model.forward(np.atleast_2d(x)[:, None])
        return program.outputs[0].copy() if x.ndim == 1 else program.outputs.copy()

    def _refuse(self, x: Array) -> None:
        """Raise what the layers say about a step that has not their number of features."""
        self.model.forward(np.atleast_2d(x)[:, None])
        raise ShapeError(f"stream: expected other features than {x.shape[-1]}, those of the steps before.")

    @property
    def state(self) -> Any:
        """As `Layer.final_state` gives it, nested tuples of (batch, features) arrays and None; None before a step."""
        if self._begins or self._program is None:
            return self._given
        return self._program.states.read(self.batch)

    @state.setter
    def state(self, state: Any) -> None:
        self._given, self._begins = state, True

    def _load(self, program: _Program, state: Any) -> None:
        """Write a state to its places; None, of a layer too: that before the first step."""
        step = np.zeros((self.batch, *program.window), program.work.dtype)
        if state is not None:  # what is no state of these layers, they refuse themselves
            self.model.forward(step, Context(state=state))
        program.states.clear()
        program.run(step[:, 0], program.outputs, True, False)  # has layers write where they start
        program.states.write(state)
