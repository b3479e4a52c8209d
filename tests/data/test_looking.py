"""A look at a table: the keys that are found, the words that say so, and what the series reads with them."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from looking import DAYS, keys, look, rows

from minidl.core.errors import ConfigError, DataError
from minidl.data import CSVSeries

DATES = ("%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d %b %Y", "%d-%b-%Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", "T%H:%M:%S+0000", " %I:%M %p", " %H:%M:%S.0", " %H.%M")


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("date", [*DATES, "%Y-%m-%d", "%b %d, %Y"])
def test_forms_of_times_are_found_and_read(tmp_path: Path, date: str, clock: str) -> None:
    hours = 1 if clock else 24
    times = [datetime(2014, 1, 25, 23) + timedelta(hours=hours * i) for i in range(6)]
    texts = [time.strftime(date + clock) for time in times]
    found = look(tmp_path, rows(texts, ";"))
    form = date + clock.replace("+0000", "%z").replace(".0", ".%f")
    iso = date == "%Y-%m-%d" and clock not in (" %I:%M %p", " %H.%M")
    assert found.keys.get("time_format", "") == ("" if iso else form)
    assert found.words[1] == ("times in 'when', ISO" if iso else f"times in 'when', of the form {form}")
    start = datetime(2014, 1, 25, 23 if clock else 0)
    assert found.table.times is not None
    assert found.table.times.tolist() == [start + timedelta(hours=hours * i) for i in range(6)]
    assert found.table.utc == ("+" in clock)


@pytest.mark.parametrize(
    ("name", "texts", "form"),
    [
        ("date", ["20140130", "20140131", "20140201"], "%Y%m%d"),
        ("Datum", ["2014013022", "2014013023", "2014013100"], "%Y%m%d%H"),
        ("Year", ["2012", "2013", "2014"], "%Y"),
        ("Jahr", ["2012", "2013", "2014"], "%Y"),
        ("year", ["2012.0", "2013.0", "2014.0"], "%Y.0"),
        ("day and time", ["20140130", "20140131", "20140201"], "%Y%m%d"),
        ("when", ["2014-01", "2014-02", "2014-03"], "%Y-%m"),
        ("when", ["2014/01", "2014/02", "2014/03"], "%Y/%m"),
        ("when", ["Jan 2014", "Feb 2014", "Mar 2014"], "%b %Y"),
        ("when", ["2014 Jan", "2014 Feb", "2014 Mar"], "%Y %b"),
        ("when", ["Jan-14", "Feb-14", "Mar-14"], "%b-%y"),
        ("when", ["2014-Q1", "2014-Q2", "2014-Q3"], "%Y-Q%q"),
        ("when", ["2014Q1", "2014Q2", "2014Q3"], "%YQ%q"),
    ],
)
def test_shorter_forms_are_found_and_whole_numbers_are_times_where_the_column_is_called_so(
    tmp_path: Path, name: str, texts: list[str], form: str
) -> None:
    found = look(tmp_path, rows(texts, name=name))
    assert keys(found) == {"target": "y", "time": name, "time_format": form, "features": ["y"]}
    assert found.table.step is not None
    if "%b" in form or "-" in form or "/" in form or "Q" in form:
        return
    other = look(tmp_path, rows(texts, name="code"))  # a number like any other
    assert keys(other) == {"target": "y", "features": ["y", "code"]}
    assert other.table.times is None


def test_a_column_is_no_time_unless_all_of_it_is(tmp_path: Path) -> None:
    text = rows(["2014-01-25", "2014-01-26", "later", "2014-01-28"])
    found = look(tmp_path, text)
    assert found.table.times is None
    assert keys(found)["features"] == ["y", "when"]  # as categories


def test_the_first_column_of_times_is_taken_and_never_the_target(tmp_path: Path) -> None:
    days = [(DAYS[0] + timedelta(days=i)).strftime("%Y-%m-%d") for i in range(30)]
    lines = [f"{1990 + i},{day},{day}" for i, day in enumerate(days)]
    found = look(tmp_path, "\n".join(["year,a,b", *lines]) + "\n", "year")
    assert keys(found) == {"target": "year", "time": "a", "features": ["year"]}
    assert found.words == ["30 rows of 3 columns, between them ','", "times in 'a', ISO", "left out: b (texts)"]


def test_days_and_months_that_may_change_places_are_asked_for(tmp_path: Path) -> None:
    text = rows(["1/2/2014", "2/2/2014", "3/2/2014"])
    message = (
        "--time-format: column when: '1/2/2014' may be '%d/%m/%Y' or '%m/%d/%Y'; say which (in a config the key is "
        "`time_format`)."
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        look(tmp_path, text)
    for form, step in (("%d/%m/%Y", "d"), ("%m/%d/%Y", "month")):
        found = look(tmp_path, text, time_format=form)
        assert (found.keys["time_format"], found.table.step_name()) == (form, step)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, {}),
        ({"delimiter": ";"}, {"delimiter": ";"}),
        ({"delimiter": "\t"}, {"delimiter": "\t"}),
        ({"delimiter": "|"}, {"delimiter": "|"}),
        ({"delimiter": ";", "decimal": ","}, {"delimiter": ";", "decimal": ","}),
        ({"before": "# made, by; hand\n"}, {"comment": "#"}),
        ({"before": "\n"}, {"skip_lines": 1}),
        ({"before": "\n  # made by hand\n"}, {"comment": "#", "skip_lines": 2}),
        ({"before": "# made by hand\n\n"}, {"comment": "#", "skip_lines": 2}),
        ({"before": "Heights, by hand\r\n\r\n"}, {"skip_lines": 2}),
        ({"before": "Heights\n", "delimiter": ";"}, {"delimiter": ";", "skip_lines": 1}),
        ({"header": ""}, {"column_names": ["column_1", "column_2", "column_3"]}),
        ({"encoding": "cp1252"}, {"encoding": "cp1252"}),
        ({"encoding": "utf-16"}, {}),
    ],
)
def test_how_a_table_is_written_is_found(tmp_path: Path, change: dict[str, str], found: dict[str, Any]) -> None:
    delimiter, decimal = change.get("delimiter", ","), change.get("decimal", ".")
    header = change.get("header", delimiter.join(["when", "y", "höhe"]) + "\n")
    values = [(math.sin(i), 10.5 - i) for i in range(8)]
    lines = [
        delimiter.join([f"{time:%Y-%m-%d}", f"{a:.3f}".replace(".", decimal), f"{b}".replace(".", decimal)])
        for time, (a, b) in zip(DAYS, values, strict=True)
    ]
    content = change.get("before", "") + header + "\n".join(lines) + "\n"
    target = "y" if header else "column_2"
    got = look(tmp_path, content.encode(change.get("encoding", "utf-8")), target)
    names = ["when", "y", "höhe"] if header else ["column_1", "column_2", "column_3"]
    assert keys(got) == {"target": target, "time": names[0], "features": names[1:], **found}
    np.testing.assert_allclose(got.table.values, np.round(values, 3), atol=1e-12)
    shown = delimiter if delimiter != "\t" else "\\t"
    lines_before = {1: "1 line", 2: "2 lines"}.get(found.get("skip_lines", 0))
    assert got.words == [
        f"8 rows of 3 columns, between them '{shown}'",
        *([f"{lines_before} before the header: left out (`skip_lines`)"] if lines_before else []),
        *(["numbers like '0,000' (`decimal: \",\"`)"] if decimal == "," else []),
        f"times in {names[0]!r}, ISO",
    ]


def test_the_kinds_of_columns_are_told_apart(tmp_path: Path) -> None:
    """Numbers are features, few texts categories; what is constant, empty or many texts is left out."""
    n = 24
    columns = {
        "w": [("NW", "SE", "cv")[(i + i // 8) % 3] for i in range(n)],
        "y": [str(i * i) for i in range(n)],
        "one": ["7"] * n,
        "none": ["NA", ""] * (n // 2),
        "twenty": [f"t{i % 20:02}" for i in range(n)],
        "more": [f"t{i % 21:02}" for i in range(n)],
        "x": [str(-i) for i in range(n)],
        "": ["1", "2"] * (n // 2),
        "mixed": ["3", "inf"] * (n // 2),
    }
    text = "\n".join(",".join(row) for row in [list(columns), *zip(*columns.values(), strict=True)]) + "\n"
    found = look(tmp_path, text)
    categories = {
        "w": {"": 0, "NW": 1, "SE": 2, "cv": 3},
        "twenty": {"": 0, **{f"t{i:02}": i + 1 for i in range(20)}},
        "mixed": {"": 0, "3": 1, "inf": 2},
    }
    features = ["y", "x", "w", "twenty", "mixed"]
    assert keys(found) == {"target": "y", "features": features, "categories": categories}
    assert found.words == [
        "24 rows of 8 columns, between them ','",
        "texts in w, twenty, mixed: numbered in the order of the alphabet (`categories`)",
        "left out: one (constant), none (empty), more (texts)",
    ]
    assert found.table.values[:4, 2].tolist() == [1, 2, 3, 1]


def test_gaps_are_filled_with_lines_and_said(tmp_path: Path) -> None:
    found = look(tmp_path, "y,x,w\n1,NA,a\n,2,b\n3,?,a\n4,1,-\n")
    assert keys(found) == {
        "target": "y",
        "features": ["y", "x", "w"],
        "categories": {"w": {"": 0, "-": 1, "a": 2, "b": 3}},
        "gaps": "interpolate",
        "missing": ["", "?", "NA"],
    }
    assert found.words[-1] == "gaps, as '', '?', 'NA': filled (`gaps`)"
    # By hand: y from 1 to 3; x has 2 before its first value, and 1.5 between 2 and 1.
    assert found.table.values.tolist() == [[1, 2, 2], [2, 2, 3], [3, 1.5, 2], [4, 1, 1]]


@pytest.mark.parametrize("cell", ["", "NA", "nan", "NaN", "N/A", "n/a", "null", "NULL", "None", "?", "-", "."])
def test_what_usually_stands_for_a_gap_is_one(tmp_path: Path, cell: str) -> None:
    assert keys(look(tmp_path, f"y,x\n1,1\n{cell},2\n3,1\n"))["missing"] == [cell]


DAY_ROWS = [f"2014-01-{day:02},{day}" for day in range(10, 20)]
SORTED = "rows are not in order, in {}: sorted (`sort`)"
DROPPED = "1 row of times that stand there before: the first is kept (`duplicates`)"
ADDED = "2 times left out: rows of gaps are added (`missing_times`)"
STEPS = "times are not evenly spaced: each row is a step (`steps`)"
GAPS = {"missing_times": "gaps", "gaps": "interpolate"}


@pytest.mark.parametrize(
    ("lines", "more", "words", "n"),
    [
        (DAY_ROWS, {}, [], 10),
        (DAY_ROWS[::-1], {"sort": True}, [SORTED.format("9 places")], 10),
        ([*DAY_ROWS, "2014-01-19,99"], {"duplicates": "drop"}, [DROPPED], 10),
        ([*DAY_ROWS[:4], *DAY_ROWS[6:]], GAPS, [ADDED], 10),
        (
            [*DAY_ROWS[6:], *DAY_ROWS[:4], "2014-01-13,99"],
            {"sort": True, "duplicates": "drop", **GAPS},
            [SORTED.format("1 place"), DROPPED, ADDED],
            10,
        ),
    ],
)
def test_rows_out_of_order_are_put_right_with_the_keys_that_are_needed(
    tmp_path: Path, lines: list[str], more: dict[str, Any], words: list[str], n: int
) -> None:
    found = look(tmp_path, "\n".join(["when,y", *lines]) + "\n")
    assert keys(found) == {"target": "y", "time": "when", "features": ["y"], **more}
    assert found.words[2:] == words
    assert found.table.values[:, 0].tolist() == [float(day) for day in range(10, 10 + n)]


def test_times_that_no_step_fits_are_steps_themselves(tmp_path: Path) -> None:
    found = look(tmp_path, "when,y\n2014-01-01,1\n2014-01-02,2\n2014-01-03,3\n2014-01-05 11:13:17,4\n2016-01-05,5\n")
    assert keys(found)["steps"] == "rows"
    assert "missing_times" not in found.keys
    assert found.words[-1] == STEPS
    assert found.table.step_name() == "step"
    assert found.table.values[:, 0].tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("z", "--target: 'z' is no column of numbers; known: x, y"),
        ("w", "--target: 'w' is no column of numbers: 'a' is none."),
        ("when", "--target: 'when' is no column of numbers: '2014-01-01' is none."),
    ],
)
def test_a_target_that_is_no_column_of_numbers_is_refused(tmp_path: Path, target: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        look(tmp_path, "when,y,x,w\n2014-01-01,1,3,a\n2014-01-02,2,4,b\n", target)


def test_what_cannot_be_read_is_refused_as_the_series_does(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"table\.csv:3: 1 cell, but the header has 2 cells"):
        look(tmp_path, "a,y\n1,2\n3\n")
    with pytest.raises(DataError, match=r"only one row of data"):
        look(tmp_path, "a,y\n1,2\n")
    with pytest.raises(DataError, match=r"table\.csv: a Parquet file, and damaged: "):
        look(tmp_path, b"PAR1\xff")


def test_the_keys_read_the_same_table_again(tmp_path: Path) -> None:
    found = look(tmp_path, "when;w;y\n02.01.2014;a;1,5\n01.01.2014;b;NA\n04.01.2014;a;2\n03.01.2014;;2\n", "y")
    assert keys(found)["missing"] == ["NA"]
    again = CSVSeries(**found.keys).read()
    np.testing.assert_array_equal(again.values, found.table.values)
    assert found.table.times is not None
    assert (np.diff(found.table.times) == np.timedelta64(1, "D")).all()


def test_how_a_table_is_written_is_not_taken_from_a_comment(tmp_path: Path) -> None:
    found = look(tmp_path, "# a, b, c, d\n" + rows([f"{day:%Y-%m-%d}" for day in DAYS], ";"))
    assert found.keys["delimiter"] == ";"
    assert found.keys["comment"] == "#"
    assert found.table.values[:, 0].tolist() == [11, 22, 30, 41, 52, 60, 71, 82]


@pytest.mark.parametrize("several", [False, True])
def test_rows_at_the_end_without_a_target_may_tell_what_is_known_ahead(tmp_path: Path, several: bool) -> None:
    # Caught here: a gap amid the rows of a series, and a column that is a gap there too.
    lines = [f"{day:%Y-%m-%d},{i}.5,{i % 3},{7 - i}" for i, day in enumerate(DAYS)]
    lines[2] = lines[2].replace(",2.5,", ",,")
    later = [f"{day + timedelta(days=8):%Y-%m-%d},,,{3 * i}" for i, day in enumerate(DAYS[:2])]
    if several:
        rows_of = [line + ",a" for line in lines + later] + [line + ",b" for line in lines]
        found = look(tmp_path, "\n".join(["when,y,temp,price,shop", *rows_of]) + "\n")
    else:
        found = look(tmp_path, "\n".join(["when,y,temp,price", *lines, *later]) + "\n")
    said = (
        "2 rows at the end have no y, and price is known there; if price is known when a forecast is made, as a "
        "holiday or a price is, name it in `known_ahead`: `minidl predict` then goes on with these rows"
    )
    assert [word for word in found.words if "at the end" in word] == [said]
    assert "known_ahead" not in found.keys
    without = look(tmp_path, "\n".join(["when,y,temp,price", *lines]) + "\n")
    assert not [word for word in without.words if "at the end" in word]
