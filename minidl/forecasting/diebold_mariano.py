"""The Diebold-Mariano test: do two given series of forecasts differ in accuracy over time?

It is about two runs and the hours they were tested on, not about two configs: other
seeds are other runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minidl.core.errors import ConfigError
from minidl.forecasting.rounding import ROUNDING, differences


@dataclass(frozen=True)
class DieboldMariano:
    """A two-sided test of equal mean squared error.

    Parameters
    ----------
    statistic : with the small-sample correction; above 0: the first has the larger errors.
    p : by Student's t with n - 1 degrees of freedom.
    mean : of the loss differential e₁² - e₂².
    n : number of forecasts.
    lags : autocovariances that the variance includes; fewer than lead - 1 only if these gave no positive variance.
    """

    statistic: float
    p: float
    mean: float
    n: int
    lags: int


def diebold_mariano(
    first: npt.NDArray[np.float64],
    second: npt.NDArray[np.float64],
    *,
    lead: int = 1,
    rounding: float = ROUNDING["float64"],
) -> DieboldMariano:
    """The Diebold-Mariano test on squared errors, with the correction of Harvey, Leybourne and Newbold.

    With d_t = e₁_t² - e₂_t² and autocovariances γ_k (divisor n):

        DM = d̄ / √((γ_0 + 2 Σ_{k=1}^{h-1} γ_k) / n)
        HLN = DM · √((n + 1 - 2h + h(h - 1)/n) / n),  compared with t_{n-1}

    Where the sum is not positive (beyond rounding of γ_0), which can happen, γ_0 alone is used.
    A d_t that is rounding of e₁_t² and e₂_t² is 0; see `minidl.forecasting.rounding`.

    Parameters
    ----------
    first, second : forecast errors (n,) of the same times, in order.
    lead : h >= 1, how many steps ahead the forecasts were made.
    rounding : relative size of differences that count as none.

    Raises
    ------
    ConfigError
        Shapes differ, or there are not more forecasts than the lead.

    References
    ----------
    Diebold and Mariano (1995), Comparing predictive accuracy. Journal of Business & Economic Statistics 13.
    Harvey, Leybourne and Newbold (1997), Testing the equality of prediction mean squared errors.
    International Journal of Forecasting 13.
    """
    e1, e2 = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if e1.shape != e2.shape or e1.ndim != 1:
        raise ConfigError(f"diebold_mariano: expected two series of one length, got shapes {e1.shape} and {e2.shape}.")
    n, h = len(e1), lead
    if not 1 <= h < n or n < 3:
        raise ConfigError(f"diebold_mariano: lead {h} needs more than {max(h, 2)} forecasts, got {n}.")
    d = differences(e2**2, e1**2, rounding)
    mean = float(d.mean())
    variance, h = _long_run_variance(d - mean, h, rounding)
    if variance <= (rounding * mean) ** 2:  # one constant difference, or none
        statistic = 0.0 if mean == 0 else math.copysign(math.inf, mean)
        return DieboldMariano(statistic, 1.0 if mean == 0 else 0.0, mean, n, h - 1)
    statistic = mean / math.sqrt(variance / n) * math.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    from scipy import stats

    return DieboldMariano(statistic, float(2 * stats.t.sf(abs(statistic), n - 1)), mean, n, h - 1)


def _long_run_variance(centred: npt.NDArray[np.float64], h: int, rounding: float) -> tuple[float, int]:
    """γ_0 + 2 Σ_{k=1}^{h-1} γ_k, and h; γ_0 and 1 if that is not positive."""
    n = len(centred)
    gamma = [float(np.dot(centred[k:], centred[: n - k])) / n for k in range(h)]
    variance = gamma[0] + 2 * sum(gamma[1:])
    return (gamma[0], 1) if variance <= rounding * gamma[0] else (variance, h)
