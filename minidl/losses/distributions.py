"""What a model says of a number beyond its point: quantiles, or a Gaussian.

A loss makes a distribution of a model's outputs; see `minidl.losses.Loss.distribution`. All
arrays are of the numbers that are forecast, (windows, leads), quantiles with an axis of levels
after them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from minidl.core.errors import ConfigError

Values = npt.NDArray[np.float64]
_CLOSE = 0.01 + 1e-9  # levels between which a quantile is a straight line's
_erf = np.vectorize(math.erf, otypes=[np.float64])


class Distribution(ABC):
    """A distribution for each number."""

    @abstractmethod
    def first(self, leads: int) -> Distribution:
        """That of the first leads alone."""

    @abstractmethod
    def of_target(self, k: int, targets: int) -> Distribution:
        """That of target k alone, counted from 0, of so many that stand side by side for each lead."""

    @abstractmethod
    def at(self, levels: Sequence[float]) -> Values:
        """(..., levels): the quantiles of these levels.

        Raises
        ------
        ConfigError
            The model does not say one of them.
        """

    @abstractmethod
    def interval(self, coverage: float, margin: Values | float = 0.0) -> tuple[Values, Values]:
        """(lower, upper) ends, below and above which a number lies with probability (1 - coverage)/2 each.

        Parameters
        ----------
        margin : by which an interval is widened, or narrowed where it is below 0; what it is in, `conformity` says.

        Raises
        ------
        ConfigError
            The model does not say so: it has no such levels.
        """

    @abstractmethod
    def conformity(self, truth: Values, coverage: float) -> Values:
        """The smallest margin whose interval holds each number."""

    @abstractmethod
    def crps(self, truth: Values) -> Values:
        """The continuous ranked probability score of each number, ∫ (F(x) - [truth <= x])² dx; less is better.

        That of a point forecast, whose F is a step, is the absolute error.

        References
        ----------
        Gneiting and Raftery (2007), Strictly proper scoring rules, prediction, and estimation,
        Journal of the American Statistical Association 102(477), 359-378.
        """

    @abstractmethod
    def moved(self, back: Callable[[Values], Values], slope: Values | float | None) -> Distribution:
        """That of back(x), a growing function of the number x.

        Parameters
        ----------
        slope : of `back`, where it is a straight line; None: it is bent.
        """

    def crossing(self) -> float:
        """The share of numbers whose levels cross, and were sorted."""
        return 0.0


@dataclass(frozen=True, eq=False)
class Quantiles(Distribution):
    """Quantiles of a few levels. Where a model's levels cross, they are sorted.

    Parameters
    ----------
    levels : increasing, between 0 and 1.
    values : (..., levels), as the model puts them out.
    """

    levels: Sequence[float]
    values: Values

    def first(self, leads: int) -> Quantiles:
        """That of the first leads alone."""
        return replace(self, values=self.values[:, :leads])

    def of_target(self, k: int, targets: int) -> Quantiles:
        """That of one target alone."""
        return replace(self, values=self.values[:, k::targets])

    @property
    def ordered(self) -> Values:
        """The values of each number, sorted."""
        return np.sort(self.values, axis=-1)

    def at(self, levels: Sequence[float]) -> Values:
        """Those of the model's own levels; on a straight line between two that are at most 0.01 apart."""
        values = self.ordered
        return np.stack([self._at(values, level) for level in levels], axis=-1)

    def _at(self, values: Values, level: float) -> Values:
        j = int(np.argmin(np.abs(np.array(self.levels) - level)))
        if abs(self.levels[j] - level) < 1e-9:
            nearest: Values = values[..., j]
            return nearest
        j = int(np.searchsorted(self.levels, level))
        if not 0 < j < len(self.levels) or self.levels[j] - self.levels[j - 1] > _CLOSE:
            own = ", ".join(f"{one:.6g}" for one in self.levels)
            raise ConfigError(f"no level {level:.6g}; the loss has {own}")
        share = (level - self.levels[j - 1]) / (self.levels[j] - self.levels[j - 1])
        between: Values = (1 - share) * values[..., j - 1] + share * values[..., j]
        return between

    def knows(self, level: float) -> bool:
        """Whether `at` has this level."""
        try:
            self._at(np.zeros(len(self.levels)), level)
        except ConfigError:
            return False
        return True

    def interval(self, coverage: float, margin: Values | float = 0.0) -> tuple[Values, Values]:
        """q - m and q' + m of the levels (1 - coverage)/2 and (1 + coverage)/2; their middle where they cross."""
        levels = (1 - coverage) / 2, (1 + coverage) / 2
        try:
            ends = self.at(levels)
        except ConfigError as err:
            raise ConfigError(
                f"an interval of {coverage:.6g} lies between the levels {levels[0]:.6g} and {levels[1]:.6g}; "
                f"{str(err).partition('; ')[2]}"
            ) from err
        lower, upper = ends[..., 0], ends[..., 1]
        margin = np.maximum(margin, (lower - upper) / 2)
        return lower - margin, upper + margin

    def conformity(self, truth: Values, coverage: float) -> Values:
        """max(q - y, y - q') of the truth y: Romano, Patterson and Candès' score of conformalized quantile regression.

        References
        ----------
        Romano, Patterson and Candès (2019), Conformalized quantile regression, NeurIPS 32.
        """
        lower, upper = self.interval(coverage)
        return np.maximum(lower - truth, truth - upper)

    def crps(self, truth: Values) -> Values:
        """2 · the mean of the pinball loss over the levels: near to it if the levels are (j - ½)/n, j = 1 ... n."""
        values = self.ordered
        losses = [pinball(values[..., j], truth, level) for j, level in enumerate(self.levels)]
        score: Values = 2 * np.mean(losses, axis=0)
        return score

    def moved(self, back: Callable[[Values], Values], slope: Values | float | None) -> Quantiles:
        """back(quantile): a growing function moves quantiles with it."""
        return replace(self, values=back(self.values))

    def crossing(self) -> float:
        """The share of numbers whose levels cross."""
        return float(np.mean((np.diff(self.values, axis=-1) < 0).any(axis=-1)))


