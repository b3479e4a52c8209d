"""Tables as people have them: how they are written, and rows that are not what a table wants."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.core.errors import ConfigError, DataError
from minidl.data import CSVSeries

PLAIN = "time,y\n2014-01-01,1234.5\n2014-01-02,-2\n2014-01-03,0.25\n"
VALUES, DAYS = [1234.5, -2, 0.25], ["2014-01-01", "2014-01-02", "2014-01-03"]
GZIPPED = gzip.compress(PLAIN.encode(), mtime=0)  # a time of its own would be part of the tests' names


def series(folder: Path, content: str | bytes, **arguments: Any) -> CSVSeries:
    path = folder / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return CSVSeries(str(path), **{"target": "y", "features": ["y"], "time": "time", **arguments})


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        (PLAIN, {}),
        (GZIPPED, {}),
        (bz2.compress(PLAIN.encode()), {}),
        (lzma.compress(PLAIN.encode()), {}),
        (PLAIN.encode("utf-16"), {}),
        (PLAIN.encode("utf-16-le"), {"encoding": "utf-16"}),
        (PLAIN.replace("time", "jähr").encode("cp1252"), {"encoding": "cp1252", "time": "jähr"}),
        (PLAIN.replace("time", "jähr").encode("latin-1"), {"encoding": "latin-1", "time": "jähr"}),
        (PLAIN.partition("\n")[2], {"column_names": ["time", "y"]}),
        ("# about\n#, this\n" + PLAIN.replace("-2\n", "-2\n # and that\n"), {"comment": "#"}),
        ("Table 1: prices\n\n" + PLAIN, {"skip_lines": 2}),
        (PLAIN.replace("-2\n", "-2\n,\n") + ",\n , \n", {}),
        (PLAIN.replace(",", ";").replace(".", ","), {"delimiter": ";", "decimal": ","}),
        (PLAIN.replace(",", ";").replace("1234.5", "1,234.5"), {"delimiter": ";", "thousands": ","}),
        (
            PLAIN.replace(",", ";").replace(".", ",").replace("1234", "1.234"),
            {"delimiter": ";", "decimal": ",", "thousands": "."},
        ),
        ("time,y\n1/1/2014,1234.5\n2/1/2014,-2\n3/1/2014,0.25\n", {"time_format": "%d/%m/%Y"}),
    ],
)
def test_a_table_is_the_same_however_it_is_written(
    tmp_path: Path, content: str | bytes, arguments: dict[str, Any]
) -> None:
    table = series(tmp_path, content, **arguments).read()
    assert table.values[:, 0].tolist() == VALUES
    assert table.times is not None
    assert [str(time)[:10] for time in table.times] == DAYS


def test_date_and_hour_may_stand_in_two_columns(tmp_path: Path) -> None:
    content = "date,hour,y\n31.12.2014,23.00,1\n31.12.2014,24.00,2\n01.01.2015,01.00,3\n"
    table = series(tmp_path, content, time=["date", "hour"], time_format="%d.%m.%Y %H.%M").read()
    assert table.step_name() == "h"


MESSY = """time,y,w
2014-01-05,5,b
2014-01-01,1,a
2014-01-02,2,a
2014-01-02,4,b
2014-01-04,,b
"""
ASKED = {"sort": True, "missing_times": "gaps", "gaps": "interpolate", "features": ["y", "w"]}
WIND = {"w": {"a": 1, "b": 2, "": 0}}


@pytest.mark.parametrize(("duplicates", "second"), [("drop", 2), ("average", 3)])
def test_rows_are_sorted_made_one_and_added(tmp_path: Path, duplicates: str, second: float) -> None:
    table = series(tmp_path, MESSY, duplicates=duplicates, categories=WIND, **ASKED).read()
    # By hand: the 3rd is added, the 3rd and 4th lie on the line from the 2nd to the 5th.
    np.testing.assert_allclose(table.values[:, 0], [1, second, *np.linspace(second, 5, 4)[1:]], rtol=1e-12)
    assert table.values[:, 1].tolist() == [1, 1, 0, 2, 2]
    assert (table.n_filled, len(table), table.step_name()) == (2, 5, "d")


def test_all_problems_come_at_once_each_with_its_line_and_key(tmp_path: Path) -> None:
    text = MESSY.replace("5,b", "x,b").replace("1,a", "1,c")
    with pytest.raises(DataError) as caught:
        series(tmp_path, text, features=["y", "w"], categories=WIND).read()
    expected = [
        ":3: the time 2014-01-01 00:00:00 is before that of the row above; sort the rows by time, or say `sort: true`",
        ":5: the time 2014-01-02 00:00:00 stands there twice; keep one row per time, or say `duplicates: drop`",
        ":6: the time 2014-01-04 00:00:00 is 2 d after the row above, usual are 1 d; rows must be evenly spaced",
        ":2: column y: 'x' is not a number",
        ":3: column w: unknown category 'c'",
        ":6: column y: a gap (the only gap)",
    ]
    lines = str(caught.value).split("\n")
    assert len(lines) == len(expected)
    assert [part in line for part, line in zip(expected, lines, strict=True)] == [True] * 6


def test_what_is_added_or_too_long_is_refused_with_the_key(tmp_path: Path) -> None:
    arguments = {**ASKED, "duplicates": "drop"}
    with pytest.raises(DataError, match=r"column w: 1 row of times that.*give the empty text a number"):
        series(tmp_path, MESSY, categories={"w": {"a": 1, "b": 2}}, **arguments).read()
    with pytest.raises(DataError, match="column y: a gap of 2 rows from 2014-01-03 00:00:00 on; `max_gap` is 1"):
        series(tmp_path, MESSY, categories=WIND, max_gap=1, **arguments).read()
    # The added row has a number for the category, and none for y.
    full = MESSY.replace("2014-01-04,,b", "2014-01-04,4,b")
    with pytest.raises(
        DataError, match=r"rows were added as gaps \(`missing_times: gaps`\); `gaps: interpolate` fills"
    ):
        series(tmp_path, full, categories=WIND, **{**arguments, "gaps": "refuse"}).read()


def test_trading_days_are_steps_and_one_wrong_year_adds_no_million_rows(tmp_path: Path) -> None:
    content = "time,y\n2014-01-02,1\n2014-01-03,2\n2014-01-06,3\n"
    table = series(tmp_path, content, steps="rows").read()
    assert (table.step_name(), len(table)) == ("step", 3)
    with pytest.raises(DataError, match="is before that of the row above"):
        series(tmp_path, content + "2014-01-01,4\n", steps="rows").read()
    with pytest.raises(DataError, match="rows must be evenly spaced"):
        series(tmp_path, content.replace("01-06", "01-04") + "9014-01-06,4\n", missing_times="gaps").read()


def test_months_that_are_left_out_are_added(tmp_path: Path) -> None:
    content = "time,y\n2014-01,1\n2014-02,2\n2014-03,3\n2014-06,6\n"
    table = series(tmp_path, content, time_format="%Y-%m", missing_times="gaps", gaps="interpolate").read()
    assert table.values[:, 0].tolist() == [1, 2, 3, 4, 5, 6]
    assert table.step_name() == "month"


@pytest.mark.parametrize("poison", ["noise", "gaps"])
def test_spoilt_files_have_the_same_form_and_the_same_first_rows(tmp_path: Path, poison: Any) -> None:
    content = "1;2,5\n3;1.003,5\n2;2\n2;3\n5;5\n"
    made = series(
        tmp_path, ("about\n" + content.replace(";", "/1/14;")).encode("utf-16"), delimiter=";", decimal=",",
        thousands=".", skip_lines=1, encoding="utf-16", column_names=["time", "y"], time_format="%d/%m/%y", sort=True,
        duplicates="average", missing_times="gaps", gaps="interpolate",
    )  # fmt: skip
    path = tmp_path / "spoilt.csv"
    spoilt = made.forged(2, poison)
    assert spoilt is not None
    path.write_bytes(spoilt)
    before, after = made.read().values[:, 0], made.read(path).values[:, 0]
    assert before.tolist() == [2.5, 2.5, 1003.5, 504.25, 5]
    assert after[:2].tolist() == [2.5, 2.5]
    assert after[2] != 1003.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"thousands": "."}, "CSVSeries: thousands: '.' cannot separate thousands here."),
        ({"column_names": ["a", "a"]}, "CSVSeries: column_names: 'a' appears twice."),
        ({"time_format": "%H"}, "CSVSeries: time_format: '%H': there is no year"),
        ({"time": None, "sort": True}, "CSVSeries: sort: also needs time, the column of times."),
        ({"time": None, "missing_times": "gaps"}, "CSVSeries: missing_times: also needs time"),
    ],
)
def test_keys_that_cannot_work_are_refused(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        series(tmp_path, PLAIN, **arguments)


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (GZIPPED[:-9], {}, "compressed with gzip, and damaged"),
        (PLAIN.encode(), {"encoding": "utf-16"}, "the file is not in utf-16"),
        (PLAIN, {"column_names": ["time"]}, "2 columns, but `column_names` has 1."),
        (PLAIN.replace("-2", '"1,5"'), {}, "3: column y: '1,5' is not a number.*`decimal` and `thousands` say how"),
        ("#\n" + PLAIN.replace("-2", "x"), {"comment": "#"}, ":4: column y: 'x' is not a number"),
        ("#\n" + PLAIN.replace("-2", "2,3"), {"comment": "#"}, ":4: 3 cells, but the header has 2"),
    ],
)
def test_files_that_are_not_what_the_keys_say_are_refused(
    tmp_path: Path, content: str | bytes, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        series(tmp_path, content, **arguments).read()
