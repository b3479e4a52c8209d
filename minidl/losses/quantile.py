"""The loss of quantiles: what lies below with a given probability."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from msgspec import Meta

from minidl.core.errors import ConfigError
from minidl.core.registry import register
from minidl.losses.distributions import Quantiles
from minidl.losses.loss import Array, Loss, by_target, shares


@register
@dataclass(eq=False)
class Quantile(Loss):
    """L = mean(max(τ e, (τ - 1) e)), e = target - y; dL/dy = -τ/n where e > 0, (1 - τ)/n where e < 0, else 0.

    The pinball loss: it is least where y is the τ-quantile of the target. A mean over all targets and levels.
    A model has an output for each level, side by side for each target. The point forecast is
    the output of the level nearest to 0.5, the lower one of two.

    Parameters
    ----------
    levels : τ, increasing numbers between 0 and 1.

    Shapes
    ------
    y (..., K · levels), target (..., K).

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles, Econometrica 46(1), 33-50.
    """

    levels: Annotated[list[Annotated[float, Meta(gt=0, lt=1)]], Meta(min_length=1)] = field(
        default_factory=lambda: [0.1, 0.5, 0.9]
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(a >= b for a, b in zip(self.levels, self.levels[1:], strict=False)):
            raise ConfigError(f"Quantile: levels: expected increasing numbers, got {self.levels}.")

    @property
    def per_target(self) -> int:
        """One output a level."""
        return len(self.levels)

    def point(self, y: Array) -> Array:
        """The outputs of the level nearest to 0.5."""
        nearest = min(range(len(self.levels)), key=lambda j: abs(self.levels[j] - 0.5))
        return y[..., nearest :: self.per_target]

    def distribution(self, y: Array) -> Quantiles:
        """The quantiles of all levels."""
        return Quantiles(self.levels, by_target(np.asarray(y, np.float64), self.per_target))

    def value_and_gradient(
        self, y: Array, target: Array, weight: Array | None, out: Array | None
    ) -> tuple[float, Array]:
        """(mean(max(τ e, (τ - 1) e)), its slope / n)."""
        levels = np.array(self.levels, y.dtype)
        e = np.asarray(target, y.dtype)[..., None] - by_target(y, self.per_target)
        share = shares(None if weight is None else weight[..., None], e.shape)
        loss = float(np.sum(np.maximum(levels * e, (levels - 1) * e) * share, dtype=np.float64))
        slope = (e < 0) * (1 - levels) - (e > 0) * levels
        found: Array = np.multiply((slope * share).reshape(y.shape), 1, out=out, dtype=y.dtype, casting="same_kind")
        return loss, found
