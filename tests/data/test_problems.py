"""Problems of a file: errors of its data are kept for one message, all others go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from minidl.core.errors import DataError, StorageError
from minidl.data import CSVSeries
from minidl.data.tables.problems import Problems


def test_errors_of_data_are_kept_and_told_together_once_each() -> None:
    problems = Problems()
    for text in ("a.csv:1: wrong.", "a.csv:2: wrong too.", "a.csv:1: wrong."):
        with problems:
            raise DataError(text)
    with pytest.raises(DataError) as caught:
        problems.check()
    assert caught.value.lines == ("a.csv:1: wrong.", "a.csv:2: wrong too.")


@pytest.mark.parametrize("error", [StorageError("a.csv: missing."), ValueError("a slip"), KeyboardInterrupt()])
def test_other_errors_are_not_kept(error: BaseException) -> None:
    problems = Problems()
    with pytest.raises(type(error)), problems:
        raise error
    problems.check()


def test_of_many_problems_the_first_nine_are_told() -> None:
    problems = Problems()
    with problems:
        raise DataError(*(f"a.csv:{i}: wrong." for i in range(12)))
    with pytest.raises(DataError) as caught:
        problems.check()
    assert caught.value.lines == (*(f"a.csv:{i}: wrong." for i in range(9)), "and 3 problems more.")


def lines_of(path: Path, rows: list[str], **keys: Any) -> tuple[str, ...]:
    path.write_text("\n".join(["t,y,w,x", *rows]) + "\n", encoding="utf-8")
    series = CSVSeries(str(path), "y", ["y", "w", "x"], "t", {"w": {"N": 0, "S": 1}}, **keys)
    with pytest.raises(DataError) as caught:
        series.read()
    return tuple(line.removeprefix(f"{path}:") for line in caught.value.lines)


def rows_of_a_day() -> list[str]:
    return [f"2014-01-01 {hour:02}:00,{hour}.5,{'NS'[hour % 2]},{hour * 2}" for hour in range(24)]


def test_eight_different_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    rows = rows_of_a_day()
    rows[3] = "2014-01-01 03:00,abc,N,6"
    rows[5] = "2014-01-01 05:00,,N,10"
    rows[7] = "2014-01-01 07:00,7.5,X,14"
    rows[9], rows[10] = rows[10], rows[9]
    rows.insert(13, rows[12])
    rows[20] = "2014-01-01 19:00,20.5,S"
    rows[21] = "yesterday,21.5,S,42"
    rows[22] += "e999"
    found = lines_of(tmp_path / "a.csv", rows)
    assert [line.split(";")[0] for line in found] == [
        "22: 3 cells, but the header has 4 cells",
        "23: column t: 'yesterday' is no time like '2014-12-31 23:00' (ISO 8601",
        "12: the time 2014-01-01 09:00:00 is before that of the row above",
        "15: the time 2014-01-01 12:00:00 stands there twice",
        "5: column y: 'abc' is not a number",
        "9: column w: unknown category 'X'",
        "24: column x: '42e999' is not a finite number",
        "7: column y: a gap (the only gap)",
    ]


def test_a_row_that_cannot_be_read_is_no_time_that_is_left_out(tmp_path: Path) -> None:
    # Caught here: the row after one of another length, two hours after the one above it.
    rows = rows_of_a_day()
    rows[5] += ",1"
    assert lines_of(tmp_path / "a.csv", rows) == ("7: 5 cells, but the header has 4 cells; every row needs as many.",)
    rows = rows_of_a_day()
    rows[5] = "?" + rows[5]
    assert len(lines_of(tmp_path / "a.csv", rows)) == 1
    rows[6] = rows[7]
    found = lines_of(tmp_path / "a.csv", rows)
    assert [line.split(" is ")[0] for line in found] == ["7: column t: '?2014-01-01 05:00'", found[1]]
    assert found[1].startswith("9: the time 2014-01-01 07:00:00 stands there twice;")
    assert len(lines_of(tmp_path / "a.csv", rows, duplicates="drop")) == 1


def test_of_many_rows_of_another_length_three_are_told_and_most_are_no_rows_of_this_table(tmp_path: Path) -> None:
    rows = rows_of_a_day()
    for i in range(5, 10):
        rows[i] += ",1"
    found = lines_of(tmp_path / "a.csv", [*rows, "2014-01-02,1,Q,1"])
    assert [line.split(":")[0] for line in found[:3]] == ["7", "8", "9"]
    assert found[3] == " 2 rows more of another length than the header."
    assert "unknown category 'Q'" in found[-1]
    found = lines_of(tmp_path / "a.csv", [row + ",1" for row in [*rows, "2014-01-02,1,Q,1"]])
    assert not any("Q" in line for line in found)  # the header is what is wrong