@dataclass(frozen=True, eq=False)
class Gaussian(Distribution):
    """A Gaussian for each number.

    Parameters
    ----------
    mean, deviation : μ and σ > 0, (...).
    """

    mean: Values
    deviation: Values

    def first(self, leads: int) -> Gaussian:
        """That of the first leads alone."""
        return replace(self, mean=self.mean[:, :leads], deviation=self.deviation[:, :leads])

    def of_target(self, k: int, targets: int) -> Gaussian:
        """That of one target alone."""
        return replace(self, mean=self.mean[:, k::targets], deviation=self.deviation[:, k::targets])

    def at(self, levels: Sequence[float]) -> Values:
        """μ + z σ, Φ(z) = level."""
        z = np.array([NormalDist().inv_cdf(level) for level in levels])
        found: Values = self.mean[..., None] + z * self.deviation[..., None]
        return found

    def interval(self, coverage: float, margin: Values | float = 0.0) -> tuple[Values, Values]:
        """μ ± (z + m) σ, Φ(z) = (1 + coverage)/2."""
        half = np.maximum(NormalDist().inv_cdf((1 + coverage) / 2) + margin, 0) * self.deviation
        return self.mean - half, self.mean + half

    def conformity(self, truth: Values, coverage: float) -> Values:
        """|y - μ|/σ - z of the truth y: the residual in units of the model's own deviation."""
        z = NormalDist().inv_cdf((1 + coverage) / 2)
        score: Values = np.abs(truth - self.mean) / self.deviation - z
        return score

    def crps(self, truth: Values) -> Values:
        """σ (z (2 Φ(z) - 1) + 2 φ(z) - 1/√π), z = (truth - μ)/σ: Gneiting and Raftery's closed form."""
        z = (truth - self.mean) / self.deviation
        density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        score: Values = self.deviation * (z * _erf(z / math.sqrt(2)) + 2 * density - 1 / math.sqrt(math.pi))
        return score

    def moved(self, back: Callable[[Values], Values], slope: Values | float | None) -> Distribution:
        """A Gaussian again on a straight scale; else its quantiles of the levels 0.005, 0.015, ... 0.995."""
        if slope is not None:
            return Gaussian(back(self.mean), self.deviation * slope)
        levels = [(j + 0.5) / 100 for j in range(100)]
        return Quantiles(levels, back(self.at(levels)))


def pinball(y: Values, truth: Values, level: float) -> Values:
    """max(τ e, (τ - 1) e), e = truth - y: the loss of a forecast y of the τ-quantile; see `minidl.losses.Quantile`."""
    e = truth - y
    return np.maximum(level * e, (level - 1) * e)
