"""Adagrad."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np

from minidl.core.arguments import NonNegativeFloat, PositiveFloat
from minidl.core.registry import register
from minidl.optimizers.optimizer import Array, Optimizer, State, add_decay


@register
@dataclass(eq=False)
class Adagrad(Optimizer):
    """p ← p - η g / (√s + ε) with s ← s + g², the sum over all steps so far.

    Parameters
    ----------
    learning_rate : η > 0.
    epsilon : ε > 0.
    weight_decay : λ ≥ 0; the gradient becomes g + λ p.

    References
    ----------
    Duchi, Hazan and Singer (2011), Adaptive subgradient methods for online learning and stochastic optimization,
    with a diagonal matrix.
    """

    learning_rate: PositiveFloat = 0.01
    _: KW_ONLY
    epsilon: PositiveFloat = 1e-10
    weight_decay: NonNegativeFloat = 0.0

    def start(self, params: Array) -> State:
        """s = 0."""
        return {"s": np.zeros_like(params)}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """One step; see the class."""
        add_decay(params, grads, self.weight_decay)
        s = state["s"]
        s += grads * grads
        grads /= np.sqrt(s) + self.epsilon
        grads *= self.learning_rate
        params -= grads
