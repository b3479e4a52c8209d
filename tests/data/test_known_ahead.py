"""Columns that are known ahead: how they are read, where they stand in windows, and what follows a table's end."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.core.errors import ConfigError, DataError
from minidl.data import Calendar, Change, CSVSeries, TailValidation, WindowData
from minidl.data.known_ahead import check_known, later_values, one_row_early, with_later

KNOWN, TEST, N = 40, 12, 46  # rows with a target, test rows, all rows
CATEGORIES = {"holiday": {"no": 0.0, "yes": 1.0}, "shop": {"open": 0.0, "shut": 1.0}}


def lines(n: int = N, known: int = KNOWN, shop: str = "") -> list[str]:
    """time, load, temp, price, holiday, shop; rows from `known` on have no load, no temp and no shop."""
    found = []
    for i in range(n):
        past = f"{100 + i}.5,{i % 7}" if i < known else ","
        found.append(f"2024-01-{1 + i // 24:02} {i % 24:02}:00,{past},{3 * i},{'yes' if i % 5 == 0 else 'no'}")
        found[-1] += f",{'shut' if i % 2 else 'open'}" if i < known else f",{shop}"
    return found


def write(path: Path, rows: list[str], head: str = "time,load,temp,price,holiday,shop") -> Path:
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def series(path: Path, **more: Any) -> CSVSeries:
    asked = {
        "target": "load",
        "features": ["load", "temp", "price", "holiday", "shop"],
        "time": "time",
        "categories": CATEGORIES,
        "known_ahead": ["price", "holiday"],
        **more,
    }
    return CSVSeries(str(path), **asked)


def test_rows_without_a_target_are_no_rows_of_the_series(tmp_path: Path) -> None:
    whole = series(write(tmp_path / "a.csv", lines())).read()
    known = series(write(tmp_path / "b.csv", lines(KNOWN))).read()
    np.testing.assert_array_equal(whole.values, known.values)
    assert (len(whole), str(whole.times[-1]), whole.gaps) == (KNOWN, "2024-01-02T15:00:00", None)  # type: ignore[index]
    assert (whole.known_ahead, len(known.later[0])) == (("price", "holiday"), 0)
    assert whole.later[0][:, 2:4].tolist() == [[3.0 * i, float(i % 5 == 0)] for i in range(KNOWN, N)]


def test_columns_of_the_past_are_not_looked_at_in_rows_without_a_target(tmp_path: Path) -> None:
    # Caught here: a category that nothing is known of, and a gap that `gaps: refuse` would refuse.
    odd = [line if i < KNOWN else line.replace(",,,", ",,1e9,") + "rubbish" for i, line in enumerate(lines())]
    assert series(write(tmp_path / "a.csv", odd)).read().later[0][:, 2].tolist() == [3.0 * i for i in range(KNOWN, N)]


def test_without_columns_known_ahead_a_missing_target_is_a_gap(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", lines(shop="open"))
    with pytest.raises(DataError, match=r"column load: a gap \(12 gaps in all\)"):
        series(path, known_ahead=[]).read()


def test_each_series_has_its_own_later_rows(tmp_path: Path) -> None:
    rows = [*(line + ",a" for line in lines(N, 40)), *(line + ",b" for line in lines(N, 43))]
    path = write(tmp_path / "a.csv", rows, "time,load,temp,price,holiday,shop,place")
    table = series(path, series_by="place").read()
    assert [len(one) for one in table.each()] == [40, 43]
    assert [one.later[0][0, 2] for one in table.each()] == [120.0, 129.0]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["load"], "known_ahead: 'load' is the target"),
        (["prise"], "known_ahead: 'prise' is not among the features; did you mean price?"),
    ],
)
def test_only_other_features_can_be_known_ahead(names: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        series(Path("a.csv"), known_ahead=names)


def test_they_stand_one_row_early_within_a_part(tmp_path: Path) -> None:
    data = WindowData(
        series(write(tmp_path / "a.csv", lines())),
        time_steps=4,
        test_size=TEST,
        validation=TailValidation(10),
        derived=[Calendar(["day"]), Change("price", 1), Change("temp", 1)],
    )
    table, raw = data.load("float64").table, data.series.read()
    borders = [0, KNOWN - TEST - 10, KNOWN - TEST, KNOWN]
    for name in ("price", "holiday"):
        shifted = raw.column(name).copy()
        for row in range(KNOWN):
            if row + 1 not in borders:
                shifted[row] = raw.column(name)[row + 1]
        assert table.column(name).tolist() == shifted.tolist()
    for name in ("load", "temp", "shop"):
        assert table.column(name).tolist() == raw.column(name).tolist()
    assert table.early == ("price", "holiday", "price change over 1 row")
    assert table.known_ahead == (*table.early[:2], "time of day sin", "time of day cos", table.early[2])


def test_gaps_move_with_their_values(tmp_path: Path) -> None:
    rows = [line.replace(",60,", ",,") if i == 20 else line for i, line in enumerate(lines())]
    table = one_row_early(series(write(tmp_path / "a.csv", rows), gaps="interpolate").read())
    assert table.gaps is not None
    assert np.argwhere(table.gaps.where).tolist() == [[19, 2]]
    assert table.values[19, 2] == 60.0


def test_a_series_goes_on_with_what_is_known(tmp_path: Path) -> None:
    table = series(write(tmp_path / "a.csv", lines())).read()
    more = later_values(table, 8)
    assert more[:, 2].tolist() == [120.0, 123, 126, 129, 132, 135, 117, 117]  # then the last row's
    assert more[:, :2].tolist() == [[139.5, 4.0]] * 8
    check_known(table, 6, "")
    said = (
        "here: price and holiday are known ahead, and this forecast needs the 7 rows after its last row, "
        "2024-01-02 15:00:00; there are 6."
    )
    with pytest.raises(DataError, match=re.escape(said)):
        check_known(table, 7, "here")


def test_of_a_table_that_ends_with_its_target_nothing_is_known_ahead(tmp_path: Path) -> None:
    table = series(write(tmp_path / "a.csv", lines(KNOWN))).read()
    for one in (table, replace(table, later=())):  # from a file, and made in Python
        assert later_values(one, 2).tolist() == [table.values[-1].tolist()] * 2
        with pytest.raises(DataError, match=r"needs the 1 row after its last row, .*; there are none\. Give them with"):
            check_known(one, 1, "")


# --- from another file


def later(tmp_path: Path, rows: list[str], head: str = "time,price,holiday") -> Any:
    path = write(tmp_path / "later.csv", rows, head)
    found = series(write(tmp_path / "a.csv", lines(KNOWN)))
    return with_later(found.read(), found.read_later(path), "later.csv")


def known(first: int, stop: int) -> list[str]:
    rows = [line.split(",") for line in lines(60)]
    return [f"{time},{price},{holiday}" for time, _, _, price, holiday, _ in rows[first:stop]]


@pytest.mark.parametrize("first", [KNOWN, KNOWN - 5], ids=["from the end on", "overlapping"])
def test_later_rows_come_from_another_file(tmp_path: Path, first: int) -> None:
    table = later(tmp_path, known(first, N))
    np.testing.assert_array_equal(table.later[0], series(write(tmp_path / "c.csv", lines())).read().later[0])


def test_one_later_row_is_enough_for_one_row_ahead(tmp_path: Path) -> None:
    assert later(tmp_path, known(KNOWN, KNOWN + 1)).later[0][0, 2] == 120.0


def test_a_gap_among_later_rows_is_named_when_it_is_needed(tmp_path: Path) -> None:
    table = later(tmp_path, [row.replace(",126,", ",,") for row in known(KNOWN, N)])
    check_known(table, 2, "here")
    said = "here: column price, which is known ahead: a gap in 2024-01-02 18:00:00, 3 after the last row; this forecast"
    with pytest.raises(DataError, match=re.escape(said)):
        check_known(table, 3, "here")
    assert later_values(table, 3)[2, 2] == 117.0  # no NaN gets into a model


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        (known(KNOWN + 1, N), "time,price,holiday", "its first row after the table's end is of 2024-01-02 17:00:00; "),
        (known(KNOWN - 1, 60)[::2], "time,price,holiday", "later.csv: rows are 2 h apart, those of the table 1 h."),
        (known(KNOWN, N), "time,price,holidays", "later.csv:1: no column 'holiday'; did you mean holidays?"),
        ([*known(KNOWN, 42), *known(44, N)], "time,price,holiday", "later.csv:4: the time 2024-01-02 20:00:00 is 3 h"),
    ],
    ids=["late", "step", "column", "hole"],
)
def test_what_is_wrong_with_later_rows_is_named(tmp_path: Path, rows: list[str], head: str, said: str) -> None:
    with pytest.raises(DataError, match=re.escape(said)):
        later(tmp_path, rows, head)


def test_every_series_needs_its_rows(tmp_path: Path) -> None:
    rows = [line + f",{place}" for place in "ab" for line in lines(KNOWN)]
    found = series(write(tmp_path / "a.csv", rows, "time,load,temp,price,holiday,shop,place"), series_by="place")
    other = write(tmp_path / "b.csv", [row + ",a" for row in known(KNOWN, N)], "time,price,holiday,place")
    with pytest.raises(DataError, match=re.escape("b.csv: no rows of b, which the table forecasts.")):
        with_later(found.read(), found.read_later(other), "b.csv")
    both = [*(row + ",b" for row in known(KNOWN, N)), *(row + ",a" for row in known(KNOWN, KNOWN + 2))]
    table = with_later(found.read(), found.read_later(write(other, both, "time,price,holiday,place")), "b.csv")
    assert [len(one.later[0]) for one in table.each()] == [2, 6]


def test_a_series_that_names_none_takes_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--later: CSVSeries names no column as known ahead; leave it out\."):
        replace(series(tmp_path / "a.csv"), known_ahead=[]).read_later(tmp_path / "b.csv")
