"""The border of compiled code, which looks at no type, shape or bound: what passes here fits.

Every array of a training comes through here: `check_fit` for what is
read, `own` for what is written. (What is forecast from is copied into arrays of the
predictor's own, of the very same shape.) Shapes are compared with those of the plan,
and the plan is made by the layers' own forward, so both engines refuse the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.compiled.examples import Examples
from minidl.compiled.layout import Layout
from minidl.core.arrays import whole_array
from minidl.core.errors import ShapeError
from minidl.core.layer import Array
from minidl.losses import Loss


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
    n, output = min(batch, len(part.starts)), layout.output_shape
    time, features = target_sizes(layout, loss)
    inputs: Any = int(np.prod(part.window))
    longest: int | None = None
    steps: Any = time  # of targets
    if part.lengths is not None:
        _check_lengths(part.lengths, part)
        inputs = part.lengths * part.window[1]
        if len(output) == 2:
            steps, longest = part.lengths, int(part.lengths.max())
    loss.check_shapes((n, *_cut(output, longest)), (n, *_cut(part.target, longest)))
    _check_places(part.starts, inputs, part.inputs)
    _check_places(part.target_starts, (steps - 1) * part.target_step + features, part.targets)
    if part.weights is not None:
        loss.check_weight((n, *_cut(part.weights.shape, longest)), (n, *_cut(part.target, longest)))
        apart = part.weights.steps(output)
        _check_places(part.weights.starts, (steps - 1) * apart[0] + (features - 1) * apart[1] + 1, part.weights.values)
    if loss.labels or loss.restricted:
        held = np.minimum(np.arange(time), np.reshape(steps, (-1, 1)) - 1)
        places = (part.target_starts[:, None] + part.target_step * held)[..., None] + np.arange(features)
        given = part.targets[places[..., 0] if loss.labels else places]
        loss.check_values(output[-1], whole_array(given, "y") if loss.labels else given)


def _check_lengths(lengths: Array, part: Examples) -> None:
    shortest, longest = int(lengths.min()), int(lengths.max())
    if len(lengths) != len(part.starts) or shortest < 1 or longest > part.window[0]:
        raise ShapeError(f"lengths: expected 1 to {part.window[0]}, got {shortest} to {longest}.")


def _cut(shape: tuple[int, ...], longest: int | None) -> tuple[int, ...]:
    """Without the time steps that no sequence has; None: there are none."""
    return shape if longest is None or not shape else (min(shape[0], longest), *shape[1:])


def target_sizes(layout: Layout, loss: Loss) -> tuple[int, int]:
    """Time steps of a target, and numbers at each of them: one label, or one for each of the loss's outputs for it."""
    time, features, _ = layout.steps[-1].y
    return time, 1 if loss.labels else features // loss.per_target


def _check_places(starts: Array, lengths: Any, array: Array) -> None:
    first, last = int(starts.min()), int((starts + lengths).max())
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
