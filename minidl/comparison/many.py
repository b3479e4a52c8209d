"""More than two configs, all together: which may be the best, and how their runs lie beside each other.

References
----------
Hansen, Lunde and Nason (2011), The model confidence set. Econometrica 79.
Agarwal, Schwarzer, Castro, Courville and Bellemare (2021), Deep reinforcement learning at the edge of the
statistical precipice. Advances in Neural Information Processing Systems 34.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.comparison.both_sources import FEWEST
from minidl.comparison.sign_flips import LEVEL, SEED
from minidl.comparison.task_means import mean_of_means

Values = npt.NDArray[np.float64]
EXCHANGED, DRAWN = 999, 2000
_ROUND, _CHUNK = 1e-12, 1 << 20


def model_confidence_set(scores: Values, *, none: float = 0.0) -> Values:
    """Of each config the p with which it belongs to the set; those above 0.05 are the 95 % set.

    With L the mean of the others' advantage over config i in each of n seeds,

        L_is = mean_j x_js - x_is,   t_i = mean L_i / (std L_i / √n),   T_max = max_i t_i

    Under the hypothesis that all that are left are equally good, their scores can be exchanged
    within a seed; p is the share of exchanges, the observed one included, with a T_max as
    large. Then the config with the largest t is left out, with the largest p so far, and so on.
    Hansen, Lunde and Nason take a bootstrap here; exchanging is exact for few seeds if all configs spread alike
    (docs/compare.md says what it does where they do not), and of two configs it is the paired permutation test.

    Parameters
    ----------
    scores : (n, m), the larger the better, finite.
    none : differences up to this count as none.
    """
    left, p, largest = list(range(scores.shape[1])), np.ones(scores.shape[1]), 0.0
    rng = np.random.default_rng(SEED)
    while len(left) > 1:
        x = scores[:, left]
        observed = _t(x[None], none)[0]
        enough, as_large, rows = observed.max() * (1 - _ROUND) - _ROUND, 0, max(1, _CHUNK // x.size)
        for first in range(0, EXCHANGED, rows):
            order = np.argsort(rng.random((min(rows, EXCHANGED - first), *x.shape)), axis=-1)
            exchanged = _t(np.take_along_axis(np.broadcast_to(x, order.shape), order, axis=-1), none)
            as_large += int(np.count_nonzero(exchanged.max(axis=1) >= enough))
        largest = max(largest, (1 + as_large) / (1 + EXCHANGED))
        p[left.pop(int(observed.argmax()))] = largest
    return p


def _t(x: Values, none: float) -> Values:
    """t of each config in draws (k, n, m): how far it is behind the mean of all."""
    behind = x.mean(axis=2, keepdims=True) - x
    behind = np.where(np.abs(behind) <= none, 0.0, behind)
    mean, error = behind.mean(axis=1), behind.std(axis=1, ddof=1) / math.sqrt(x.shape[1])
    t: Values = np.where(mean == 0, 0.0, mean / np.maximum(error, 1e-9 * np.abs(mean) + np.finfo(float).tiny))
    return t


def interquartile_mean(x: Values) -> Values:
    """The mean of the middle half along the first axis: without the lowest and the highest quarter, rounded down."""
    cut = len(x) // 4
    mean: Values = np.sort(x, axis=0)[cut : len(x) - cut].mean(axis=0)
    return mean


def improvement(x: Values, y: Values, *, none: float = 0.0) -> dict[str, float | None]:
    """The chance that a run of one is better than a run of the other, with its 95 % interval over seeds.

    With c_ij 1 where x_i > y_j, 0.5 for ties and else 0, and P the mean of c over all pairs of runs, seed s has in it

        u_s = mean_j c_sj + mean_i c_is - P

    (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44; here both runs of a seed belong together), whose
    mean is P; the interval is that of a share (`mean_of_means`).

    Parameters
    ----------
    x, y : scores of the same seeds, the larger the better; those of broken runs are infinitely small.
    none : differences up to this count as none.
    """
    of_x, of_y = _beaten(x, y, none), 1 - _beaten(y, x, none)
    return mean_of_means([of_x + of_y - of_x.mean()], shares=True)


def _beaten(x: Values, y: Values, none: float) -> Values:
    """Of each of x the share of y that it is better than, half for ties."""
    y = np.sort(y)
    return (np.searchsorted(y, x - none, "left") + np.searchsorted(y, x + none, "right")) / (2 * len(y))


def interquartile(x: Values) -> dict[str, float | None]:
    """The interquartile mean, with the 95 % percentile interval over seeds drawn anew; with fewer than six none."""
    n = len(x)
    with np.errstate(invalid="ignore"):  # means of the middle half of infinite ones
        value = _finite(float(interquartile_mean(x)))
        if n < FEWEST:
            return {"value": value, "low": None, "high": None}
        drawn = interquartile_mean(x[np.random.default_rng(SEED).integers(0, n, (n, DRAWN))])
    low, high = np.quantile(drawn, [LEVEL / 2, 1 - LEVEL / 2], method="nearest")
    return {"value": value, "low": _finite(float(low)), "high": _finite(float(high))}


def all_together(scores: Mapping[str, Mapping[str, Sequence[float]]], signs: Mapping[str, int], rounding: float) -> Any:
    """What comparison.json says under ``together``, of three configs and more.

    Parameters
    ----------
    scores : by row and label, one a seed, in their order; None, NaN or infinite for runs that broke.
    signs : by row, 1 if the larger score is the better one, else -1.

    Returns
    -------
    ``set``: by row and label the p of the model confidence set; and of the first row
    ``interquartile_mean`` by label, and ``improvement``, the chance that a run of one (by label) is better
    than one of another (by label).
    """
    first = next(iter(scores))
    best = {label: _losing(signs[first] * np.array(values, np.float64)) for label, values in scores[first].items()}
    means = {label: interquartile(x) for label, x in best.items()}
    none = _none(scores[first].values(), rounding)
    return {
        "set": {row: _set(by_label, signs[row], rounding) for row, by_label in scores.items()},
        "interquartile_mean": {label: _turned(found, signs[first]) for label, found in means.items()},
        "improvement": {
            one: {other: improvement(best[one], best[other], none=none) for other in best if other != one}
            for one in (best if len(best) <= MOST_PAIRED else ())
        },
    }


MOST_PAIRED = 6


def _set(by_label: Mapping[str, Sequence[float]], sign: int, rounding: float) -> dict[str, float] | None:
    """A run that broke is as far below the worst as that is below the best."""
    x = sign * np.array(list(by_label.values()), np.float64).T
    whole = x[np.isfinite(x)]
    if not len(whole) or len(x) < 2:
        return None
    x = np.where(np.isfinite(x), x, whole.min() - (np.ptp(whole) or 1.0))
    p = model_confidence_set(x, none=_none(by_label.values(), rounding))
    return dict(zip(by_label, p.tolist(), strict=True))


def _none(scores: Iterable[Sequence[float]], rounding: float) -> float:
    """Which differences are of rounding size: relative to a usual score."""
    x = np.array(list(scores), np.float64)
    whole = np.abs(x[np.isfinite(x)])
    return rounding * float(np.median(whole)) if len(whole) else 0.0


def _losing(x: Values) -> Values:
    return np.where(np.isfinite(x), x, -math.inf)


def _turned(found: dict[str, float | None], sign: int) -> dict[str, float | None]:
    value, low, high = (None if v is None else sign * v for v in found.values())
    low, high = (low, high) if sign > 0 else (high, low)
    return {"value": value, "low": low, "high": high}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
