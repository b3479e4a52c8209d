"""Sequences of different length in one batch: the longest first, and padding after the end of each.

Who calls a model with lengths puts finite numbers into the padding of x and zeros into
that of dy; the trainer puts zeros into both. So a layer that works step by step, or looks
back only, needs to do nothing: what it puts into the padding is finite, and its dx is 0
there. A layer that looks ahead, or gathers over time, heeds `Context.lengths`. The
library's own layers take anything in the padding, NaN too, and no bit elsewhere changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.arrays import whole_array
from minidl.core.errors import DataError, ShapeError

Array = npt.NDArray[Any]


def check_lengths(lengths: Any, shape: tuple[int, ...], who: str) -> None:
    """Refuse what are no lengths of a batch of this shape.

    Raises
    ------
    ShapeError
        They are not int64 (batch,), not from 1 to the number of time steps, or increase somewhere.
    """
    given = np.asarray(lengths)
    fits = given.dtype == np.int64 and len(shape) > 1 and given.shape == shape[:1]
    if not fits or given[-1] < 1 or given[0] > shape[1] or (given[1:] > given[:-1]).any():
        raise ShapeError(
            f"{who}: lengths: expected int64 of shape {shape[:1]}, from 1 to {shape[1] if len(shape) > 1 else 1}, "
            f"the longest first, got {given.dtype} {given.tolist() if given.size < 10 else given.shape}."
        )


def checked_lengths(given: Any, x: Array) -> Array | None:
    """Lengths of the sequences of x as int64; None if no sequence has padding.

    Raises
    ------
    ShapeError, DataError
        They are not whole numbers (N,) from 1 to T for x (N, T, F).
    """
    lengths = whole_array(given, "lengths")
    if x.ndim != 3 or lengths.shape != x.shape[:1]:
        raise ShapeError(f"lengths: expected one for each sequence of x (N, T, F), got {lengths.shape} for {x.shape}.")
    if lengths.size and (lengths.min() < 1 or lengths.max() > x.shape[1]):
        raise DataError(f"lengths: expected 1 to {x.shape[1]}, got {lengths.min()} to {lengths.max()}.")
    return None if (lengths == x.shape[1]).all() else lengths


def longest_first(x: Array, lengths: Array) -> tuple[Array, Array, Array]:
    """x and lengths as a model takes them, and the places from which outputs come back into the order of x."""
    order = np.argsort(-lengths, kind="stable")
    return without_padding(x[order], lengths[order]), lengths[order], np.argsort(order)


def inside(lengths: Array, time: int) -> Array:
    """Booleans (batch, time): whether there is a time step, or padding."""
    return np.arange(time) < lengths[:, None]


def without_padding(x: Array, lengths: Array | None) -> Array:
    """A copy with zeros in the padding; `x` itself if all sequences are whole."""
    if lengths is None:
        return x
    where = inside(lengths, x.shape[1])
    return np.where(where.reshape(*where.shape, *[1] * (x.ndim - 2)), x, np.zeros((), x.dtype))


def time_reversed(x: Array, lengths: Array | None) -> Array:
    """Every sequence from its last step to its first; the padding stays where it is."""
    if lengths is None:
        return x[:, ::-1]
    t = np.arange(x.shape[1])
    places = np.where(t < lengths[:, None], lengths[:, None] - 1 - t, t)
    reverse: Array = x[np.arange(len(x))[:, None], places]
    return reverse
