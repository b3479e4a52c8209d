"""A loss of which some leads of a forecast count more than others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from msgspec import Meta

from minidl.core.arguments import PositiveFloat
from minidl.core.errors import ConfigError, ShapeError
from minidl.core.registry import register
from minidl.core.text import counted
from minidl.losses.distributions import Distribution
from minidl.losses.loss import Array, Loss


@register
@dataclass(eq=False)
class WeightedLeads(Loss):
    """L = Σ_j w_j L_j / Σ_j w_j, where L_j is the loss of lead j alone.

    A forecast of several rows errs more the further ahead it is, so that its later leads make most of the loss; with
    weights the next rows count too. With weights of examples, entries count for the product of both.

    Parameters
    ----------
    loss : of numbers.
    weights : w_j > 0, one for each lead.

    Shapes
    ------
    target (..., leads), y (..., leads · outputs of a target).
    """

    loss: Loss
    weights: Annotated[list[PositiveFloat], Meta(min_length=1)]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss.labels:
            raise ConfigError(
                f"WeightedLeads: loss: {type(self.loss).__name__} is a loss of class labels, which have no leads."
            )
        self.restricted = self.loss.restricted  # type: ignore[misc]

    @property
    def per_target(self) -> int:
        """That of the loss."""
        return self.loss.per_target

    def point(self, y: Array) -> Array:
        """That of the loss."""
        return self.loss.point(y)

    def distribution(self, y: Array) -> Distribution | None:
        """That of the loss."""
        return self.loss.distribution(y)

    def check_shapes(self, y: tuple[int, ...], target: tuple[int, ...]) -> None:
        """Refuse what the loss refuses, and other leads than there are weights."""
        self.loss.check_shapes(y, target)
        if target[-1] != len(self.weights):
            leads = counted(target[-1], "lead")
            raise ShapeError(f"WeightedLeads: weights: expected one for each of {leads}, got {len(self.weights)}.")

    def check_values(self, n_outputs: int, target: Array) -> None:
        """Refuse what the loss refuses."""
        self.loss.check_values(n_outputs, target)

    def counts(self, target: Array) -> Array:
        """w_j of each target, times what it counts for in the loss."""
        of_leads, own = np.resize(np.array(self.weights), target.shape), self.loss.counts(target)
        return of_leads if own is None else of_leads * own

    def value_and_gradient(
        self, y: Array, target: Array, weight: Array | None, out: Array | None
    ) -> tuple[float, Array]:
        """Those of the loss, which has the weights that `counts` gave."""
        return self.loss.value_and_gradient(y, target, weight, out)
