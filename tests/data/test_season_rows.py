"""How many rows a day, a week and a year have, by the step from row to row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.data.seasons import main_season, rows_of_season, season_key

HOUR, DAY, WEEK = 3600, 86400, 604800


@pytest.mark.parametrize(
    ("step", "day", "week", "year", "main"),
    [
        (np.timedelta64(HOUR, "s"), 24, 168, 8760, "day"),
        (np.timedelta64(HOUR // 2, "s"), 48, 336, 17520, "day"),
        (np.timedelta64(7 * HOUR, "s"), None, 24, None, "week"),
        (np.timedelta64(DAY, "s"), None, 7, 365, "week"),
        (np.timedelta64(WEEK, "s"), None, None, 52, "year"),
        (np.timedelta64(1, "M"), None, None, 12, "year"),
        (np.timedelta64(3, "M"), None, None, 4, "year"),
        (np.timedelta64(12, "M"), None, None, None, None),
        (np.timedelta64(5, "M"), None, None, None, None),
        (np.timedelta64(7, "s"), None, 86400, None, "week"),
        (None, None, None, None, None),
    ],
)
def test_a_season_is_a_whole_number_of_rows_or_none(step: Any, day: Any, week: Any, year: Any, main: Any) -> None:
    assert [rows_of_season(step, season) for season in ("day", "week", "year")] == [day, week, year]
    assert main_season(step) == main


def test_forecasts_of_one_season_ago_are_named_by_what_they_are() -> None:
    names = [season_key(season) for season in ("day", "week", "year", 12)]  # type: ignore[arg-type]
    assert names == ["seasonal_24h", "seasonal_7d", "seasonal_year", "seasonal_12_rows"]
