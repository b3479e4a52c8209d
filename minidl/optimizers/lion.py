"""Lion."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np

from minidl.core.arguments import NonNegativeFloat, PositiveFloat
from minidl.core.registry import register
from minidl.optimizers.optimizer import Array, Decay, Optimizer, State


@register
@dataclass(eq=False)
class Lion(Optimizer):
    """p ← (1 - η λ) p - η sign(β1 m + (1 - β1) g), and then m ← β2 m + (1 - β2) g: every step has the same size.

    A good η is three to ten times smaller than Adam's, a good λ as many times larger.

    Parameters
    ----------
    learning_rate : η > 0.
    beta1, beta2 : in [0, 1).
    weight_decay : λ ≥ 0.

    References
    ----------
    Chen et al. (2023), Symbolic discovery of optimization algorithms, algorithm 2.
    """

    learning_rate: PositiveFloat = 0.0001
    _: KW_ONLY
    beta1: Decay = 0.9
    beta2: Decay = 0.99
    weight_decay: NonNegativeFloat = 0.0

    def start(self, params: Array) -> State:
        """m = 0."""
        return {"m": np.zeros_like(params)}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """One step; see the class."""
        m = state["m"]
        params *= 1 - self.learning_rate * self.weight_decay
        params -= self.learning_rate * np.sign(self.beta1 * m + (1 - self.beta1) * grads)
        m *= self.beta2
        m += (1 - self.beta2) * grads
