"""What computes the steps of an epoch.

The Trainer keeps parameters, gradients, the optimizer's state, the order of the
examples and all counters; an engine only advances them. So engines can change
from one run to its continuation, and none of them has anything to save.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from minidl.core.layer import Array, Layer
from minidl.data.batch import Batch
from minidl.losses import Loss
from minidl.optimizers import Optimizer, Segments
from minidl.randomness import Streams
from minidl.training.averaging import MovingAverage
from minidl.training.flat import FlatParameters
from minidl.training.settings import Training
from minidl.training.sources import Source, gathered
from minidl.training.truncated import StreamWindows, next_steps

Order = npt.NDArray[np.integer[Any]]


class Advanced(Protocol):
    """What an engine uses of the `minidl.training.Trainer` that it advances; see there."""

    model: Layer
    loss: Loss
    optimizer: Optimizer
    settings: Training
    streams: Streams
    segments: Segments
    state: dict[str, Array]
    average: MovingAverage | None
    step: int
    batch: Any
    carried: Any

    @property
    def parameters(self) -> FlatParameters:
        """The model's parameters and their gradients, as vectors."""

    def learning_rate(self, step: int) -> float:
        """That of a step, counted from 0."""

    def learning_rates(self, first: int, n: int) -> Array:
        """Those of n steps from the `first` on."""

    def train_step(self, batch: Batch) -> float:
        """One step; returns the loss before it."""

    def where(self) -> str:
        """The step being taken, for messages."""


class Engine(Protocol):
    """Takes steps for a Trainer."""

    name: str

    def advance(self, trainer: Advanced, train: Source, order: Order, position: int, total: float) -> tuple[int, float]:
        """Take one or more steps of an epoch.

        Parameters
        ----------
        order : indices of the epoch's examples, in the order of training.
        position : how many of them are done; a step takes the next `batch_size`, or as `next_steps` says.
        total : sum of loss times examples over the steps so far.

        Returns
        -------
        position, total : after these steps. `trainer.step` has counted them.

        Raises
        ------
        NumericalError
            NaN or Inf; parameters, gradients and counters are those of the bad step.
        """


class NumpyEngine:
    """The reference: the layers' own forward and backward, one step at a time."""

    name = "numpy"

    def advance(self, trainer: Advanced, train: Source, order: Order, position: int, total: float) -> tuple[int, float]:
        """One step; see `Engine`."""
        indices, _ = next_steps(train, order[position:], trainer.settings.batch_size, 1)
        if isinstance(train, StreamWindows):
            trainer.carried = train.start(indices, trainer.carried)
        trainer.batch = indices
        loss = trainer.train_step(gathered(train, indices))
        trainer.batch = None
        return position + len(indices), total + loss * len(indices)
