"""What an optimizer is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass, field
from typing import Annotated, Any

import numpy.typing as npt
from msgspec import Meta

from minidl.core.arguments import Configurable, NonNegativeFloat, PositiveFloat, argument_hints
from minidl.core.errors import ConfigError
from minidl.core.registry import open_kind

Array = npt.NDArray[Any]
State = dict[str, Array]
Decay = Annotated[float, Meta(ge=0, lt=1)]


@dataclass(eq=False)
class ParameterGroup(Configurable):
    """What is different for some parameters. What is None is as for the others, or as an earlier group says.

    Parameters
    ----------
    parameters : a pattern of their names, as ``minidl summary`` prints them: ``0.*``, ``*.b*``; ``*`` is anything.
    learning_rate_factor : > 0, on the optimizer's learning rate.
    weight_decay : in place of the optimizer's own.
    frozen : whether they stay as they are: no step, and no part in the norm of the gradient.

    Raises
    ------
    ConfigError
        Nothing is different.
    """

    parameters: str
    _: KW_ONLY
    learning_rate_factor: PositiveFloat | None = None
    weight_decay: NonNegativeFloat | None = None
    frozen: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.changes():
            raise ConfigError(
                "ParameterGroup: changes nothing; give it a learning_rate_factor, a weight_decay or frozen: true"
            )

    def changes(self) -> dict[str, Any]:
        """What is different, by name."""
        names = "learning_rate_factor", "weight_decay", "frozen"
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@open_kind("optimizer")
@dataclass(eq=False)
class Optimizer(Configurable, ABC):
    """A rule that turns gradients into steps.

    Parameters
    ----------
    learning_rate : η > 0.
    groups : parameters that are updated in another way; of two that give one a value the later counts.

    Raises
    ------
    ConfigError
        A group has weight decay, which the optimizer does not know.
    """

    learning_rate: PositiveFloat
    _: KW_ONLY
    groups: list[ParameterGroup] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        for i, group in enumerate(self.groups):
            if group.weight_decay is not None and "weight_decay" not in argument_hints(type(self)):
                name = type(self).__name__
                raise ConfigError(f"{name}: groups.{i}.weight_decay: {name} has no weight_decay; leave it out")

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
