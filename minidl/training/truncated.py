"""Truncated backpropagation through time: long streams side by side, a window of them a step.

A step takes the next `Training.bptt_steps` time steps of all streams and starts from the states
that the step before ended with; no gradient goes back through these. At the start of a stream a
model starts as it always does. See Williams and Peng (1990), Neural Computation 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.errors import ConfigError, NumericalError, ShapeError
from minidl.core.layer import Array, Layer, Shape
from minidl.core.walk import config_path, walk_shapes
from minidl.data.batch import Batch
from minidl.data.windows import Windows
from minidl.losses import Loss
from minidl.training.settings import Training
from minidl.training.sources import Arrays, Source, check_source, fitted, gathered

Ints = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class StreamWindows:
    """The windows of all streams. Window k of stream s has the number k · streams + s.

    Parameters
    ----------
    streams : x (S, L, F) and what belongs to it, the longest stream first; shared, never written to.
    time_steps : of a window; the last one of a stream has what is left.
    """

    streams: Batch
    time_steps: int

    @property
    def lengths(self) -> Ints:
        """int64 (S,), of the streams."""
        S, L = self.streams.x.shape[:2]
        return np.full(S, L) if self.streams.lengths is None else self.streams.lengths

    def __len__(self) -> int:
        return int((-(-self.lengths // self.time_steps)).sum())

    def gather(self, indices: Any) -> Batch:
        """These windows, which have the same k."""
        k, of = int(indices[0]) // len(self.lengths), indices % len(self.lengths)
        start = k * self.time_steps
        lengths = np.minimum(self.lengths[of] - start, self.time_steps)
        rows, weight = slice(start, start + int(lengths[0])), self.streams.weight
        if weight is not None:
            weight = weight[of] if weight.ndim == 1 else weight[of, rows]
        ragged = lengths if lengths[-1] < lengths[0] else None
        return Batch(self.streams.x[of, rows], self.streams.target[of, rows], ragged, weight)

    def order(self, streams: Ints, batch_size: int) -> Ints:
        """The windows of an epoch: of each `batch_size` of these streams the first ones, then the second ones, ..."""
        found, n = [], -(-self.lengths // self.time_steps)
        for start in range(0, len(streams), batch_size):
            of = np.sort(streams[start : start + batch_size])  # the longest first
            found += [k * len(n) + of[n[of] > k] for k in range(n[of[0]])]
        return np.concatenate(found)

    def steps(self, order: Ints, batch_size: int, most: int) -> list[int]:
        """How many windows the next steps have, so many steps at most."""
        k = order[: most * batch_size] // len(self.lengths)
        begins, sizes = [0, *(np.flatnonzero(np.diff(k)) + 1)], list[int]()
        for run in np.diff([*begins, len(k)]).tolist():
            sizes += [min(batch_size, run - first) for first in range(0, run, batch_size)]
        # What was cut off may belong to the last one.
        return (sizes if len(k) == len(order) or len(sizes) == 1 else sizes[:-1])[:most]

    def start(self, windows: Ints, carried: Any) -> Any:
        """The states that the step of these windows starts from; None: it is the first one of streams.

        Raises
        ------
        ConfigError
            There are no such states.
        """
        if not self.goes_on(windows[0]):
            return None
        n = len(windows)
        if carried is None or any(len(array) < n for array in packed(carried)[1].values()):
            raise ConfigError(
                "training: this epoch was begun with another batch_size or bptt_steps; "
                "they can change between two epochs only."
            )
        return _map(carried, lambda array: array[:n])

    def goes_on(self, windows: Any) -> Any:
        """Whether windows are not the first ones of their streams."""
        return windows >= len(self.lengths)


def next_steps(source: Source, order: Ints, batch_size: int, most: int) -> tuple[Ints, int]:
    """The examples of the next steps, so many at most, that have equally many examples each; and how many.

    At the end of an epoch the last of them may have fewer, where they are no streams.
    """
    if not isinstance(source, StreamWindows):
        return order[: most * batch_size], batch_size
    first, *others = source.steps(order, batch_size, most)
    alike = next((i for i, n in enumerate(others) if n != first), len(others))
    return order[: (1 + alike) * first], first


def training_source(source: Source, model: Layer, loss: Loss, settings: Training) -> Source:
    """The source as the training takes it, looked at before the first step (see `fitted`): its examples, or streams.

    Raises
    ------
    ConfigError, DataError, ShapeError, NumericalError
        Examples, model and settings do not go together.
    """
    if settings.bptt_steps is None:
        return fitted(source, model, loss)
    series = whole_series(source)
    check_every_step(model, series.x.shape[1:])
    fit: Any = fitted(series, model, loss)
    return cut(fit, settings)


def whole_series(source: Source) -> Arrays:
    """The long series of a source: that which its windows were cut from, or else its examples.

    Raises
    ------
    DataError, ShapeError
        There is not a target at every step, or the windows were not cut from one stretch of a series.
    """
    check_source(source, "examples")
    if isinstance(source, Windows):
        batch = source.series()
    else:
        batch = gathered(source, slice(None))
    x, y = batch.x, batch.target
    if x.ndim != 3 or y.shape[:2] != x.shape[:2]:
        raise ShapeError(
            f"training.bptt_steps needs sequences (examples, time, features) with a target at every step; "
            f"got x of shape {x.shape} and targets of shape {y.shape}."
        )
    return source if isinstance(source, Arrays) else Arrays(x, y, batch.lengths, batch.weight)


def cut(series: Arrays, settings: Training) -> StreamWindows:
    """`batch_size` streams: where there are fewer series, each is cut into equally many of equal length.

    What a series has over is left out at its beginning.

    Raises
    ------
    ConfigError
        Streams would be shorter than a window.
    """
    steps = settings.bptt_steps or 1
    batch, pieces = series.gather(slice(None)), max(1, settings.batch_size // len(series))
    if pieces == 1:
        return StreamWindows(batch, steps)
    S, L = batch.x.shape[:2]
    lengths = np.full(S, L) if batch.lengths is None else batch.lengths
    each = lengths // pieces
    if each.min() < steps:
        raise ConfigError(
            f"training: {pieces} streams of a series of {lengths.min():,} rows have {each.min():,} rows each, fewer "
            f"than bptt_steps, {steps:,}; lower batch_size, the number of streams, or bptt_steps."
        )
    starts = (lengths % pieces)[:, None] + np.arange(pieces) * each[:, None]
    rows = np.minimum(starts.reshape(-1, 1) + np.arange(each[0]), L - 1)
    of, weight = np.repeat(np.arange(S), pieces), batch.weight
    if weight is not None:
        weight = weight[of] if weight.ndim == 1 else weight[of[:, None], rows]
    x, target = (array[of[:, None], rows] for array in (batch.x, batch.target))
    return StreamWindows(Batch(x, target, None if batch.lengths is None else each[of], weight), steps)


def check_every_step(model: Layer, input_shape: Shape) -> None:
    """Refuse a model that does not put out something at every step, or looks at later ones.

    Raises
    ------
    ShapeError
        With the place of the layer.
    """
    for path, layer, shape in walk_shapes(model, input_shape):
        leaf, name = not layer.children(), f"{type(layer).__name__} {path}".rstrip()
        if leaf and len(shape) == 2 and len(layer.output_shape(shape)) == 1:
            what = "leaves no output at every step, where training.bptt_steps learns"
        elif not layer.causal:
            what = "looks at later time steps, which training.bptt_steps cuts off"
        else:
            continue
        raise ShapeError(f"{name} {what}; leave out the layer, or bptt_steps.", config_path(model, path))


def epoch_order(source: Source, rng: np.random.Generator | None, batch_size: int) -> Ints:
    """The numbers of a source's examples in the order of an epoch.

    Parameters
    ----------
    rng : what draws the order of examples, or of streams, whose windows stay in theirs; None: as they are.
    """
    n = len(source.lengths) if isinstance(source, StreamWindows) else len(source)
    order = np.arange(n) if rng is None else rng.permutation(n)
    return source.order(order, batch_size) if isinstance(source, StreamWindows) else order


def checked_state(state: Any, where: str, loss: float) -> Any:
    """The state that the next step starts from, as `Layer.final_state` gave it.

    Raises
    ------
    NumericalError
        There is NaN or Inf in it; the loss need not show it.
    """
    for name, array in packed(state)[1].items():
        if not np.isfinite(array).all():
            raise NumericalError(
                f"{where}: loss is {loss:g}; the state that layer {name} carries on has NaN or Inf. "
                "Try a smaller optimizer.learning_rate or training.clip_norm."
            )
    return state


def packed(state: Any) -> tuple[Any, dict[str, Array]]:
    """A state as JSON values with names in the place of arrays, and the arrays by these names.

    Raises
    ------
    ConfigError
        It is not made of arrays, tuples, lists and None.
    """
    arrays: dict[str, Array] = {}

    def named(part: Any, path: str) -> Any:
        if part is None:
            return None
        if isinstance(part, (tuple, list)):
            return [named(each, f"{path}.{i}" if path else str(i)) for i, each in enumerate(part)]
        if not isinstance(part, np.ndarray) or not part.ndim:
            raise ConfigError(
                f"training.bptt_steps: final_state must return arrays (batch, ...), tuples of them, or None, "
                f"got {type(part).__name__}."
            )
        arrays[path] = part
        return path

    return named(state, ""), arrays


def unpacked(names: Any, arrays: dict[str, Array]) -> Any:
    """The state that `packed` took apart."""
    return _map(names, lambda name: arrays[name])


def _map(state: Any, function: Any) -> Any:
    """A state with each array, or name, replaced."""
    if isinstance(state, (tuple, list)):
        return tuple(_map(part, function) for part in state)
    return None if state is None else function(state)
