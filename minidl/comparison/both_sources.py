"""How a mean difference would vary with other seeds *and* with another test part of the same kind: one interval.

The seeds are a sample, and so is the test part: its stretches stand for others like them.
Both are drawn anew, crossed, as every run is scored on every stretch. What is not sampled stays
a condition: the training part, and that the future is like the test part.

References
----------
Owen (2007), The pigeonhole bootstrap. Annals of Applied Statistics 1.
Carlstein (1986), The use of subseries values for estimating the variance of a general statistic from a
stationary sequence. Annals of Statistics 14.
Ibragimov and Müller (2010), t-statistic based correlation and heterogeneity robust inference.
Journal of Business & Economic Statistics 28.
Satterthwaite (1946), An approximate distribution of estimates of variance components. Biometrics Bulletin 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minidl.comparison.sign_flips import LEVEL, SEED
from minidl.metrics import Metric
from minidl.metrics.sums import STRETCHES

Values = npt.NDArray[np.float64]
OfSums = Callable[[Values], Values]
DRAWN = 2000
FEWEST = 6  # seeds, as for the interval over seeds alone; and stretches
_CHUNK = 1 << 21


@dataclass(frozen=True)
class BothSources:
    """The 95 % interval of a mean difference over seeds and test part.

    Parameters
    ----------
    low, high : its ends; NaN where there is none.
    from_seeds, from_test : standard errors of the mean difference from each source alone.
    stretches : of the test part.
    """

    low: float
    high: float
    from_seeds: float
    from_test: float
    stretches: int


def over_both(first: Values, second: Values, of_sums: OfSums, *, none: bool = False) -> BothSources | None:
    """The interval of the mean of second - first; None with fewer than six seeds or stretches.

    With d_i the difference of seed i, in a draw d*_i on stretches drawn anew, w*_i the shares of
    seeds drawn anew, n seeds and G stretches:

        V_seeds = var(d) / n,   V_test = G / (G - 1) · var*(mean d*),   V_both = var*(Σ w*_i d*_i)
        V = V_both + V_seeds / n + V_test / G       (a bootstrap of n is too small by 1 / n)
        mean d ± t_ν √V,   ν = (V_seeds + V_test)² / (V_seeds² / (n - 1) + V_test² / (G - 1))

    Parameters
    ----------
    first, second : sums (n, G, S) of the same seeds and stretches.
    of_sums : see `Metric.of_sums`.
    none : whether all sums are the same but for rounding, and the interval is 0.
    """
    n, stretches = first.shape[:2]
    if min(n, stretches) < FEWEST:
        return None
    if none:
        return BothSources(0.0, 0.0, 0.0, 0.0, stretches)
    with np.errstate(all="ignore"):  # what is undefined gives no interval
        return _drawn(first, second, of_sums)


def _drawn(first: Values, second: Values, of_sums: OfSums) -> BothSources:
    n, stretches = first.shape[:2]
    rng = np.random.default_rng(SEED)
    d = of_sums(second.sum(axis=1)) - of_sums(first.sum(axis=1))
    drawn, both = np.empty(DRAWN), np.empty(DRAWN)
    step = max(1, _CHUNK // first.size * stretches)
    for start in range(0, DRAWN, step):
        part = slice(start, min(DRAWN, start + step))
        size = part.stop - start
        counts = rng.multinomial(stretches, np.full(stretches, 1 / stretches), size).astype(np.float64)
        one, other = (of_sums(np.tensordot(counts, sums, axes=(1, 1))) for sums in (first, second))
        shares = rng.multinomial(n, np.full(n, 1 / n), size) / n
        drawn[part], both[part] = (other - one).mean(axis=1), (shares * (other - one)).sum(axis=1)
    from_seeds = float(d.var(ddof=1)) / n
    from_test = float(drawn.var()) * stretches / (stretches - 1)
    variance = float(both.var()) + from_seeds / n + from_test / stretches
    half = _t(from_seeds, n, from_test, stretches) * math.sqrt(variance)
    mean = float(d.mean())
    return BothSources(mean - half, mean + half, math.sqrt(from_seeds), math.sqrt(from_test), stretches)


def _t(from_seeds: float, n: int, from_test: float, stretches: int) -> float:
    """Student's t for the 95 % interval of a sum of two variances, with Satterthwaite's degrees of freedom."""
    from scipy import stats

    total = from_seeds + from_test
    if not total > 0:
        return 0.0 if total == 0 else math.nan
    parts = (from_seeds / total) ** 2 / (n - 1) + (from_test / total) ** 2 / (stretches - 1)
    return float(stats.t.ppf(1 - LEVEL / 2, 1 / parts))


def score_of_sums(metric: Metric, sums: Sequence[Sequence[float]]) -> float:
    """A metric's value on all stretches together.

    Raises
    ------
    ValueError
        The metric has no such form, or the sums are not of it.
    """
    values = np.array(sums, np.float64)
    if metric.of_sums is None or values.ndim != 2 or not 1 <= len(values) <= STRETCHES or not np.isfinite(values).all():
        raise ValueError("no sums of this metric")
    with np.errstate(all="ignore"):
        return float(metric.of_sums(values.sum(axis=0)))
