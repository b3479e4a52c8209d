"""What scores take for granted: which words stand there, with which numbers, and when nothing is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small import hourly_table, window_data

from minidl.core.errors import DataError
from minidl.data import Calendar, Change, Gaps, Splits, Table
from minidl.data.gaps import Filling
from minidl.forecasting import assumptions
from minidl.forecasting.ahead import forecast_ahead
from minidl.forecasting.assumptions import (
    AT_ONCE,
    FUTURE,
    KEPT,
    direct,
    first_season,
    kept_words,
    left_out,
    possible_covariates,
    rows_before,
)
from minidl.forecasting.table_end import continued


def splits(table: Table | None = None, leads: int = 1, **more: Any) -> Splits:
    return window_data(hourly_table() if table is None else table, **more).load("float64", leads=leads)


@pytest.mark.parametrize(
    ("leads", "furthest", "expected"), [(1, 1, False), (2, 2, True), (3, 2, True), (2, 3, False), (1, 2, False)]
)
def test_several_leads_at_once_are_direct_where_they_reach_the_furthest(
    leads: int, furthest: int, expected: bool
) -> None:
    assert direct(leads, furthest) == expected
    first, *more = assumptions(splits(leads=leads), "hold_last", furthest)
    at_once = f"{leads} leads are forecast at once, then fed back for the next ones"
    if expected:
        assert (first, more) == (AT_ONCE, [f"of the linear baseline, which is recursive: {FUTURE['hold_last']}"])
    else:
        assert (first, more) == (FUTURE["hold_last"], [at_once] if leads > 1 else [])


def test_of_the_target_alone_nothing_of_the_future_is_assumed() -> None:
    alone = Table(hourly_table().values[:, :1], hourly_table().times, ("pm",), 0)
    line = "the target is the only column, so that nothing of the future is assumed"
    for covariates in ("actual", "hold_last"):
        assert assumptions(splits(alone), covariates, 4) == [line]  # type: ignore[arg-type]
    assert assumptions(splits(alone, leads=4), "hold_last", 4) == [AT_ONCE]


def test_columns_that_are_exceptions_are_counted() -> None:
    calendar = splits(derived=[Calendar(["day"]), Change("pm")])
    assert assumptions(calendar, "hold_last", 4)[1] == "2 columns known from the calendar"
    assert assumptions(calendar, "actual", 4)[1] == "1 column made from the target: the last values are kept"
    assert kept_words(calendar.table) == f"{KEPT}; 2 columns known from the calendar"
    assert kept_words(hourly_table()) == KEPT
    one = replace(hourly_table(), known_ahead=("temp",), of_target=("temp", "wind"))
    assert kept_words(one) == f"{KEPT}; 1 column known from the calendar"


def gappy(*places: tuple[int, int], filling: Filling) -> Table:
    where = np.zeros((240, 3), bool)
    for row, column in places:
        where[row, column] = True
    return replace(hourly_table(), gaps=Gaps(where, filling))


LAST, LINES = "the last known value", "straight lines to the next known value, which look ahead"


@pytest.mark.parametrize(
    ("places", "filling", "line"),
    [
        ([(3, 0), (179, 1)], Filling(), None),  # before the test part
        ([(180, 1)], Filling(), f"1 gap in the test part was filled by {LAST}"),
        ([(190, 1), (191, 2)], Filling(), f"2 gaps in the test part were filled by {LAST}"),
        ([(190, 1)], Filling(test_lines=True), f"1 gap in the test part was filled by {LINES}"),
        (
            [(190, 0)],
            Filling(),
            f"1 gap in the test part was filled by {LAST}; 1 of them would be truth and is not scored",
        ),
        (
            [(190, 0), (200, 0), (200, 1)],
            Filling(),
            f"3 gaps in the test part were filled by {LAST}; 2 of them would be truth and are not scored",
        ),
        (
            [(190, 0), (191, 0)],
            Filling(labels=True),
            f"2 gaps in the test part were filled by {LAST}; 2 of them are scored as truth",
        ),
        (
            [(190, 0)],
            Filling(labels=True),
            f"1 gap in the test part was filled by {LAST}; 1 of them is scored as truth",
        ),
    ],
)
def test_gaps_of_the_test_part_are_told_with_their_number(
    places: list[tuple[int, int]], filling: Filling, line: str | None
) -> None:
    found = assumptions(splits(gappy(*places, filling=filling)), "hold_last", 4)
    assert found[1:] == ([] if line is None else [line])


@pytest.mark.parametrize(("row", "is_label"), [(185, False), (186, True), (239, True)])
def test_labels_are_those_of_forecasts(row: int, is_label: bool) -> None:
    # The first window of the test part begins with its first row, 180, and has six.
    (_, line) = assumptions(splits(gappy((row, 0), filling=Filling())), "hold_last", 4)
    assert line.endswith("not scored") == is_label


def test_a_scaling_of_all_rows_is_said() -> None:
    data = window_data(hourly_table())
    data.scaler.fit_on = "all"
    assert assumptions(data.load("float64"), "hold_last", 4)[1:] == [
        "the scaling was fitted on all rows, the test part included"
    ]


def test_a_season_has_rows_where_every_forecast_has_one_before_it() -> None:
    parts = splits()
    assert [rows_before(parts, season) for season in ("day", "week", 186)] == [24, 168, 186]  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"^a season is to be 187 rows; the table has 186 before the first forecast\.$"):
        rows_before(parts, 187)
    with pytest.raises(DataError, match=r"^a year is 8760 rows; the table has 186 before the first forecast\.$"):
        rows_before(parts, "year")
    assert left_out(parts) == {}
    assert possible_covariates(parts) == ("actual", "hold_last", "same_hour_yesterday")


def every(step: np.timedelta64 | None, n: int = 240) -> Table:
    times = None
    if step is not None and np.datetime_data(step.dtype)[0] == "M":
        times = (np.datetime64("1990-01", "M") + np.arange(n) * step).astype("datetime64[s]")
    elif step is not None:
        times = np.datetime64("1990-01-01", "s") + np.arange(n) * step
    return replace(hourly_table(n), times=times)


@pytest.mark.parametrize(
    ("step", "season", "why"),
    [
        (None, "day", "the rows have no times, so that nothing says how many make a day."),
        (np.timedelta64(1, "D"), "day", "the rows are one day apart, so that there is no time of day."),
        (np.timedelta64(7, "D"), "week", "the rows are one week apart, so that there is no time of the week."),
        (np.timedelta64(12, "M"), "year", "the rows are one year apart, so that there is no time of the year."),
        (
            np.timedelta64(7, "h"),
            "day",
            "the rows are 7 h apart, and a day is no whole number of 2 or more of them.",
        ),
    ],
)
def test_why_there_is_no_season_is_said(step: Any, season: Any, why: str) -> None:
    step = step if step is None or np.datetime_data(step.dtype)[0] == "M" else step.astype("timedelta64[s]")
    parts = splits(every(step))
    with pytest.raises(DataError) as caught:
        rows_before(parts, season)
    assert str(caught.value) == why
    if season == "day":
        assert possible_covariates(parts) == ("actual", "hold_last")


def test_a_baseline_that_cannot_be_is_left_out_by_the_tables_first_season() -> None:
    assert first_season(every(None)) == "day"
    assert left_out(splits(every(None))) == {
        "seasonal_24h": "the rows have no times, so that nothing says how many make a day."
    }
    assert first_season(every(np.timedelta64(86400, "s"))) == "week"
    assert left_out(splits(every(np.timedelta64(86400, "s")))) == {}
    assert first_season(every(np.timedelta64(1, "M"))) == "year"


def test_a_table_goes_on_with_its_last_row_and_no_gap() -> None:
    where = np.zeros((240, 3), bool)
    where[5, 1] = True
    found = continued(replace(hourly_table(), gaps=Gaps(where)), 3)
    values = hourly_table().values
    np.testing.assert_array_equal(found.values, [*values, values[-1], values[-1], values[-1]])
    assert found.times is not None
    assert [str(time) for time in found.times[238:]] == [f"2013-01-10T{hour}:00:00" for hour in (22, 23)] + [
        f"2013-01-11T0{hour}:00:00" for hour in range(3)
    ]
    assert found.gaps is not None
    assert (np.argwhere(found.gaps.where).tolist(), found.gaps.where.shape) == ([[5, 1]], (243, 3))
    assert continued(every(None), 2).times is None
    months = continued(every(np.timedelta64(1, "M"), 5), 2)
    assert months.times is not None
    assert [str(time)[:10] for time in months.times[4:]] == ["1990-05-01", "1990-06-01", "1990-07-01"]
    uneven = replace(hourly_table(3), times=np.array(["2013-01-01", "2013-01-02", "2013-01-05"], "datetime64[s]"))
    assert continued(uneven, 1).times is None


@pytest.mark.parametrize(("leads", "at_once"), [(1, False), (2, False), (3, True), (4, True)])
def test_a_forecast_at_once_assumes_nothing(leads: int, at_once: bool) -> None:
    parts = splits()
    found = forecast_ahead(
        hourly_table(),
        parts.scale,
        lambda x: np.zeros((len(x), leads)),
        time_steps=6,
        horizon=3,
        dtype="float64",
    )
    assert found.assumption == (AT_ONCE if at_once else KEPT)
    assert len(found.values) == 3
