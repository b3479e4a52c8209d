"""Several distributions of one number made one: each quantile is the weighted mean of theirs.

Q(τ) = Σ w_m Q_m(τ) for every level τ, in the target's own units (Vincentization). Its median is the mixture's point,
and of Gaussians it is a Gaussian, of mean Σ w_m μ_m and deviation Σ w_m σ_m. The mean of distribution functions would
be another choice: it is wider than its members on average, also where each of them is right about its own errors.

References
----------
Vincent (1912), The functions of the vibrissae in the behavior of the white rat, Animal Behavior Monographs 1(5).
Lichtendahl, Grushka-Cockayne and Winkler (2013), Is it better to average probabilities or quantiles?,
Management Science 59(7), 1594-1611.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from minidl.core.errors import ConfigError
from minidl.forecasting.distributions import Distributions, in_units, on_scale
from minidl.forecasting.forecasters import Starts
from minidl.forecasting.mixture import Mixture, mixed
from minidl.losses.distributions import Distribution, Gaussian, Quantiles

Values = npt.NDArray[np.float64]


def quantile_mean(told: Sequence[Distribution], weights: Values) -> Distribution:
    """The distribution whose quantiles are the weighted means, of those levels that all members know.

    Parameters
    ----------
    told : by each member, of the same numbers (windows, leads).
    weights : (members, leads).

    Raises
    ------
    ConfigError
        They know no level together.
    """
    gaussians = [one for one in told if isinstance(one, Gaussian)]
    if len(gaussians) == len(told):
        parts = (np.array([getattr(one, name) for one in gaussians]) for name in ("mean", "deviation"))
        return Gaussian(*(mixed(values, weights) for values in parts))
    known = [one for one in told if isinstance(one, Quantiles)]
    fewest = min(known, key=lambda one: len(one.levels))
    levels = [level for level in fewest.levels if all(one.knows(level) for one in known)]
    if not levels:
        raise ConfigError("the distributions know no level together, so that they have no mean.")
    mean = sum(w[:, None] * one.at(levels) for w, one in zip(weights, told, strict=True))
    return Quantiles(levels, np.asarray(mean))


def mean_distributions(mixture: Mixture) -> Distributions:
    """Of a mixture whose members all have distributions, scaled as the first of them is."""

    column, first = mixture.members[0].splits.table.target_index, mixture.members[0].splits

    def distributions(starts: Starts, horizon: int) -> Distribution:
        told = []
        for one in mixture.members:
            own = one.splits.table.target_index
            told.append(in_units(one.told(starts, horizon), one.splits.scale_at(starts), own))
        return on_scale(quantile_mean(told, mixture.weights.to(horizon)), first.scale_at(starts), column)

    return distributions
