"""Means over seeds and then over tasks, with 95 % intervals of other seeds on the same tasks.

A bootstrap of few seeds draws the same few again and again: its "95 %" interval of a mean holds the truth in 0 of
100 cases with one seed, in half with two, and it has no width where a config wins every seed.

References
----------
Price and Bonett (2004), An improved confidence interval for a linear function of binomial proportions.
Computational Statistics and Data Analysis 45.
Welch (1947), The generalization of Student's problem when several different population variances are involved.
Biometrika 34.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from minidl.comparison.sign_flips import LEVEL

Values = npt.NDArray[np.float64]
ADDED = 2.0  # of each end of a share, in all tasks together


def mean_of_means(by_task: Sequence[Values], *, shares: bool = False) -> dict[str, float | None]:
    """``value``, the mean over K tasks of the means x̄_k over n_k seeds, and ``low`` and ``high`` of its 95 % interval.

        Σ x̄_k / K ± t_ν √V,   V = Σ V_k / K²,   V_k = s_k² / n_k,   ν = (Σ V_k)² / Σ V_k² / (n_k - 1)

    For shares each task gets 2/K more values that are 0 and 2/K more that are 1 before its mean and variance are
    taken (for the interval alone), and the interval ends at 0 and 1: so even one that was always won has a width.

    Parameters
    ----------
    by_task : values of each task (n_k,), finite; shares lie in [0, 1], but for single ones around it.

    Returns
    -------
    None for the value where a task has none, and for the ends where a task has one value only that is no share.
    """
    if not all(len(x) for x in by_task):
        return {"value": None, "low": None, "high": None}
    value, more = float(np.mean([x.mean() for x in by_task])), ADDED / len(by_task) if shares else 0.0
    if not shares and min(len(x) for x in by_task) < 2:
        return {"value": value, "low": None, "high": None}
    means, variances, n = [], [], np.array([len(x) + 2 * more for x in by_task])
    for x, count in zip(by_task, n, strict=True):
        mean = (x.sum() + more) / count
        squares = ((x - mean) ** 2).sum() + more * (mean**2 + (1 - mean) ** 2)
        means.append(mean)
        variances.append(squares / (count - 1) / count)
    half, middle = _half(np.array(variances), n), float(np.mean(means))
    low, high = middle - half, middle + half
    return {"value": value, "low": max(low, 0.0) if shares else low, "high": min(high, 1.0) if shares else high}


def _half(variances: Values, n: Values) -> float:
    from scipy import stats

    total = float(variances.sum())
    if not total:
        return 0.0
    freedom = 1 / float((((variances / total) ** 2) / (n - 1)).sum())
    return float(stats.t.ppf(1 - LEVEL / 2, freedom)) * math.sqrt(total) / len(variances)
