"""What compiled code reads examples from: flat arrays, and the place of each example in them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from minidl.compiled.plan import flat
from minidl.core.arrays import plain_array, whole_array
from minidl.core.errors import ShapeError
from minidl.core.layer import Array
from minidl.core.lengths import check_lengths
from minidl.data import Batch, SequenceSet, Windows
from minidl.losses import Loss
from minidl.training import Arrays, Source
from minidl.training.engine import Order
from minidl.training.sources import gathered
from minidl.training.truncated import StreamWindows


@dataclass
class TargetWeights:
    """What targets count for: the weights of example i begin at ``starts[i]``, and have this shape.

    Parameters
    ----------
    step : how far apart the weights of two time steps are, where they are not as the shape says.
    """

    values: Array
    starts: Array
    shape: tuple[int, ...]
    step: int | None = None

    def steps(self, output: tuple[int, ...]) -> tuple[int, int]:
        """How far apart the weights of two time steps of an output of this shape are, and those of two numbers."""
        axes = [int(np.prod(self.shape[axis + 1 :])) for axis in range(len(self.shape))]
        time, number, *_ = [*[0] * (2 - len(output)), *axes, 0, 0]
        return time if self.step is None else self.step, number


@dataclass
class Examples:
    """Examples in flat arrays: example i begins at ``starts[i]``, its target at ``target_starts[i]``.

    The time steps of a target lie `target_step` values apart. `window` and `target` are
    the shapes of an input and of a target.

    Parameters
    ----------
    lengths : int64, the time steps that an example has; None: those of `window`.
    weights : None: all targets count alike.
    goes_on : for each step of so many examples as the first one has, whether it begins with the states that the step
        before ended with; None: they are no windows of long streams.
    """

    inputs: Array
    targets: Array
    starts: Array
    target_starts: Array
    target_step: int
    window: tuple[int, ...]
    target: tuple[int, ...]
    lengths: Array | None = None
    weights: TargetWeights | None = None
    goes_on: Array | None = None

    @property
    def uneven(self) -> bool:
        """Whether some targets count more than others, those in padding included."""
        return self.lengths is not None or self.weights is not None


def examples(source: Source, indices: Order, batch: int, labels: bool = False) -> Examples:
    """These examples of a source, or the first of them; those of the library's own sources are not copied.

    Windows that hold later rows are, for what stands there depends on the window. Any other source, one that derives
    from these included, is asked for one batch, as the NumPy engine asks: what it gives may depend on the batch. With
    `labels` the targets are whole numbers, one a sequence or one a time step.

    Raises
    ------
    ShapeError
        There are not as many targets as inputs, or lengths or weights are not those of such examples.
    DataError
        They are no numbers.
    """
    if type(source) is Windows and source.later is None:
        return _windows(source, indices)
    if type(source) is SequenceSet:
        return _sequences(source, indices, batch, labels)
    if type(source) is StreamWindows:
        return _stream_windows(source, indices, batch, labels)
    if type(source) is Arrays:
        given, places = Batch(source.x, source.y, source.lengths, source.weight), np.asarray(indices)
    else:
        given = gathered(source, indices if type(source) is Windows else indices[:batch])
        places = np.arange(len(given.x), dtype=np.int64)
    x, y = plain_array(given.x, "x"), (whole_array if labels else plain_array)(given.target, "y")
    if not x.ndim or not y.ndim or len(x) != len(y) or len(x) <= places.max(initial=-1):
        raise ShapeError(
            f"x has shape {x.shape}, y {y.shape}; expected one input and one target an example along the first axis."
        )
    lengths, window = None, x.shape[1:]
    if given.lengths is not None:
        if type(source) is not Arrays:  # whose lengths are in any order, and were looked at
            check_lengths(given.lengths, x.shape, "examples")
        if x.ndim != 3:
            raise ShapeError(f"x has shape {x.shape}; examples with lengths have (examples, time, features).")
        lengths, window = _of_one_window(given.lengths[places], batch, window)
        places = places[: len(lengths)]
    sizes = [int(np.prod(array.shape[1:])) for array in (x, y)]
    step = y.shape[-1] if y.ndim > 1 and not labels else 1
    starts = places * sizes[0], places * sizes[1]
    weights = None if given.weight is None else _weights(given.weight, places, len(x))
    return Examples(flat(x), flat(y), *starts, step, window, y.shape[1:], lengths, weights)


def with_counts(part: Examples, loss: Loss) -> Examples:
    """The examples with what their targets count for by themselves, if they do, beside their weights."""
    if loss.counts(part.targets[:0]) is None:
        return part
    features = 1 if loss.labels or not part.target else part.target[-1]
    timed = len(part.target) == (1 if loss.labels else 2)
    n, time = len(part.starts), 1
    held = np.zeros((n, 1), np.int64)
    if timed:
        time = part.target[0] if part.lengths is None else part.window[0]
        last = time - 1 if part.lengths is None else part.lengths[:, None] - 1
        held = held + np.minimum(np.arange(time), last)
    # Places that are not in the arrays are refused by the gate.
    numbers = np.arange(features)
    places = (part.target_starts[:, None] + part.target_step * held)[..., None] + numbers
    values = loss.counts(np.take(part.targets, places, mode="clip"))
    if part.weights is not None:
        apart = part.weights.steps((time, features) if timed else (features,))
        places = (part.weights.starts[:, None] + apart[0] * held)[..., None] + apart[1] * numbers
        values = values * np.take(part.weights.values, places, mode="clip")
    shape = (*([time] if timed else []), *([] if loss.labels else [features]))
    weights = TargetWeights(flat(np.ascontiguousarray(values)), np.arange(n) * (time * features), shape)
    return replace(part, weights=weights)


def _windows(source: Windows, indices: Order) -> Examples:
    n_features, rows = source.values.shape[1], source.starts[indices]
    values = plain_array(source.values, "values")
    a_row = source.n_targets
    places = (rows + (1 if source.every_step else source.time_steps)) * a_row
    target = (source.time_steps, source.leads * a_row) if source.every_step else (source.leads * a_row,)
    window = source.time_steps, n_features
    weights = None
    if source.uneven:  # they overlap as the labels do
        weights = TargetWeights(source.weights.astype(np.float64), places, target, a_row if source.every_step else None)
    return Examples(flat(values), source.column, rows * n_features, places, a_row, window, target, None, weights)


def _sequences(source: SequenceSet, indices: Order, batch: int, labels: bool) -> Examples:
    n_features, time = source.values.shape[1], source.time_steps
    lengths: Array | None = None
    window: tuple[int, ...] = time, n_features
    if source.ragged:
        lengths, window = _of_one_window(source.lengths[indices], batch, window)
        indices = indices[: len(lengths)]
    values = flat(plain_array(source.values, "values"))
    target = (whole_array if labels else plain_array)(source.target, "y")
    rows, size = source.starts[indices], int(np.prod(target.shape[1:]))
    places = (rows if source.every_step else indices) * size
    shape = (time, *target.shape[1:]) if source.every_step else target.shape[1:]
    weights = None if source.weight is None else _weights(source.weight, indices, len(source))
    return Examples(values, flat(target), rows * n_features, places, size, window, shape, lengths, weights)


def _stream_windows(source: StreamWindows, indices: Order, batch: int, labels: bool) -> Examples:
    given, (k, of) = source.streams, np.divmod(indices, len(source.lengths))
    x, y = plain_array(given.x, "x"), (whole_array if labels else plain_array)(given.target, "y")
    first, steps = k * source.time_steps, x.shape[1]
    lengths, window = np.minimum(source.lengths[of] - first, source.time_steps), x.shape[2:]
    if given.lengths is None:
        alike = int(np.argmin(np.append(lengths == lengths[0], False)))
        lengths, window = lengths[:alike], (int(lengths[0]), *window)
    else:
        lengths, window = _of_one_window(lengths, batch, (0, *window))
    n = len(lengths)
    rows, size = (of * steps + first)[:n], int(np.prod(y.shape[2:]))
    weights = None
    if given.weight is not None:
        values = plain_array(given.weight, "weight").astype(np.float64, copy=False)
        apart = values.ndim > 1
        weights = TargetWeights(flat(values), rows if apart else of[:n], window[:1] if apart else ())
    return Examples(
        flat(x), flat(y), rows * x.shape[2], rows * size, size, window, (window[0], *y.shape[2:]),
        None if given.lengths is None else lengths, weights, source.goes_on(indices[:n:batch]),
    )  # fmt: skip


def _of_one_window(lengths: Array, batch: int, window: tuple[int, ...]) -> tuple[Array, tuple[int, ...]]:
    """The lengths of the first batches whose longest sequences go into one window, and that window.

    A window has a quarter more time steps than it needs at most: so there are few of them, for
    each of which there is a program, and little padding.
    """
    longest = np.maximum.reduceat(lengths, np.arange(0, len(lengths), batch))
    grain = np.maximum(1, 2 ** (np.ceil(np.log2(longest)) - 3)).astype(np.int64)
    time = -(-longest // grain) * grain
    alike = int(np.argmin(np.append(time == time[0], False)))
    return lengths[: alike * batch], (int(time[0]), *window[1:])


def _weights(given: Array, places: Array, n: int) -> TargetWeights:
    weight = plain_array(given, "weight").astype(np.float64, copy=False)
    if not 1 <= weight.ndim <= 3 or len(weight) != n:
        raise ShapeError(f"weight has shape {weight.shape}; expected one for each of {n:,} examples.")
    return TargetWeights(flat(weight), places * int(np.prod(weight.shape[1:])), weight.shape[1:])
