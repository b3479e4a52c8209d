"""Scores over seeds: spread, and paired differences with test, interval and correction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from minidl.comparison.sign_flips import LEVEL, sign_flips
from minidl.core.errors import MissingPackageError
from minidl.core.extras import install_command
from minidl.forecasting.rounding import ROUNDING, Values, differences, tolerance

FOUND = 0.9


def need_scipy() -> None:
    """Raise MissingPackageError if scipy is missing, before anything is trained."""
    try:
        import scipy.stats  # noqa: F401
    except ImportError as err:
        raise MissingPackageError(f"compare needs scipy for its statistics: {install_command('stats')}") from err


@dataclass(frozen=True)
class Spread:
    """How a score lies over seeds.

    Parameters
    ----------
    n : number of values. The others are NaN if there is none.
    broken : runs without a value. The median counts them as the worst ones, and is
        NaN if it falls on one of them; the others are of the n values.
    std : with divisor n - 1; NaN for a single value.
    """

    n: int
    broken: int
    median: float
    mean: float
    std: float
    minimum: float
    maximum: float


def spread(values: Sequence[float], *, broken: int = 0, larger_is_better: bool = True) -> Spread:
    """Median, mean, standard deviation and range; of `broken` more runs it is only known that they are worse."""
    x = np.asarray(values, np.float64)
    if not len(x):
        return Spread(0, broken, math.nan, math.nan, math.nan, math.nan, math.nan)
    worst = np.full(broken, -math.inf if larger_is_better else math.inf)
    median = float(np.median(np.concatenate([x, worst])))
    return Spread(
        len(x),
        broken,
        median if math.isfinite(median) else math.nan,
        float(x.mean()),
        float(x.std(ddof=1)) if len(x) > 1 else math.nan,
        float(x.min()),
        float(x.max()),
    )


@dataclass(frozen=True)
class Paired:
    """The differences of two configs over the seeds.

    Parameters
    ----------
    n : number of pairs.
    differences : second - first by pair, 0 where that is rounding, None where a run broke.
    survivors : pairs in which both runs gave a score.
    mean, median, std : of second - first, over the survivors; NaN if there are none.
    low, high : 95 % interval of the mean: all means that the test does not exclude. NaN
        where it can exclude none (fewer than six pairs), and where a run broke, for then
        a difference has no size.
    p : two-sided, of the paired permutation test: the signs of the differences are
        exchanged at random. A broken run counts as a loss, as large as the largest
        difference of two runs that gave scores.
    p_adjusted : corrected over all tests that were made together (Holm); filled in later.
    first_better, second_better : pairs that each wins; differences of rounding size are
        wins of neither, and a broken run loses to one that gave a score.
    favours : which the test's mean favours, ``first``, ``second`` or None.
    """

    n: int
    differences: tuple[float | None, ...]
    survivors: int
    mean: float
    median: float
    std: float
    low: float
    high: float
    p: float
    p_adjusted: float
    first_better: int
    second_better: int
    favours: str | None

    def as_dict(self) -> dict[str, Any]:
        """All values, for JSON."""
        return {**asdict(self), "differences": list(self.differences)}


def compare_pairs(
    first: Sequence[float],
    second: Sequence[float],
    *,
    larger_is_better: bool = True,
    rounding: float = ROUNDING["float64"],
) -> Paired:
    """Paired differences second - first, with interval and test; p_adjusted is p until `holm` is applied.

    Parameters
    ----------
    first, second : scores of the same seeds, in the same order; NaN or infinite: that run broke.
    larger_is_better : whether of two scores the larger is the better one.
    rounding : relative size of differences that count as none; see `rounding_of`.

    Notes
    -----
    The smallest p of n pairs is 2/2ⁿ: with fewer than six pairs no difference
    can be shown at the 5 % level.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    whole = np.isfinite(a) & np.isfinite(b)
    d = differences(a[whole], b[whole], rounding)
    by_pair: list[float | None] = [None] * len(a)
    for i, value in zip(np.flatnonzero(whole), d, strict=True):
        by_pair[i] = float(value)
    sign = 1 if larger_is_better else -1
    gains = _gains(a, b, sign * d)
    none = tolerance(a[whole], b[whole], rounding)  # what sums to this or less has cancelled
    found = sign_flips(sign * gains, tolerance=none)
    low, high = (found.low, found.high) if whole.all() else (math.nan, math.nan)
    mean, total = float(d.mean()) if len(d) else math.nan, float(gains.sum())
    return Paired(
        n=len(a),
        differences=tuple(by_pair),
        survivors=len(d),
        mean=0.0 if abs(mean) <= none else mean,
        median=float(np.median(d)) if len(d) else math.nan,
        std=float(d.std(ddof=1)) if len(d) > 1 else math.nan,
        low=low,
        high=high,
        p=found.p,
        p_adjusted=found.p,
        first_better=int(np.count_nonzero(gains < 0)),
        second_better=int(np.count_nonzero(gains > 0)),
        favours=None if abs(total) <= none * len(a) else "second" if total > 0 else "first",
    )


def _gains(a: Values, b: Values, d: Values) -> Values:
    """What the second gains in each pair; where one broke, the other gains the largest difference of all."""
    gains, (first, second) = np.zeros(len(a)), (np.isfinite(a), np.isfinite(b))
    gains[first & second] = d
    loss = float(np.abs(d).max(initial=0.0)) or 1.0
    gains[second & ~first], gains[first & ~second] = loss, -loss
    return gains


def holm(p: Sequence[float]) -> list[float]:
    """Holm's correction: p values that keep the chance of any false alarm among all tests at the level.

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


def detectable(n: int, std: float, *, tests: int) -> float:
    """The mean difference that n pairs find in 90 of 100 comparisons; NaN for one pair.

        (t_{1 - α/2m} + t_{0.9}) · std / √n

    Student's t has n - 1 degrees of freedom, α is 0.05, and m the number of `tests` made together. No unbiased
    test of normal differences finds smaller ones as often; more seeds do, and pairs that have more in common,
    which makes `std`, that of the differences, smaller.

    References
    ----------
    Lehmann and Romano (2005), Testing Statistical Hypotheses, section 5.2: the t-test is uniformly most
    powerful among unbiased ones.
    """
    from scipy import stats

    if n < 2:
        return math.nan
    return float((stats.t.ppf(1 - LEVEL / (2 * tests), n - 1) + stats.t.ppf(FOUND, n - 1)) * std / math.sqrt(n))


def fewest_pairs(n_tests: int) -> int:
    """How many pairs are needed so that the smallest possible p, times the number of tests, reaches the level."""
    n = 1
    while n_tests * 2 / 2**n > LEVEL:
        n += 1
    return n
