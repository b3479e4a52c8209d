"""Marks before decimals and between thousands: found in a table, said, and never guessed in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from looking import keys, look

from minidl.core.errors import DataError
from minidl.data import CSVSeries
from minidl.data.tables.layout import TextLayout
from minidl.data.tables.marks import marks_of

NBSP, NARROW, QUOTE = "\u00a0", "\u202f", "\u2019"


@pytest.mark.parametrize(
    ("cells", "decimal", "thousands"),
    [
        (["1.5", "2"], ".", ""),
        (["1,5", "2"], ",", ""),
        (["1,234.5", "2"], ".", ","),
        (["1.234,5", "2"], ",", "."),
        (["1,234,567", "2"], ".", ","),
        (["1.234.567", "2"], ",", "."),
        (["1 234,5", "2"], ",", " "),
        (["1 234.5", "2"], ".", " "),
        (["1 234", "2,5"], ",", " "),
        (["1'234.5", "2"], ".", "'"),
        ([f"1{NBSP}234,5", "2"], ",", NBSP),
        ([f"1{NARROW}234,5", "2"], ",", NARROW),
        ([f"1{QUOTE}234.5", "2"], ".", QUOTE),
        (["-1,234.50", "NA", "+12"], ".", ","),
        (["1,234", "0,5"], ",", ""),  # the second cell tells
        (["1,234", "12345,5"], ",", ""),
        (["1,234.5", "1.234,5"], ".", ""),  # no way to read both
        (["a,b", "1,5"], ".", ""),
        (["1e3", "2"], ".", ""),
    ],
)
@pytest.mark.parametrize("delimiter", [";", "\t", ","])
def test_the_marks_are_found_that_make_a_column_numbers(
    cells: list[str], decimal: str, thousands: str, delimiter: str
) -> None:
    marks, said = marks_of([cells], delimiter)
    assert (marks.decimal, marks.thousands) == (decimal, thousands)
    odd = (decimal, thousands) != (".", "")
    assert said.startswith("numbers like ") == odd
    assert all(
        f'`{key}: "{mark}"`' in said
        for key, mark in (("decimal", decimal), ("thousands", thousands))
        if mark != "." and mark
    )


@pytest.mark.parametrize(
    ("columns", "delimiter", "said"),
    [
        (
            [["1,234", "2,345"]],
            ";",
            '\'1,234\' is taken as 1.234 (`decimal: ","`); if it is 1234, the keys are (`decimal: "."` and '
            '`thousands: ","`)',
        ),
        (
            [["1,234", "2,345"]],
            ",",
            '\'1,234\' is taken as 1234 (`thousands: ","`); if it is 1.234, the keys are (`decimal: ","` and '
            '`thousands: ""`)',
        ),
        (
            [["1.234", "2.345"]],
            ";",
            '\'1.234\' is taken as 1.234; if it is 1234, the keys are (`decimal: ","` and `thousands: "."`)',
        ),
        ([["1.234", "2.345"]], ",", ""),
        ([["1.234", "0.345"]], ";", ""),
        # Another column tells.
        ([["1,234", "2,345"], ["1.5", "2.5"]], ";", "numbers like '1,234' (`thousands: \",\"`)"),
        ([["1,234", "2,345"], ["1,5", "2,5"]], ",", "numbers like '1,234' (`decimal: \",\"`)"),
    ],
)
def test_what_may_be_two_numbers_is_said_with_what_was_assumed(
    columns: list[list[str]], delimiter: str, said: str
) -> None:
    assert marks_of(columns, delimiter)[1] == said


def test_a_table_with_thousands_is_read_with_the_keys_that_were_found(tmp_path: Path) -> None:
    lines = [f'2014-01-{day:02},"{day},{day * 7:03}.5"' for day in range(10, 20)]
    found = look(tmp_path, "\n".join(["day,y", *lines]) + "\n")
    assert keys(found) == {"target": "y", "time": "day", "thousands": ",", "features": ["y"]}
    assert "numbers like '10,070.5' (`thousands: \",\"`)" in found.words
    assert found.table.values[:3, 0].tolist() == [10070.5, 11077.5, 12084.5]
    without = {key: value for key, value in found.keys.items() if key != "thousands"}
    with pytest.raises(DataError, match=r"'10,070\.5' is not a number; .* The keys `decimal` and `thousands` say how"):
        CSVSeries(**without).read()
    assert CSVSeries(**found.keys).read().values.tolist() == found.table.values.tolist()


@pytest.mark.parametrize("mark", [NBSP, NARROW, QUOTE, " ", "'"])
def test_any_mark_that_is_found_can_be_said(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"y;z\n1{mark}234,5;1\n2;3\n", encoding="utf-8")
    series = CSVSeries(str(path), "y", ["y"], delimiter=";", decimal=",", thousands=mark)
    assert series.read().values.ravel().tolist() == [1234.5, 2.0]
    with pytest.raises(DataError, match="The keys `decimal` and `thousands` say how numbers are written"):
        CSVSeries(str(path), "y", ["y"], delimiter=";", decimal=",").read()
    assert TextLayout(thousands=mark).number(f"1{mark}23") == f"1{mark}23"


def test_of_very_many_cells_those_with_the_most_marks_are_looked_at() -> None:
    cells = [f"{i},{i % 10}{i // 10 % 10}{i // 100 % 10}" for i in range(100, 999)] + [f"{i}" for i in range(2000)]
    marks, _ = marks_of([[*cells, "1.234,5"]], ",")
    assert (marks.decimal, marks.thousands) == (",", ".")
