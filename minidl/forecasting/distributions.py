"""What gives the distributions of forecasts."""

from __future__ import annotations

from collections.abc import Callable

from minidl.forecasting.forecasters import Starts
from minidl.losses.distributions import Distribution

Distributions = Callable[[Starts, int], Distribution]  # scaled, of the leads 1 ... horizon after each window
