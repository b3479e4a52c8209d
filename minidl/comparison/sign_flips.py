"""The paired permutation test of a mean and the interval that belongs to it, in one.

Under the hypothesis that the mean difference is θ, the signs of d_i - θ are random.
Flipping those of a set S gives a mean that is as far from 0 as the observed one if and
only if the sums of d_i - θ over S and over the rest do not have the same sign, that is
if θ lies between the mean of d over S and that over the rest. So

    p(θ) = share of all ways to flip for which θ lies between the two means

(nothing flipped, and all flipped, count for every θ), and it can only fall on both
sides of the mean of d. The 95 % interval is all θ with p(θ) > 0.05; it holds 0 if and
only if p(0) > 0.05, for the same numbers decide both.

References
----------
Fisher (1935), The Design of Experiments, section 21.
Hartigan (1969), Using subsample values as typical values. Journal of the American Statistical Association 64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
LEVEL = 0.05
EXACT_UP_TO = 20  # pairs: half a million ways to split them
DRAWN = 19_999  # ways for more pairs
SEED = 20_196  # of those drawn, so that a report is the same when it is made again
_CHUNK = 1 << 22


@dataclass(frozen=True)
class SignFlips:
    """What the test finds.

    Parameters
    ----------
    p : two-sided, of a mean of 0.
    low, high : all means whose p is above 0.05, ends included; NaN where no mean can be
        excluded, which needs six pairs.
    """

    p: float
    low: float
    high: float


def sign_flips(d: Values, *, tolerance: float = 0.0) -> SignFlips:
    """Test whether the mean of paired differences is 0, and the 95 % interval of it.

    Exact for up to 20 pairs; for more, 19,999 ways to flip are drawn with a fixed seed,
    and the way that was observed is counted with them.

    Parameters
    ----------
    d : differences (n,), finite.
    tolerance : means of some of the differences up to this size count as 0.
    """
    if not len(d):
        return SignFlips(1.0, np.nan, np.nan)
    unit = float(np.abs(d).max()) or 1.0  # so that no sum overflows
    lower, upper, mean = _means(d / unit, tolerance / unit)
    lower, upper = np.minimum(lower, mean), np.maximum(upper, mean)  # in exact arithmetic they are
    ways = 1 + len(lower)  # the observed one, and those that flip something
    p = (1 + int(np.count_nonzero((lower <= 0) & (upper >= 0)))) / ways
    needed = _fewest_above_level(ways)
    if not needed:
        return SignFlips(p, np.nan, np.nan)
    low = float(np.sort(lower)[needed - 1]) * unit
    high = float(np.sort(upper)[-needed]) * unit
    return SignFlips(p, low, high)


def _fewest_above_level(ways: int) -> int:
    """How many of the ways that flip something must count for θ so that p(θ) is above the level."""
    needed = max(0, int(LEVEL * ways) - 2)
    while (1 + needed) / ways <= LEVEL:
        needed += 1
    return needed


def _means(d: Values, tolerance: float) -> tuple[Values, Values, float]:
    """For each way to flip some, the smaller and the larger of the means of those flipped and of the rest; the mean."""
    with_sizes = np.stack([d, np.abs(d)], axis=1)
    split = _all_parts if len(d) <= EXACT_UP_TO else _drawn_parts
    found = []
    for flipped, rest, count in split(with_sizes):
        one = _snapped(flipped, tolerance * count) / count
        other = _snapped(rest, tolerance * (len(d) - count)) / (len(d) - count)
        found.append((np.minimum(one, other), np.maximum(one, other)))
    lower, upper = (np.concatenate(means) for means in zip(*found, strict=True))
    mean = _snapped(with_sizes.sum(axis=0, keepdims=True), np.array([tolerance * len(d)])) / len(d)
    return lower, upper, float(mean[0])


def _snapped(sums: Values, tolerances: Values) -> Values:
    """Of sums and sums of sizes (k, 2) the sums, 0 if of rounding size: what cancels leaves some 1e-16 of its size."""
    return np.where(np.abs(sums[:, 0]) <= np.maximum(1e-14 * sums[:, 1], tolerances), 0.0, sums[:, 0])


def _all_parts(d: Values) -> Iterator[tuple[Values, Values, Values]]:
    """Sums of those flipped, of the rest, and how many are flipped; the first never is, which is half of all ways."""
    flipped, rest, count = np.zeros((1, 2)), d[:1], np.zeros(1)
    for value in d[1:]:
        flipped = np.concatenate([flipped, flipped + value])
        rest = np.concatenate([rest + value, rest])
        count = np.concatenate([count, count + 1])
    yield flipped[1:], rest[1:], count[1:]


def _drawn_parts(d: Values) -> Iterator[tuple[Values, Values, Values]]:
    rng = np.random.default_rng(SEED)
    rows = max(1, _CHUNK // len(d))
    for first in range(0, DRAWN, rows):
        flips = rng.integers(0, 2, (min(rows, DRAWN - first), len(d)), dtype=np.int8).astype(np.float64)
        count = flips.sum(axis=1)
        # None or all flipped, one of a million draws: counted for no θ, which changes p by less than 1e-6.
        some = (count > 0) & (count < len(d))
        flips, count = flips[some], count[some]
        yield flips @ d, (1 - flips) @ d, count
