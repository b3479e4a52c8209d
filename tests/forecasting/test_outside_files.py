"""Files of forecasts that another program made: which are needed, where they are looked up, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import hourly_table, window_data

from minidl.core.errors import DataError
from minidl.data import Splits, Table
from minidl.forecasting.outside import Outside, read_outside

T, TEST, N = 6, 13, 240


def splits(table: Table | None = None) -> Splits:
    return window_data(hourly_table() if table is None else table, test_size=TEST).load("float64")


def without_times(**more: Any) -> Table:
    return replace(hourly_table(), times=None, **more)


def scored(horizons: list[int]) -> list[tuple[int, int]]:
    """(row, lead) of all forecasts that are scored: of blocks of each horizon, and of each lead from every window."""
    n, first, furthest = TEST - T, N - TEST + T, max(horizons)
    found = {(first + k * block + j, j + 1) for k in horizons for block in range(n // k) for j in range(k)}
    found |= {(first + i + j, j + 1) for i in range(n - furthest + 1) for j in range(furthest)}
    return sorted(found)


def read(path: Path, parts: Splits, horizons: list[int]) -> Outside:
    (found,) = read_outside(path, parts, horizons)
    return found


def write(folder: Path, lines: list[str], head: str = "row,lead,forecast") -> Path:
    path = folder / "theirs.csv"
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


def line(row: int, lead: int) -> str:
    return f"{row},{lead},{100 * row + lead}"


@pytest.mark.parametrize("horizons", [[1], [3], [4, 1], [2, 3], [7]])
def test_exactly_what_is_scored_is_needed(tmp_path: Path, horizons: list[int]) -> None:
    parts, needed = splits(without_times()), scored(horizons)
    outside = read(write(tmp_path, [line(*one) for one in needed]), parts, horizons)
    for row, lead in needed:
        found = outside(np.array([row - T - lead + 1]), lead)[0, lead - 1]
        assert parts.scale.unscale(found, 0) == pytest.approx(100 * row + lead)
    assert int(np.isfinite(outside.values).sum()) == len(needed)
    assert outside.values.shape == (N, max(horizons))
    for left_out in (needed[0], needed[-1], needed[len(needed) // 2]):
        text = [line(*one) for one in needed if one != left_out] + [line(1, 1), line(2, 1)]
        message = (
            f"theirs.csv: 1 of {len(needed)} forecasts that are scored are missing; the first is of row {left_out[0]} "
            f"(counted from 0), lead {left_out[1]}. Every window of the test part needs the leads 1 to {max(horizons)}."
        )
        with pytest.raises(DataError, match=f"{re.escape(message)}$"):
            read(write(tmp_path, text), parts, horizons)


def test_rows_and_leads_beyond_what_is_scored_are_not_looked_at(tmp_path: Path) -> None:
    parts, needed = splits(without_times()), scored([2])
    more = [line(N, 1), line(N + 7, 2), line(N - 1, 3), line(N - 1, 3)]
    plain, other = (read(write(tmp_path, [*(line(*one) for one in needed), *some]), parts, [2]) for some in ([], more))
    np.testing.assert_array_equal(plain.values, other.values)
    with_first = read(write(tmp_path, [*(line(*one) for one in needed), line(0, 2)]), parts, [2])
    assert parts.scale.unscale(with_first.values[0, 1], 0) == pytest.approx(2)


@pytest.mark.parametrize("column", [0, 2])
def test_forecasts_are_scaled_as_the_target(tmp_path: Path, column: int) -> None:
    parts = splits(without_times(target_index=column))
    outside = read(write(tmp_path, [line(*one) for one in scored([1])]), parts, [1])
    low, high = (float(f(hourly_table().values[: N - TEST, column])) for f in (np.min, np.max))
    row = N - 1
    assert outside.values[row, 0] == pytest.approx((100 * row + 1 - low) / (high - low))


def timed(utc: bool, zone: str, cut: int = 0) -> tuple[Splits, list[str]]:
    start = np.datetime64("2013-01-01T00:00", "m")
    lines = [f"{start + 60 * row}{zone},{lead},{row}" for row, lead in scored([2])]
    return splits(replace(hourly_table(), utc=utc)), lines[cut:]


@pytest.mark.parametrize(("utc", "zone"), [(False, ""), (True, "Z"), (True, "+00:00")])
def test_times_are_those_of_the_series(tmp_path: Path, utc: bool, zone: str) -> None:
    parts, lines = timed(utc, zone)
    outside = read(write(tmp_path, lines, "time,lead,forecast"), parts, [2])
    np.testing.assert_allclose(parts.scale.unscale(outside.values[N - 2], 0), [N - 2, N - 2])
    (shown, _, _), rest = lines[0].split(","), lines[1:]
    when = str(np.datetime64(shown[:16], "s")).replace("T", " ") + "Z" * utc
    with pytest.raises(DataError, match=f"the first is of the time {when}, lead 1"):
        read(write(tmp_path, rest, "time,lead,forecast"), parts, [2])


@pytest.mark.parametrize(
    ("utc", "zone", "words"),
    [(True, "", "are in UTC; expected an offset"), (False, "Z", "have no offset from UTC; expected none")],
)
def test_times_of_another_kind_are_refused_at_the_first_of_them(
    tmp_path: Path, utc: bool, zone: str, words: str
) -> None:
    parts, lines = timed(utc, zone)
    other = "" if zone else "Z"
    lines[0] = lines[0].replace(f"{zone},", f"{other},", 1)
    message = f"theirs.csv:3: the times of the series {words} here (Z or +01:00)."
    with pytest.raises(DataError, match=f"{re.escape(message)}$"):
        read(write(tmp_path, lines, "time,lead,forecast"), parts, [2])


@pytest.mark.parametrize(
    ("lead", "right"),
    [("1", True), ("0", False), ("00", False), ("-1", False), ("1.0", False), ("", False), ("999999999", True)],
)
def test_a_lead_is_a_whole_number_from_1_on(tmp_path: Path, lead: str, right: bool) -> None:
    path = write(tmp_path, [*(line(*one) for one in scored([1])), f"3,{lead},5"])
    if right:
        read(path, splits(without_times()), [1])
    else:
        with pytest.raises(DataError, match=re.escape(f"column lead: {lead!r} is no lead; expected a whole number")):
            read(path, splits(without_times()), [1])
    long = write(tmp_path, [*(line(*one) for one in scored([1])), "3,1000000000,5"])
    with pytest.raises(DataError, match="'1000000000' is no lead"):
        read(long, splits(without_times()), [1])


def test_a_forecast_that_stands_there_twice_is_refused_at_its_line(tmp_path: Path) -> None:
    lines = [line(*one) for one in scored([2])]
    with pytest.raises(DataError, match=rf":{len(lines) + 2}: a forecast 2 ahead of this time stands there twice"):
        read(write(tmp_path, [*lines, line(N - 1, 2)]), splits(without_times()), [2])
