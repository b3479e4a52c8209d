"""Adam."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass

import numpy as np

from minidl.core.arguments import NonNegativeFloat, PositiveFloat
from minidl.core.errors import NumericalError
from minidl.core.registry import register
from minidl.optimizers.optimizer import Array, Decay, Optimizer, State, add_decay


@register
@dataclass(eq=False)
class Adam(Optimizer):
    """Adam: p ← p - η m̂ / (√v̂ + ε), with m and v running means of g and g².

    m̂ = m / (1 - β1ᵗ) and v̂ = v / (1 - β2ᵗ) at step t.

    Parameters
    ----------
    learning_rate : η > 0.
    beta1, beta2 : decay of the means, in [0, 1).
    epsilon : ε > 0.
    weight_decay : λ ≥ 0; the gradient becomes g + λ p. `AdamW` is most often the better choice.

    References
    ----------
    Kingma and Ba (2015), Adam: a method for stochastic optimization, algorithm 1.
    """

    learning_rate: PositiveFloat = 0.001
    _: KW_ONLY
    beta1: Decay = 0.9
    beta2: Decay = 0.999
    epsilon: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = 0.0

    def start(self, params: Array) -> State:
        """m = v = 0, and t = 0."""
        return {"m": np.zeros_like(params), "v": np.zeros_like(params), "t": np.zeros(1)}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """One step; see the class.

        Raises
        ------
        NumericalError
            v overflows, or a gradient is not finite; `params` are as before.
        """
        add_decay(params, grads, self.weight_decay)
        self.to_step(grads, state)
        params -= grads

    def to_step(self, grads: Array, state: State) -> None:
        """Make of the gradient what is taken off the parameters; `state` takes it in."""
        m, v = state["m"], state["v"]
        state["t"] += 1
        t = float(state["t"][0])
        # Kept divided by 1 - β, m and v are updated without a scratch array.
        m *= self.beta1
        m += grads
        np.square(grads, out=grads)
        v *= self.beta2
        v += grads
        np.multiply(v, (1 - self.beta2) / (1 - self.beta2**t), out=grads)
        np.sqrt(grads, out=grads)
        if not math.isfinite(float(np.add.reduce(grads))):  # else this and all later steps would be 0
            raise NumericalError(
                f"{type(self).__name__}: v, the mean of squared gradients, is not finite in {v.dtype}; "
                "the gradients are too large."
            )
        grads += self.epsilon
        np.divide(m, grads, out=grads)
        grads *= self.learning_rate * (1 - self.beta1) / (1 - self.beta1**t)
