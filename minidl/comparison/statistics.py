"""Scores over seeds: spread, paired differences, intervals and tests, by scipy.stats."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.errors import ConfigError
from minidl.extras import install_command

Values = npt.NDArray[np.float64]
LEVEL = 0.05
RESAMPLES = 9999
SEED = 20_196  # of the resampling, so that a report is the same when it is made again


def need_scipy() -> None:
    """Raise ConfigError if scipy is missing, before anything is trained."""
    try:
        import scipy.stats  # noqa: F401
    except ImportError as err:
        raise ConfigError(f"compare needs scipy for its statistics: {install_command('stats')}") from err


@dataclass(frozen=True)
class Spread:
    """How a score lies over seeds.

    Parameters
    ----------
    n : number of values. The others are NaN if there is none.
    std : with divisor n - 1; NaN for a single value.
    """

    n: int
    median: float
    mean: float
    std: float
    minimum: float
    maximum: float


def spread(values: Sequence[float]) -> Spread:
    """Median, mean, standard deviation and range."""
    x = np.asarray(values, np.float64)
    if not len(x):
        return Spread(0, math.nan, math.nan, math.nan, math.nan, math.nan)
    std = float(x.std(ddof=1)) if len(x) > 1 else math.nan
    return Spread(len(x), float(np.median(x)), float(x.mean()), std, float(x.min()), float(x.max()))


@dataclass(frozen=True)
class Paired:
    """The differences of two configs over the seeds that both have.

    Parameters
    ----------
    n : number of pairs.
    mean, median, std : of second - first.
    low, high : bootstrap interval of the mean, 95 %, bias-corrected and accelerated.
    p : two-sided, of the paired permutation test: the signs of the differences
        are exchanged at random (all ways, if there are at most 9,999).
    p_adjusted : corrected over all tests that were made together (Holm); filled in later.
    second_larger : pairs in which the second is larger.
    """

    n: int
    mean: float
    median: float
    std: float
    low: float
    high: float
    p: float
    p_adjusted: float
    second_larger: int

    @property
    def told_apart(self) -> bool:
        """Whether the corrected test finds a difference at the 5 % level."""
        return self.p_adjusted < LEVEL

    def as_dict(self) -> dict[str, Any]:
        """All values, for JSON."""
        return asdict(self)


def compare_pairs(first: Sequence[float], second: Sequence[float]) -> Paired:
    """Paired differences second - first, with interval and test; p_adjusted is p until `holm` is applied.

    Parameters
    ----------
    first, second : scores of the same seeds, in the same order, all finite.

    Notes
    -----
    The smallest p of n pairs is 2/2ⁿ: with fewer than six pairs no difference
    can be shown at the 5 % level.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    d = b - a
    if not len(d):
        return Paired(0, math.nan, math.nan, math.nan, math.nan, math.nan, 1.0, 1.0, 0)
    low, high = bootstrap_interval(d)
    p = permutation_p(d)
    std = float(d.std(ddof=1)) if len(d) > 1 else math.nan
    return Paired(len(d), float(d.mean()), float(np.median(d)), std, low, high, p, p, int(np.count_nonzero(d > 0)))


def bootstrap_interval(d: Values) -> tuple[float, float]:
    """95 % interval of the mean; the value itself if all are equal, NaN for a single one."""
    from scipy import stats

    if len(d) < 2:
        return math.nan, math.nan
    if np.ptp(d) == 0:
        return float(d[0]), float(d[0])
    for method in ("BCa", "percentile"):  # BCa is not defined for some samples of two or three values
        rng = np.random.default_rng(SEED)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = stats.bootstrap((d,), np.mean, n_resamples=RESAMPLES, method=method, random_state=rng)
        low, high = map(float, found.confidence_interval)
        if math.isfinite(low) and math.isfinite(high):
            break
    return low, high


def permutation_p(d: Values) -> float:
    """Two-sided p of the hypothesis that the signs of the differences are random."""
    from scipy import stats

    if len(d) < 2 or not d.any():
        return 1.0
    found = stats.permutation_test(
        (d,),
        _mean_of_signed,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        vectorized=True,
        random_state=np.random.default_rng(SEED),
    )
    return min(1.0, float(found.pvalue))


def _mean_of_signed(d: Values, axis: int = -1) -> Any:
    return np.mean(d, axis=axis)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's correction: p values that keep the chance of any false alarm among all tests below the level.

    Sorted, the i-th smallest of m (i = 0 ...) becomes the largest of
    (m - j) p_j over j <= i, at most 1.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6.
    """
    adjusted = [1.0] * len(p)
    running = 0.0
    for rank, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        running = max(running, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = running
    return adjusted


def fewest_pairs(n_tests: int) -> int:
    """How many pairs are needed so that the smallest possible p, times the number of tests, is below the level."""
    n = 1
    while n_tests * 2 / 2**n >= LEVEL:
        n += 1
    return n
