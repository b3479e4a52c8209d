"""The border of compiled code, which looks at no type, shape or bound: what passes here fits.

Every array of a training comes through here: `examples` and `check_fit` for what is
read, `own` for what is written. (What is forecast from is copied into arrays of the
predictor's own, of the very same shape.) Shapes are compared with those of the plan,
and the plan is made by the layers' own forward, so both engines refuse the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.compiled.layout import Layout
from minidl.compiled.plan import flat
from minidl.core.arrays import plain_array, whole_array
from minidl.core.errors import ConfigError, ShapeError
from minidl.core.layer import Array
from minidl.data import Batch, Windows
from minidl.losses import Loss
from minidl.training import Arrays, Source
from minidl.training.engine import Order
from minidl.training.sources import gathered


@dataclass
class Examples:
    """Examples in flat arrays: example i begins at ``starts[i]``, its target at ``target_starts[i]``.

    The time steps of a target lie `target_step` values apart. `window` and `target` are
    the shapes of an input and of a target.
    """

    inputs: Array
    targets: Array
    starts: Array
    target_starts: Array
    target_step: int
    window: tuple[int, ...]
    target: tuple[int, ...]


def examples(source: Source, indices: Order, batch: int, labels: bool = False) -> Examples:
    """These examples of a source, or the first of them; those of `Windows` and of `Arrays` are not copied.

    Any other source, one that derives from these included, is asked for one batch, as
    the NumPy engine asks: what it gives may depend on the batch. With `labels` the
    targets are whole numbers, one a sequence or one a time step.

    Raises
    ------
    ConfigError
        They have weights or lengths.
    ShapeError
        There are not as many targets as inputs.
    DataError
        They are no numbers.
    """
    if type(source) is Windows:
        return _windows(source, indices)
    if type(source) is Arrays:
        given, places = Batch(source.x, source.y, source.lengths, source.weight), np.asarray(indices)
    else:
        given = gathered(source, indices[:batch])
        places = np.arange(len(given.x), dtype=np.int64)
    if given.weight is not None or given.lengths is not None:
        raise ConfigError("the compiled engine takes no weights or lengths of examples; set engine: numpy.")
    x, y = plain_array(given.x, "x"), (whole_array if labels else plain_array)(given.target, "y")
    if not x.ndim or not y.ndim or len(x) != len(y) or len(x) <= places.max(initial=-1):
        raise ShapeError(
            f"x has shape {x.shape}, y {y.shape}; expected one input and one target an example along the first axis."
        )
    sizes = [int(np.prod(array.shape[1:])) for array in (x, y)]
    step = y.shape[-1] if y.ndim > 1 and not labels else 1
    return Examples(flat(x), flat(y), places * sizes[0], places * sizes[1], step, x.shape[1:], y.shape[1:])


def _windows(source: Windows, indices: Order) -> Examples:
    n_features = source.values.shape[1]
    rows = source.starts[indices]
    labels = rows + (1 if source.every_step else source.time_steps)
    values = flat(plain_array(source.values, "values"))
    target = (source.time_steps, 1) if source.every_step else (1,)
    places = labels * n_features + source.target_index % n_features
    return Examples(values, values, rows * n_features, places, n_features, (source.time_steps, n_features), target)


def check_fit(part: Examples, layout: Layout, loss: Loss, batch: int) -> None:
    """Refuse examples that are not what a plan was made for, or that lie outside their arrays.

    Raises
    ------
    ShapeError
        A target does not fit the model's output, or a place is not in the arrays.
    DataError
        A label is none of the model's.
    """
    if len(part.starts) != len(part.target_starts) or not len(part.starts):
        raise ShapeError(f"there are {len(part.starts):,} inputs and {len(part.target_starts):,} targets.")
    n = min(batch, len(part.starts))
    loss.check_shapes((n, *layout.output_shape), (n, *part.target))
    time, features = target_sizes(layout, loss)
    _check_places(part.starts, int(np.prod(part.window)), part.inputs)
    _check_places(part.target_starts, (time - 1) * part.target_step + features, part.targets)
    if loss.labels:
        places = part.target_starts[:, None] + part.target_step * np.arange(time)
        loss.check_values(layout.output_shape[-1], whole_array(part.targets[places], "y"))


def target_sizes(layout: Layout, loss: Loss) -> tuple[int, int]:
    """Time steps of a target, and numbers at each of them: one label, or those of the output."""
    time, features, _ = layout.steps[-1].y
    return time, 1 if loss.labels else features


def _check_places(starts: Array, length: int, array: Array) -> None:
    first, last = int(starts.min()), int(starts.max()) + length
    if first < 0 or last > array.size:
        raise ShapeError(f"examples at {first:,} to {last:,} do not lie within {array.size:,} numbers.")


def own(array: Any, dtype: npt.DTypeLike, size: int, name: str) -> Array:
    """`array`, if compiled code may read and write these numbers in one piece of memory.

    Raises
    ------
    ShapeError
        It is none of this type and size, or strided, read-only or of another byte order.
    """
    if type(array) is not np.ndarray or array.dtype != dtype or array.shape != (size,) or not array.flags.carray:
        got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise ShapeError(f"{name}: expected {size:,} numbers of type {np.dtype(dtype)} in one piece, got {got}.")
    return array
