"""Scores by lead, hour, month, season and level: each forecast is in one group, and empty groups have no score."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small import hourly_table, window_data

from minidl.core.errors import DataError
from minidl.data import Splits, Table
from minidl.forecasting import Persistence, Rows, lead_scores
from minidl.forecasting.groups import BY, By, group_scores

T, LEADS = 6, 3


def splits_of(table: Table, **arguments: Any) -> Splits:
    return window_data(table, **arguments).load("float64")


def persistence(splits: Splits) -> dict[str, Any]:
    return {"now": Persistence(Rows.of(splits.table, splits.values, T))}


def by_hand(splits: Splits, name_of: Any) -> dict[str, list[tuple[float, float]]]:
    """Forecast and truth of "same as now" by group, window after window."""
    found: dict[str, list[tuple[float, float]]] = {}
    values = splits.table.values[:, splits.table.target_index]
    for start in range(180, 240 - T - LEADS + 1):
        for j in range(LEADS):
            row = start + T + j
            found.setdefault(name_of(row, j), []).append((values[start + T - 1], values[row]))
    return found


def level(splits: Splits) -> Any:
    values = splits.table.values[:, 0]
    low, middle, high = np.quantile(values[:180], [0.25, 0.5, 0.75])
    names = [f"up to {low:.4g}", f"{low:.4g} to {middle:.4g}", f"{middle:.4g} to {high:.4g}", f"above {high:.4g}"]
    return lambda row, j: names[sum(values[row] > edge for edge in (low, middle, high))]


@pytest.mark.parametrize("by", [by for by in BY if by != "series"])
def test_scores_are_those_of_the_forecasts_of_each_group(by: By) -> None:
    splits = splits_of(hourly_table())
    names = {
        "lead": lambda row, j: str(j + 1),
        "hour": lambda row, j: f"{row % 24:02d}:00",
        "month": lambda row, j: "January",
        "season": lambda row, j: "December to February",
        "level": level(splits),
    }
    expected = by_hand(splits, names[by])
    found = group_scores(splits, persistence(splits), by, LEADS)
    assert sorted(found) == sorted(expected)
    for group, pairs in expected.items():
        y, truth = np.array(pairs).T
        scores = found[group]["now"]
        assert scores["n"] == len(pairs)
        assert scores["rmse"] == pytest.approx(np.sqrt(np.mean((y - truth) ** 2)))
        assert scores["mae"] == pytest.approx(np.mean(np.abs(y - truth)))
        assert scores["bias"] == pytest.approx(np.mean(y - truth))
        assert scores["r2"] == pytest.approx(1 - np.mean((y - truth) ** 2) / np.var(truth))


def test_scores_by_lead_are_the_lead_scores() -> None:
    splits = splits_of(hourly_table())
    found = group_scores(splits, persistence(splits), "lead", LEADS)
    leads = lead_scores(splits, persistence(splits)["now"], LEADS)
    assert {lead: row["now"]["rmse"] for lead, row in found.items()} == pytest.approx(
        {lead: row["rmse"] for lead, row in leads.items()}
    )


def test_groups_follow_each_other_and_months_and_hours_that_the_table_lacks_are_left_out() -> None:
    table = hourly_table()
    times = np.datetime64("2024-01-25T02:00:00") + np.arange(240) * np.timedelta64(6 * 3600, "s")
    splits = splits_of(replace(table, times=times))
    hours = group_scores(splits, persistence(splits), "hour", LEADS)
    assert list(hours) == ["02:00", "08:00", "14:00", "20:00"]
    months = group_scores(splits, persistence(splits), "month", LEADS)
    assert list(months) == ["January", "February", "March"]
    assert [row["now"]["n"] for row in months.values()] == [0, 0, 156]


def test_seasons_are_three_months_each_from_december_on() -> None:
    days = np.datetime64("2024-11-15T00:00:00") + np.arange(240) * np.timedelta64(2 * 24 * 3600, "s")
    splits = splits_of(replace(hourly_table(), times=days))  # to 8 March 2026; tested from 10 November 2025 on
    found = group_scores(splits, persistence(splits), "season", LEADS)
    assert list(found) == ["December to February", "March to May", "June to August", "September to November"]
    months = group_scores(splits, persistence(splits), "month", LEADS)
    n = {name: row["now"]["n"] for name, row in months.items()}
    expected = [n["December"] + n["January"] + n["February"], n["March"], 0, n["November"]]
    assert [row["now"]["n"] for row in found.values()] == expected
    assert min(expected[0], expected[1], expected[3]) > 0


def test_an_empty_group_and_a_constant_one_have_no_r2() -> None:
    table = hourly_table()
    values = table.values.copy()
    values[180:, 0] = values[:180, 0].max() + 1
    splits = splits_of(replace(table, values=values))
    found = group_scores(splits, persistence(splits), "level", LEADS)
    *empty, (_, top) = found.items()
    for _, row in empty:
        assert row["now"]["n"] == 0
        assert all(np.isnan(row["now"][name]) for name in ("r2", "rmse", "mae", "bias"))
    assert top["now"]["n"] == 52 * 3
    assert np.isnan(top["now"]["r2"])
    assert top["now"]["rmse"] == 0


def test_where_most_values_are_the_same_there_are_fewer_levels() -> None:
    table = hourly_table()
    values = table.values.copy()
    values[:150, 0] = 0.0
    splits = splits_of(replace(table, values=values))
    assert [name.split()[0] for name in group_scores(splits, persistence(splits), "level", LEADS)] == ["up", "above"]


def test_levels_are_of_what_was_before_the_test_part() -> None:
    table = hourly_table()
    values = table.values.copy()
    values[180:, 0] *= 10
    both = splits_of(table), splits_of(replace(table, values=values))
    names = [list(group_scores(splits, persistence(splits), "level", LEADS)) for splits in both]
    assert names[0] == names[1]


@pytest.mark.parametrize(
    ("times", "by", "said"),
    [
        (None, "hour", "--by hour: the rows have no times, so that there is no hour of the day."),
        (None, "month", "--by month: the rows have no times, so that there is no month."),
        (None, "season", "--by season: the rows have no times, so that there is no season."),
        (np.timedelta64(1, "D"), "hour", "--by hour: the rows are 1 d apart, so that there is no hour of the day."),
    ],
)
def test_rows_without_hours_or_months_are_refused(times: Any, by: By, said: str) -> None:
    at = None if times is None else np.datetime64("2024-01-01", "s") + np.arange(240) * times
    splits = splits_of(replace(hourly_table(), times=at))
    with pytest.raises(DataError) as caught:
        group_scores(splits, persistence(splits), by, LEADS)
    assert str(caught.value) == said
