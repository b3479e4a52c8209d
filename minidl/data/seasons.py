"""Seasons of evenly spaced rows: a day, a week, a year, and how many rows each has.

A season is a whole number of rows, or there is none. A year of days is 365 of them, a
year of weeks 52.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from minidl.data.steps import DAY, rows_of_a_day

SeasonName = Literal["day", "week", "year"]


def main_season(step: np.timedelta64 | None) -> SeasonName | None:
    """The season that rows so far apart have first of all: hours a day, days a week, weeks and months a year."""
    if step is None:
        return None
    return next((season for season in ("day", "week", "year") if rows_of_season(step, season) is not None), None)


def rows_of_season(step: np.timedelta64 | None, season: SeasonName) -> int | None:
    """How many rows a season has, 2 or more; None where there is no such number."""
    if step is None or season == "day":
        return rows_of_a_day(step)
    if np.datetime_data(step.dtype)[0] == "M":
        units, length = int(step.astype(np.int64)), 12 if season == "year" else 0
    else:
        units = int(step.astype("timedelta64[s]").astype(np.int64))
        length = 7 * DAY if season == "week" else (364 if units % (7 * DAY) == 0 else 365) * DAY
    return length // units if 2 * units <= length and length % units == 0 else None


def season_key(season: SeasonName | int) -> str:
    """What the forecast "same as one season ago" is called in ``evaluation.json``."""
    return _KEYS[season] if isinstance(season, str) else f"seasonal_{season}_rows"


_KEYS: dict[SeasonName, str] = {"day": "seasonal_24h", "week": "seasonal_7d", "year": "seasonal_year"}
