"""Optimizers: one step on the flat vector of all parameters.

An optimizer holds its arguments only. What it remembers between steps is a dict
of arrays that `start` makes and the caller keeps.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from minidl.core.arguments import Configurable, PositiveFloat
from minidl.core.errors import NumericalError
from minidl.core.registry import open_kind, register

Array = npt.NDArray[Any]
State = dict[str, Array]
Decay = Annotated[float, Meta(ge=0, lt=1)]


@open_kind("optimizer")
@dataclass(eq=False)
class Optimizer(Configurable, ABC):
    """A rule that turns gradients into steps."""

    learning_rate: PositiveFloat

    def start(self, params: Array) -> State:
        """The state before the first step, for parameters like these."""
        return {}

    @abstractmethod
    def update(self, params: Array, grads: Array, state: State) -> None:
        """One step: `params` and `state` change in place, `grads` is used up as scratch space.

        All three belong to the caller; `params` and `grads` are vectors.
        """


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

    References
    ----------
    Kingma and Ba (2015), Adam: a method for stochastic optimization, algorithm 1.
    """

    learning_rate: PositiveFloat = 0.001
    _: KW_ONLY
    beta1: Decay = 0.9
    beta2: Decay = 0.999
    epsilon: PositiveFloat = 1e-8

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
                f"Adam: v, the mean of squared gradients, is not finite in {v.dtype}; the gradients are too large."
            )
        grads += self.epsilon
        np.divide(m, grads, out=grads)
        grads *= self.learning_rate * (1 - self.beta1) / (1 - self.beta1**t)
        params -= grads


def clip_global_norm(grads: Array, max_norm: float) -> float:
    """Scale `grads` down in place so that its Euclidean norm is at most `max_norm`; return the norm before."""
    norm = _norm(grads)
    if norm > max_norm:
        factor = max_norm / norm
        if factor >= np.finfo(grads.dtype).tiny:
            grads *= factor
        else:  # it would be rounded to 0
            np.multiply(grads, factor, out=grads, dtype=np.float64, casting="same_kind")
    return norm


def _norm(values: Array) -> float:
    """The Euclidean norm, also where the squares would overflow or vanish."""
    with np.errstate(over="ignore"):
        square = float(np.dot(values, values))
    info = np.finfo(values.dtype)
    if info.tiny / info.eps < square < math.inf:
        return math.sqrt(square)
    largest = float(np.abs(values).max(initial=0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    scaled = values.astype(np.float64) / largest
    return largest * math.sqrt(float(np.dot(scaled, scaled)))
