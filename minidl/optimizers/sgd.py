"""Stochastic gradient descent."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np

from minidl.core.registry import register
from minidl.optimizers.optimizer import Array, Decay, Optimizer, State


@register
@dataclass(eq=False)
class SGD(Optimizer):
    """p ← p - η v with v ← μ v + g; without momentum (μ = 0) simply p ← p - η g.

    Parameters
    ----------
    learning_rate : η > 0.
    momentum : μ in [0, 1).
    """

    _: KW_ONLY
    momentum: Decay = 0.0

    def start(self, params: Array) -> State:
        """The velocity v = 0, where there is momentum."""
        return {"velocity": np.zeros_like(params)} if self.momentum else {}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """One step; see the class."""
        if self.momentum:
            v = state["velocity"]
            v *= self.momentum
            v += grads
            np.multiply(v, self.learning_rate, out=grads)
        else:
            grads *= self.learning_rate
        params -= grads
