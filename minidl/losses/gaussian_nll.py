"""The likelihood of a Gaussian whose mean and spread a model puts out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from minidl.core.arguments import PositiveFloat
from minidl.core.registry import register
from minidl.losses.distributions import Gaussian
from minidl.losses.loss import Array, Loss, by_target, shares


@register
@dataclass(eq=False)
class GaussianNLL(Loss):
    """L = mean(½ (log v + (μ - target)²/v + log 2π)) with v = exp(s) + ε, of outputs μ and s: -log of a density.

    A mean over all targets. A model has two outputs for each target, side by side: the mean μ, which is the point
    forecast, and s, the logarithm of the variance, as in Kendall and Gal; ε keeps the likelihood
    bounded where targets are met exactly.
    With z² = (μ - target)²/v: dL/dμ = (μ - target)/v/n, dL/ds = ½ (1 - z²) exp(s)/v/n.
    It is computed from log v = log(exp(s) + exp(log ε)), in which no exponential overflows.

    Parameters
    ----------
    minimum_variance : ε > 0, in squared units of the scaled target.

    Shapes
    ------
    y (..., 2 K), target (..., K).

    References
    ----------
    Nix and Weigend (1994), Estimating the mean and variance of the target probability distribution,
    IEEE International Conference on Neural Networks, 55-60.
    Kendall and Gal (2017), What uncertainties do we need in Bayesian deep learning for computer vision?,
    section 3.2, NeurIPS.
    """

    minimum_variance: PositiveFloat = 1e-6

    @property
    def per_target(self) -> int:
        """Mean and log variance."""
        return 2

    def point(self, y: Array) -> Array:
        """The means."""
        return y[..., ::2]

    def distribution(self, y: Array) -> Gaussian:
        """Mean μ and deviation √v."""
        both = by_target(np.asarray(y, np.float64), 2)
        return Gaussian(both[..., 0], np.exp(np.logaddexp(both[..., 1], math.log(self.minimum_variance)) / 2))

    def value_and_gradient(
        self, y: Array, target: Array, weight: Array | None, out: Array | None
    ) -> tuple[float, Array]:
        """(mean of -log density, its gradient by μ and s)."""
        both = by_target(y, 2)
        s = both[..., 1]
        share = shares(weight, s.shape)
        log_v = np.logaddexp(s, math.log(self.minimum_variance), dtype=y.dtype)
        root = np.exp(-log_v / 2)
        z = (both[..., 0] - np.asarray(target, y.dtype)) * root
        values = (log_v + z.astype(np.float64) ** 2 + math.log(2 * math.pi)) / 2
        loss = float(np.sum(values * share))
        dy = np.empty(y.shape, y.dtype) if out is None else out
        slopes = np.stack([z * root, (1 - z * z) * np.exp(s - log_v) / 2], axis=-1)
        np.multiply(slopes.reshape(y.shape), _for_both(share), out=dy, casting="same_kind")
        return loss, dy


def _for_both(share: Array | float) -> Array | float:
    """The share of each target for its two outputs; one for all of them stays one."""
    return share if isinstance(share, float) or share.shape[-1] == 1 else np.repeat(share, 2, axis=-1)
