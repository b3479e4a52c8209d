"""The mean slope of the past goes on."""

from __future__ import annotations

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
        return DriftForecaster(rows)


class DriftForecaster:
    """y_{t+k} = y_t + k (y_t - y_0) / t; see `Drift`."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __call__(self, starts: Starts, horizon: int) -> Array:
        """Scaled forecasts, (len(starts), horizon)."""
        target, last = self.rows.target, starts + self.rows.time_steps - 1
        slope = (target[last] - target[0]) / np.maximum(last, 1)
        forecasts: Array = target[last][:, None] + slope[:, None] * np.arange(1, horizon + 1)
        return forecasts
