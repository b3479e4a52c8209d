"""Adam with weight decay beside the gradient."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from minidl.core.arguments import NonNegativeFloat
from minidl.core.registry import register
from minidl.optimizers.adam import Adam
from minidl.optimizers.optimizer import Array, State


@register
@dataclass(eq=False)
class AdamW(Adam):
    """Adam whose weights decay by themselves: p ← (1 - η λ) p - η m̂ / (√v̂ + ε), with m and v of the gradient alone.

    Parameters
    ----------
    learning_rate : η > 0.
    beta1, beta2 : decay of the means, in [0, 1).
    epsilon : ε > 0.
    weight_decay : λ ≥ 0.

    References
    ----------
    Loshchilov and Hutter (2019), Decoupled weight decay regularization, algorithm 2; a schedule acts on η λ too.
    """

    _: KW_ONLY
    weight_decay: NonNegativeFloat = 0.01

    def update(self, params: Array, grads: Array, state: State) -> None:
        """One step; see the class and `Adam.update`."""
        self.to_step(grads, state)
        params *= 1 - self.learning_rate * self.weight_decay
        params -= grads
