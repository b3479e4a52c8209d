"""What gives the distributions of forecasts, and distributions on and off a scale."""

from __future__ import annotations

from collections.abc import Callable

from minidl.data import ScaleFit
from minidl.forecasting.forecasters import Starts
from minidl.losses.distributions import Distribution

Distributions = Callable[[Starts, int], Distribution]  # scaled, of the leads 1 ... horizon after each window


def in_units(told: Distribution, scale: ScaleFit, column: int) -> Distribution:
    """A distribution of scaled numbers (windows, leads) in the units of their column."""
    slope = scale.of_column(column, 2)[1] if scale.curves[column] == "linear" else None
    return told.moved(lambda values: scale.unscale(values, column), slope)


def on_scale(told: Distribution, scale: ScaleFit, column: int) -> Distribution:
    """A distribution of numbers (windows, leads) in the units of their column, scaled."""
    slope = 1 / scale.of_column(column, 2)[1] if scale.curves[column] == "linear" else None
    return told.moved(lambda values: scale.scale(values, column), slope)
