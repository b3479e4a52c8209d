"""Several losses at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from msgspec import Meta

from minidl.core.arguments import PositiveFloat
from minidl.core.errors import ConfigError
from minidl.core.registry import register
from minidl.losses.distributions import Distribution
from minidl.losses.loss import Array, Loss


@register
@dataclass(eq=False)
class SumOfLosses(Loss):
    """L = Σ_i w_i L_i(y, target), dL/dy = Σ_i w_i dL_i/dy.

    Each L_i is the mean that it is by itself, with weights of examples as well. All take the same targets and
    as many outputs for each, and mean the same by them; the point forecast is that of the first. Compiled code takes
    it if it takes each of them, and none has weights of its own, of classes or leads.

    Parameters
    ----------
    losses : at least one.
    weights : w_i > 0, one for each loss; None: 1. They need not be 1 together.
    """

    losses: list[Loss]
    weights: Annotated[list[PositiveFloat], Meta(min_length=1)] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.losses:
            raise ConfigError("SumOfLosses: losses: expected at least one.")
        if self.weights is not None and len(self.weights) != len(self.losses):
            raise ConfigError(
                f"SumOfLosses: weights: expected one for each of the {len(self.losses)} losses, "
                f"got {len(self.weights)}."
            )
        first = self.losses[0]
        for other in self.losses[1:]:
            names = f"SumOfLosses: losses: {type(first).__name__} and {type(other).__name__}"
            if (other.labels, other.per_target) != (first.labels, first.per_target):
                raise ConfigError(f"{names} take other targets, or another number of outputs for each.")
            if not _alike(first, other):
                raise ConfigError(f"{names} mean something else by the same outputs.")
        self.labels = first.labels  # type: ignore[misc]
        self.probabilities = first.probabilities  # type: ignore[misc]
        self.restricted = any(loss.restricted for loss in self.losses)  # type: ignore[misc]

    @property
    def per_target(self) -> int:
        """That of each of the losses."""
        return self.losses[0].per_target

    def point(self, y: Array) -> Array:
        """That of the first loss."""
        return self.losses[0].point(y)

    def distribution(self, y: Array) -> Distribution | None:
        """That of the first loss."""
        return self.losses[0].distribution(y)

    def check_shapes(self, y: tuple[int, ...], target: tuple[int, ...]) -> None:
        """Refuse what one of the losses refuses."""
        for loss in self.losses:
            loss.check_shapes(y, target)

    def check_values(self, n_outputs: int, target: Array) -> None:
        """Refuse what one of the losses refuses."""
        for loss in self.losses:
            loss.check_values(n_outputs, target)

    def value_and_gradient(
        self, y: Array, target: Array, weight: Array | None, out: Array | None
    ) -> tuple[float, Array]:
        """(Σ_i w_i L_i, Σ_i w_i dL_i/dy)."""
        weights: Sequence[float] = self.weights or [1.0] * len(self.losses)
        if weight is not None:
            weight = np.broadcast_to(weight[..., 0] if self.labels else weight, target.shape)
        total, dy = 0.0, np.zeros_like(y)
        for loss, w in zip(self.losses, weights, strict=True):
            value, slope = loss(y, target, weight)
            total += w * value
            dy += slope * w
        if out is None:
            return total, dy
        np.copyto(out, dy)
        return total, out


def _alike(first: Loss, other: Loss) -> bool:
    """Whether two losses say the same of an output: one of them a logit and the other a number would be nonsense."""
    y = np.zeros((1, first.per_target))
    said = first.distribution(y), other.distribution(y)
    if first.per_target == 1 or None in said:
        return first.probabilities == other.probabilities
    kinds = [(type(one), getattr(one, "levels", None)) for one in said]
    return kinds[0] == kinds[1]
