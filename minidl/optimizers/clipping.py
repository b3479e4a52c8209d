"""Gradients that are too large, made smaller."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def clip_global_norm(grads: Array, max_norm: float) -> float:
    """Scale `grads` down in place so that its Euclidean norm is at most `max_norm`; return the norm before."""
    norm = _norm(grads)
    if norm > max_norm:
        factor = max_norm / norm
        if factor >= np.finfo(grads.dtype).tiny:
            grads *= factor
        else:  # it would be rounded to 0
            np.multiply(grads, factor, out=grads, dtype=np.float64, casting="same_kind")
    return norm


def clip_by_value(grads: Array, limit: float) -> None:
    """Bring every entry of `grads` to ±`limit` at most, in place."""
    np.clip(grads, -limit, limit, out=grads)


def _norm(values: Array) -> float:
    """The Euclidean norm, also where the squares would overflow or vanish."""
    with np.errstate(over="ignore"):
        square = float(np.dot(values, values))
    info = np.finfo(values.dtype)
    if info.tiny / info.eps < square < math.inf:
        return math.sqrt(square)
    largest = float(np.abs(values).max(initial=0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    scaled = values.astype(np.float64) / largest
    return largest * math.sqrt(float(np.dot(scaled, scaled)))
