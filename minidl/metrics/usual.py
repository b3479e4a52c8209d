"""The scores of a log where no task says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.lengths import inside
from minidl.metrics.numbers import r2

Array = npt.NDArray[Any]
Metrics = Callable[[Array, Array, Array | None, Array | None], dict[str, float]]


def usual_metrics(
    y: Array, target: Array, lengths: Array | None = None, weight: Array | None = None
) -> dict[str, float]:
    """What a log tells of validation examples where no task says otherwise: R², or how many labels are right.

    `lengths` are the time steps of each sequence of outputs, None: there is no padding. Of weights of
    the target's shape those above 0 say what is scored; all others are of the loss alone.
    """
    if target.dtype.kind != "i" and weight is not None and weight.shape == target.shape:
        y, target = y[weight > 0], target[weight > 0]
    elif lengths is not None:
        there = inside(lengths, y.shape[1])
        y, target = y[there], target[there]
    if target.dtype.kind == "i" and y.shape[:-1] == target.shape:
        return {"accuracy": float(np.mean(y.argmax(axis=-1) == target))}
    return {"r2": r2(y, target)}
