"""Examples by index, and a model's outputs for all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from minidl.arrays import first_not_finite, plain_array
from minidl.errors import ConfigError, NumericalError, ShapeError
from minidl.layer import Array, Context, Layer
from minidl.losses import Loss
from minidl.workspace import Workspace

PREDICT_BATCH = 1024


class Source(Protocol):
    """Examples by index: `minidl.data.Windows`, or `Arrays`."""

    def __len__(self) -> int:
        """Number of examples."""

    def gather(self, indices: Any) -> tuple[Array, Array]:
        """Inputs and targets of these examples; a slice or an int array."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """Examples in two arrays: x (N, ...) and targets y (N, ...).

    Whatever turns into an array of numbers is taken: lists, pandas objects, tensors.

    Raises
    ------
    DataError
        One of them is text, masked, or else no array of numbers.
    ShapeError
        They hold no examples, or not equally many.
    """

    x: Array
    y: Array

    def __post_init__(self) -> None:
        for name, value in zip("xy", pair(self.x, self.y), strict=True):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.x)

    def gather(self, indices: Any) -> tuple[Array, Array]:
        """x[indices], y[indices]."""
        return self.x[indices], self.y[indices]


def pair(x: Any, y: Any, where: str = "") -> tuple[Array, Array]:
    """Inputs and targets as arrays of equally many examples; `where` stands before their names in messages."""
    x, y = plain_array(x, f"{where}x"), plain_array(y, f"{where}y")
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


def longest(source: Source) -> int:
    """How many time steps the examples of a source have, 1 where they have no such axis."""
    x, _ = source.gather(slice(0, 1))
    return int(x.shape[1]) if x.ndim == 3 else 1


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
    y = source.y[:1]
    try:
        with np.errstate(all="ignore"):  # weights can be broken; the first step says which
            output = model(source.x[:1])
    except ShapeError as err:
        raise ShapeError(f"{where}{str(err).rstrip('.')} ({where}x.shape = {source.x.shape}).") from err
    if (*y.shape, 1) == output.shape:
        source = dataclasses.replace(source, y=source.y[..., None])
        y = source.y[:1]
    try:
        loss.check_shapes(output.shape, y.shape)
    except ShapeError as err:
        raise ShapeError(
            f"{where}y: targets have shape {y.shape[1:]} an example, but the model's output has {output.shape[1:]}."
        ) from err
    dtype = next(iter(model.params.values())).dtype
    for name, array in (("inputs (x)", source.x), ("targets (y)", source.y)):
        found = first_not_finite(array, dtype)
        if found is not None:
            raise NumericalError(f"the {where}{name} have {found}; training takes finite numbers only.")
    return source


def predict(model: Layer, source: Source) -> tuple[Array, Array]:
    """The model's outputs and the targets for all examples, in order."""
    check_source(source, "predict")
    outputs, targets = zip(*outputs_by_batch(model, source), strict=True)
    return np.concatenate(outputs), np.concatenate(targets)


def outputs_by_batch(model: Layer, source: Source) -> Iterator[tuple[Array, Array]]:
    """Outputs and targets, batch by batch."""
    workspace = Workspace()
    for start in range(0, len(source), PREDICT_BATCH):
        x, target = source.gather(slice(start, start + PREDICT_BATCH))
        y, _ = model.forward(x, Context(workspace=workspace))
        yield y.copy(), target
