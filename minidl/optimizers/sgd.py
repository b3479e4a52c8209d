"""Stochastic gradient descent."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np

from minidl.core.arguments import NonNegativeFloat
from minidl.core.errors import ConfigError
from minidl.core.registry import register
from minidl.optimizers.optimizer import Array, Decay, Optimizer, State, add_decay


@register
@dataclass(eq=False)
class SGD(Optimizer):
    """p ← p - η v with v ← μ v + g; without momentum (μ = 0) simply p ← p - η g.

    With `nesterov` p ← p - η (g + μ v), with the new v.

    Parameters
    ----------
    learning_rate : η > 0.
    momentum : μ in [0, 1).
    nesterov : whether the step looks ahead along v; needs momentum.
    weight_decay : λ ≥ 0; the gradient becomes g + λ p.

    Raises
    ------
    ConfigError
        `nesterov` without momentum.

    References
    ----------
    Sutskever, Martens, Dahl and Hinton (2013), On the importance of initialization and momentum in deep learning;
    v here is theirs divided by -η, p is what they look ahead to.
    """

    _: KW_ONLY
    momentum: Decay = 0.0
    nesterov: bool = False
    weight_decay: NonNegativeFloat = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and not self.momentum:
            raise ConfigError("SGD: nesterov: needs momentum, which is 0; set it, for example to 0.9")

    def start(self, params: Array) -> State:
        """The velocity v = 0, where there is momentum."""
        return {"velocity": np.zeros_like(params)} if self.momentum else {}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """One step; see the class."""
        add_decay(params, grads, self.weight_decay)
        if self.momentum:
            v = state["velocity"]
            v *= self.momentum
            v += grads
            if self.nesterov:
                grads += self.momentum * v
                grads *= self.learning_rate
            else:
                np.multiply(v, self.learning_rate, out=grads)
        else:
            grads *= self.learning_rate
        params -= grads
