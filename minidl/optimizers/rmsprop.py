"""RMSProp."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np

from minidl.core.arguments import NonNegativeFloat, PositiveFloat
from minidl.core.registry import register
from minidl.optimizers.optimizer import Array, Decay, Optimizer, State, add_decay


@register
@dataclass(eq=False)
class RMSProp(Optimizer):
    """p ← p - η u with s ← ρ s + (1 - ρ) g² and u = g / (√s + ε); with momentum p ← p - η w, w ← μ w + u.

    Parameters
    ----------
    learning_rate : η > 0.
    decay : ρ in [0, 1).
    momentum : μ in [0, 1).
    epsilon : ε > 0.
    weight_decay : λ ≥ 0; the gradient becomes g + λ p.

    References
    ----------
    Tieleman and Hinton (2012), Neural networks for machine learning, lecture 6.5; ε and μ as in torch's RMSprop.
    """

    learning_rate: PositiveFloat = 0.01
    _: KW_ONLY
    decay: Decay = 0.99
    momentum: Decay = 0.0
    epsilon: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = 0.0

    def start(self, params: Array) -> State:
        """s = 0, and w = 0 where there is momentum."""
        state = {"s": np.zeros_like(params)}
        return state | {"w": np.zeros_like(params)} if self.momentum else state

    def update(self, params: Array, grads: Array, state: State) -> None:
        """One step; see the class."""
        add_decay(params, grads, self.weight_decay)
        s = state["s"]
        s *= self.decay
        s += (1 - self.decay) * (grads * grads)
        grads /= np.sqrt(s) + self.epsilon
        if self.momentum:
            w = state["w"]
            w *= self.momentum
            w += grads
            np.multiply(w, self.learning_rate, out=grads)
        else:
            grads *= self.learning_rate
        params -= grads
