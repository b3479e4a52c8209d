"""Forecasts by other means, which stand in the same tables as a model where a config asks for them."""

from __future__ import annotations

from minidl.forecasting.rivals.direct_ridge import DirectRidge
from minidl.forecasting.rivals.drift import Drift
from minidl.forecasting.rivals.light_gbm import LightGBM
from minidl.forecasting.rivals.rival import Rival
from minidl.forecasting.rivals.same_season import SameSeason

__all__ = ["DirectRidge", "Drift", "LightGBM", "Rival", "SameSeason"]
