"""The mean slope of the past goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minidl.core.layer import Array
from minidl.core.registry import register
from minidl.data import Splits
from minidl.forecasting.forecasters import Covariates, Forecaster, Rows, Starts
from minidl.forecasting.rivals.rival import Rival


@register
@dataclass(eq=False)
class Drift(Rival):
    """The last known value, and for each row ahead the mean change from row to row since the series began.

    References
    ----------
    R. J. Hyndman and G. Athanasopoulos (2021), Forecasting: principles and practice, section 5.2.
    """

    @property
    def name(self) -> str:
        return "drift"

    def fit(self, splits: Splits, rows: Rows, covariates: Covariates, horizon: int) -> Forecaster:
        return DriftForecaster(rows, splits.table.firsts)


class DriftForecaster:
    """y_{t+k} = y_t + k (y_t - y_0) / t; see `Drift`. `firsts` are the first rows of the series, ascending."""

    def __init__(self, rows: Rows, firsts: Sequence[int] = (0,)) -> None:
        self.rows, self.firsts = rows, np.array(firsts)

    def __call__(self, starts: Starts, horizon: int) -> Array:
        """Scaled forecasts, (len(starts), horizon)."""
        target, last = self.rows.target, starts + self.rows.time_steps - 1
        first = self.firsts[np.searchsorted(self.firsts, starts, side="right") - 1]
        slope = (target[last] - target[first]) / np.maximum(last - first, 1)
        forecasts: Array = target[last][:, None] + slope[:, None] * np.arange(1, horizon + 1)
        return forecasts
