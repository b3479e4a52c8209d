"""What a source of examples gives for a training step: inputs, targets, and how far and how much each counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Batch:
    """Examples side by side.

    Parameters
    ----------
    x : (B, T, F) or (B, F).
    target : numbers of the shape of the model's output (B, ...), or class labels,
        whole numbers (B,) or (B, T).
    lengths : int64 (B,), 1 to T and not increasing: sequence k has ``lengths[k]`` time
        steps, and what stands after them is padding. None: all have T.
    weight : (B,), (B, T) or of the target's shape: what each example, each of its steps, or each number of its target
        counts for in the loss; None: 1.
    order : int64 (B,), row k is number ``order[k]`` of the examples that were asked for; None: as asked.
    """

    x: Array
    target: Array
    lengths: Array | None = None
    weight: Array | None = None
    order: Array | None = None
