"""Examples by index, and a model's outputs for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from minidl.layer import Array, Context, Layer
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
    """Examples in two arrays: x (N, ...) and targets y (N, ...)."""

    x: Array
    y: Array

    def __len__(self) -> int:
        return len(self.x)

    def gather(self, indices: Any) -> tuple[Array, Array]:
        """x[indices], y[indices]."""
        return self.x[indices], self.y[indices]


def predict(model: Layer, source: Source) -> tuple[Array, Array]:
    """The model's outputs and the targets for all examples, in order."""
    outputs, targets = zip(*outputs_by_batch(model, source), strict=True)
    return np.concatenate(outputs), np.concatenate(targets)


def outputs_by_batch(model: Layer, source: Source) -> Iterator[tuple[Array, Array]]:
    """Outputs and targets, batch by batch."""
    workspace = Workspace()
    for start in range(0, len(source), PREDICT_BATCH):
        x, target = source.gather(slice(start, start + PREDICT_BATCH))
        y, _ = model.forward(x, Context(workspace=workspace))
        yield y.copy(), target
