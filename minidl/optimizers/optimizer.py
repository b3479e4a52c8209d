"""What an optimizer is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any

import numpy.typing as npt
from msgspec import Meta

from minidl.core.arguments import Configurable, PositiveFloat
from minidl.core.registry import open_kind

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


def add_decay(params: Array, grads: Array, weight_decay: float) -> None:
    """g ← g + λ p: the gradient of L + ½ λ Σ p², L2 regularisation."""
    if weight_decay:
        grads += weight_decay * params
