"""Examples by index: arrays as a source, and the door through which sources come into training."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from minidl.core.arrays import first_not_finite, numbers_array, plain_array, whole_array
from minidl.core.errors import ConfigError, DataError, NumericalError, ShapeError
from minidl.core.layer import Array, Layer
from minidl.core.lengths import checked_lengths, without_padding
from minidl.data.batch import Batch
from minidl.losses import Loss


class Source(Protocol):
    """Examples by index: `minidl.data.Windows`, or `Arrays`."""

    def __len__(self) -> int:
        """Number of examples."""

    def gather(self, indices: Any) -> Batch:
        """These examples; a slice or an int array."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """Examples in arrays: x (N, ...) and targets y (N, ...).

    Whatever turns into an array of numbers is taken: lists, pandas objects, tensors.

    Parameters
    ----------
    x, y : whole numbers stay whole numbers, as a loss of labels and a layer that looks up indices want them.
    lengths : whole numbers (N,) from 1 to T: the time steps of each sequence in x (N, T, F),
        and in y where it has steps. What stands after them is padding, NaN or anything.
        None: all have T. A batch has the longest sequence first.
    weight : (N,) or (N, T), what each example, or each of its steps, counts for in the loss, at least 0; None: 1.

    Raises
    ------
    DataError
        One of them is text, masked, or else no array of numbers; a weight is negative, NaN or infinite, or all are 0.
    ShapeError
        They hold no examples, or not equally many.
    """

    x: Array
    y: Array
    lengths: Array | None = None
    weight: Array | None = None

    def __post_init__(self) -> None:
        x, y = pair(self.x, self.y)
        weight = None if self.weight is None else _checked_weight(self.weight, x)
        lengths = None if self.lengths is None else checked_lengths(self.lengths, x)
        for name, value in (("x", x), ("y", y), ("lengths", lengths), ("weight", weight)):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        given = {name: value for name, value in vars(self).items() if value is not None}
        return f"Arrays({', '.join(f'{name} {value.shape}' for name, value in given.items())})"

    def gather(self, indices: Any) -> Batch:
        """x[indices], y[indices]; with lengths, the longest sequence first."""
        lengths = order = None
        if self.lengths is not None:
            order = np.argsort(-self.lengths[indices], kind="stable")
            indices = np.arange(len(self))[indices][order]
            lengths = self.lengths[indices]
        weight = None if self.weight is None else self.weight[indices]
        return Batch(self.x[indices], self.y[indices], lengths, weight, order)


def pair(x: Any, y: Any, where: str = "") -> tuple[Array, Array]:
    """Inputs and targets as arrays of equally many examples; `where` stands before their names in messages."""
    x, y = numbers_array(x, f"{where}x"), _targets(y, f"{where}y")
    if x.ndim < 2 or not x.size:
        hint = "; of one feature, they are x[:, None]" if x.ndim == 1 and x.size else ""
        raise ShapeError(
            f"{where}x: expected examples of shape (examples, features) or (examples, time, features), "
            f"not empty, got {x.shape}{hint}."
        )
    if not y.ndim or len(y) != len(x):
        n = f"{len(y):,}" if y.ndim else "one number"
        raise ShapeError(f"{where}y: has {n} targets for {len(x):,} examples in {where}x; each needs its own.")
    return x, y


def _targets(y: Any, name: str) -> Array:
    try:
        return numbers_array(y, name)
    except DataError as err:
        if not isinstance(next(np.asarray(y, object).flat, None), str):
            raise
        hint = "classes are whole numbers from 0 on: names, y = np.unique(y, return_inverse=True)"
        raise DataError(f"{str(err).removesuffix('.')}; {hint}.") from err


def longest(source: Source) -> int:
    """How many time steps the examples of a source have, 1 where they have no such axis."""
    x = gathered(source, slice(0, 1)).x
    return int(x.shape[1]) if x.ndim == 3 else 1


def _checked_weight(given: Any, x: Array) -> Array:
    weight = plain_array(given, "weight")
    if weight.shape not in (x.shape[:1], x.shape[:-1]):
        raise ShapeError(
            f"weight: expected shape (examples,) or (examples, time) for x of {x.shape}, got {weight.shape}."
        )
    if not (weight >= 0).all() or not np.isfinite(weight).all():
        raise DataError("weight: expected finite numbers of at least 0.")
    if weight.size and not weight.any():
        raise DataError("weight: all are 0, so that no example counts.")
    return weight


def gathered(source: Source, indices: Any) -> Batch:
    """These examples of a source.

    Raises
    ------
    ConfigError
        What it gives is no Batch.
    """
    batch: Any = source.gather(indices)
    if not isinstance(batch, Batch):
        who = type(source).__name__
        raise ConfigError(f"{who}: gather must return a Batch(x, target), got {type(batch).__name__}.")
    return batch


def check_source(source: Any, where: str) -> None:
    """Refuse what is no source of examples, or an empty one.

    Raises
    ------
    ConfigError, ShapeError
        It is one of these.
    """
    if not (hasattr(source, "gather") and hasattr(source, "__len__")):
        raise ConfigError(f"{where}: expected a source of examples such as Arrays(x, y), got {type(source).__name__}.")
    if not len(source):
        raise ShapeError(f"{where}: there are no examples.")


def fitted(source: Source, model: Layer, loss: Loss, where: str = "") -> Source:
    """The source as model and loss take it, looked at before the first step.

    `Arrays` are: one example goes through the model, and targets that lack the axis of a single
    output get it. Any other source may give something else each time it is asked, so its steps ask it alone.

    Raises
    ------
    ShapeError
        Inputs do not fit the model, or targets its output.
    NumericalError
        There is NaN, infinity, or a number too large for the parameters' dtype.
    """
    check_source(source, f"{where}examples")
    if not isinstance(source, Arrays):
        return source
    x, y = without_padding(source.x, source.lengths), source.y[:1]
    try:
        with np.errstate(all="ignore"):  # weights can be broken; the first step says which
            output = model(x[:1])
    except ShapeError as err:
        raise ShapeError(f"{where}{str(err).rstrip('.')} ({where}x.shape = {source.x.shape}).") from err
    if (*y.shape, loss.per_target) == output.shape and not loss.labels:
        source = dataclasses.replace(source, y=source.y[..., None])
        y = source.y[:1]
    try:
        loss.check_shapes(output.shape, y.shape)
    except ShapeError as err:
        raise ShapeError(
            f"{where}y: targets have shape {y.shape[1:]} an example, but the model's output has {output.shape[1:]}"
            f"{_needed(output, y, loss)}."
        ) from err
    targets = without_padding(source.y, None if source.lengths is None else model.output_lengths(source.lengths))
    loss.check_values(output.shape[-1], whole_array(targets, f"{where}y") if loss.labels else targets)
    dtype = next(iter(model.params.values())).dtype
    for name, array in (("inputs (x)", x), ("targets (y)", targets)):
        found = first_not_finite(array, dtype)
        if found is not None:
            raise NumericalError(f"the {where}{name} have {found}; training takes finite numbers only.")
    return source


def _needed(output: Array, y: Array, loss: Loss) -> str:
    """What a model whose output does not fit the targets probably lacks."""
    if output.ndim == 3 and y.ndim < 3 and output.shape[1] not in y.shape:
        return "; LastStep passes on the last time step alone"
    if loss.labels:
        who = type(loss).__name__
        return f"; {who} takes the label of each row of outputs, a whole number (of one-hot rows: y.argmax(-1))"
    if loss.per_target > 1:
        return f"; {type(loss).__name__} takes {loss.per_target} outputs for each target"
    return ""
