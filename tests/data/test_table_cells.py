"""Cells, numbers and times in bulk are those of Python's csv, float and datetime, one by one."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minidl.core.errors import ConfigError, DataError
from minidl.data.tables import cells as module
from minidl.data.tables.cells import Cells, Column, padded
from minidl.data.tables.decimals import decimals, whole_numbers
from minidl.data.tables.time_formats import TimeFormat

CELLS = st.text(alphabet='a1 "\t\nµ;,', max_size=4)


def column_of(texts: list[str]) -> Column:
    ends = np.cumsum([len(text.encode()) + 1 for text in texts]).astype(np.int32) - np.int32(1)
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int32)
    return Column(padded("\n".join(texts).encode()), starts, ends)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=6), st.sampled_from(["\n", "\r\n"]))
@example([['"', '"'], ["", '""']], "\n")
@settings(max_examples=80, deadline=None)
def test_cells_written_by_csv_are_read_back(rows: list[list[str]], line_end: str) -> None:
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL):
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator=line_end, quoting=quoting).writerows(rows)
        cells = Cells(text.getvalue().encode(), name="air.csv", delimiter=",")
        assert [cells.row(i) for i in range(len(cells))] == [[cell.strip() for cell in row] for row in rows]
        assert [cells.column(1).texts()[i] for i in range(len(cells))] == [row[1].strip() for row in rows]


@given(st.text(alphabet='a," \r\nµ\0', max_size=24))
@settings(max_examples=120, deadline=None)
def test_both_ways_find_the_same_cells(text: str) -> None:
    at_once = module._at_once(text.encode(), ord(","))
    if at_once is None:
        return
    one_by_one = module._one_by_one(text.encode(), "air.csv", ",")
    found = []
    for data, starts, ends, lines, quoted in (at_once, one_by_one):
        columns = [starts, *(ends[:, :-1] + np.int32(1)).T]
        texts = [Column(data, first, last, quoted).texts() for first, last in zip(columns, ends.T, strict=True)]
        found.append((texts, lines.tolist()))
    assert found[0] == found[1]


def test_the_usual_file_is_read_at_once_and_also_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b'when,"a, b"\r\n2012,"x, y"\r\n2013, 1\r\n\r\n'
    for piece in (1, 2, 3, 7, 1 << 22):
        monkeypatch.setattr(module, "_PIECE", piece)
        monkeypatch.setattr(module, "_BLOCK", piece)
        assert module._at_once(text, ord(",")) is not None
        cells = Cells(text, name="air.csv", delimiter=",")
        assert [cells.row(i) for i in range(3)] == [["when", "a, b"], ["2012", "x, y"], ["2013", "1"]]
        assert cells.column(1).texts() == ["a, b", "x, y", "1"]


def test_a_delimiter_beyond_ascii_separates_cells_too() -> None:
    assert Cells("a§b\n1§2\n".encode(), name="air.csv", delimiter="§").row(1) == ["1", "2"]


@given(
    st.lists(
        st.floats(allow_nan=False, allow_infinity=False).map(repr)
        | st.integers(-(10**18), 10**18).map(str)
        | st.decimals(places=4, min_value=-999999, max_value=999999).map(str)
        | st.text(alphabet="+-.0159e _µ", max_size=19),
        min_size=1,
        max_size=8,
    )
)
@example(["-0", "+.5", "5.", ".", "-", "", "1-", "1_0", "1..2", "123456789012345", "0.00000000000001", " 7 ", "1+1"])
@example(["96446425.57960213", "1.234567890123456", "9007199254740993"])  # a digit more than one division rounds right
@settings(max_examples=120, deadline=None)
def test_what_is_read_as_a_number_in_bulk_is_what_float_makes_of_it(texts: list[str]) -> None:
    values, known = decimals(column_of(texts))
    expected = [float(text) if ok else 0.0 for text, ok in zip(texts, known, strict=True)]
    assert list(map(repr, values.tolist())) == list(map(repr, expected))
    plain = [len(text.strip("+-. ")) <= 15 and text.strip().removeprefix("-").isdecimal() for text in texts]
    assert all(ok for ok, is_plain in zip(known, plain, strict=True) if is_plain)


@given(st.lists(st.text(alphabet="01592/:+-. ٣", max_size=6), min_size=1, max_size=8))
@example(["0", "0007", "9999", "12345", "", " 31 ", "1 2", "1.", "-1", "٣", "/", ":"])
@settings(max_examples=120, deadline=None)
def test_what_is_read_as_a_whole_number_in_bulk_is_digits_and_nothing_else(texts: list[str]) -> None:
    values, known = whole_numbers(column_of(texts), 4)
    cells = [text.strip() for text in texts]
    assert known.tolist() == [cell.isascii() and cell.isdigit() and len(cell) <= 4 for cell in cells]
    assert values.tolist() == [int(cell) if ok else 0 for cell, ok in zip(cells, known, strict=True)]


FORMS = [
    "%Y-%m-%d %H:%M:%S", "%d/%m/%Y", "%m/%d/%y %I:%M %p", "%d %b %Y", "%B %d, %Y", "%Y%m%d%H", "%Y", "%Y-%m", "%b-%y",
    "%d.%m.%Y %H.%M", "%Y/%j",
]  # fmt: skip


@given(st.lists(st.datetimes(datetime(1969, 1, 1), datetime(2068, 12, 31)), min_size=1, max_size=6))
@settings(max_examples=10, deadline=None)
@pytest.mark.parametrize("form", FORMS)
def test_a_column_of_times_is_read_as_strptime_reads_each(form: str, times: list[datetime]) -> None:
    texts = [time.strftime(form) for time in times]
    expected = [datetime.strptime(text, form) for text in texts]
    seconds, zoned, known = TimeFormat(form).read([column_of(texts)])
    assert known.all()
    assert not zoned.any()
    assert [datetime(1970, 1, 1) + timedelta(seconds=int(one)) for one in seconds] == expected
    assert [TimeFormat(form).parse(text) for text in texts] == expected


ISO_LIKE = r"(0|1|20)1[0-9]{1,2}-[013][0-9]-[0-3][0-9]( 2[0-5]:[06]0(:[06]0(\.[0-9])?)?)?(Z|\+2[0-9]00)?"


@given(st.lists(st.from_regex(ISO_LIKE, fullmatch=True), min_size=1, max_size=6))
@example(["2014-12-31 24:00", "2014-12-31 24:01", "0000-01-01", "2012-02-29", "2013-02-29", "2014-01-01 00:00:00.000"])
@settings(max_examples=80, deadline=None)
def test_what_is_read_as_a_time_in_bulk_is_what_is_read_one_by_one(texts: list[str]) -> None:
    iso = TimeFormat()
    seconds, zoned, known = iso.read([column_of(texts)])
    for text, second, offset, ok in zip(texts, seconds, zoned, known, strict=True):
        if ok:
            assert datetime(1970, 1, 1) + timedelta(seconds=int(second)) == iso.parse(text)
            assert offset == iso.has_offset(text)
        elif iso.matches(text):
            assert iso.parse(text).year in (1, 9998, 9999)  # left to who looks at them one by one


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("%Y Q%q", "2014 Q3", datetime(2014, 7, 1)),
        ("%s", "86400", datetime(1970, 1, 2)),
        ("%d %b %Y", "3 Sept. 2014", datetime(2014, 9, 3)),
        ("%d/%m/%Y %H:%M", "1/2/2014 24:00", datetime(2014, 2, 2)),
        ("%m/%d/%Y %I:%M %p", "1/2/2014 12:05 a.m.", datetime(2014, 1, 2, 0, 5)),
        ("%Y-%m-%dT%H:%M:%S.%f%z", "2014-01-02T03:00:00.000+01:00", datetime(2014, 1, 2, 2)),
    ],
)
def test_forms_beyond_those_of_strptime(form: str, text: str, expected: datetime) -> None:
    assert TimeFormat(form).parse(text) == expected
    seconds, _, known = TimeFormat(form).read([column_of([text, text])])
    assert known.all()
    assert datetime(1970, 1, 1) + timedelta(seconds=int(seconds[1])) == expected


@pytest.mark.parametrize(
    ("form", "text", "message"),
    [
        ("%d/%m/%Y", "2014-12-31", "'2014-12-31' is no time like '31/12/2014' (`time_format`: '%d/%m/%Y')."),
        ("%d/%m/%Y", "12/31/2014", "'12/31/2014' is no time: month must be in 1..12"),
        ("%Y%m%d", "2014123", "'2014123' is no time like '20141231'"),
        ("%d %b %Y", "1 Foo 2014", "'1 Foo 2014' is no time: month must be in 1..12"),
        ("%Y-%m-%d %H:%M:%S.%f", "2014-01-02 00:00:00.5", "'2014-01-02 00:00:00.5' is no time: it has a fraction"),
        ("%Y %j", "2014 366", "'2014 366' is no time: the year has no such day"),
        ("%I %p %Y", "13 pm 2014", "'13 pm 2014' is no time: hour must be in 0..23"),
    ],
)
def test_a_text_of_another_form_is_refused(form: str, text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        TimeFormat(form).parse(text)
    assert str(caught.value).startswith(message)
    assert not TimeFormat(form).read([column_of([text])])[2].any()


@pytest.mark.parametrize(
    ("form", "message"),
    [("%Y %k", "%k is none of %Y"), ("%d.%m.%d.%Y", "%d stands there twice"), ("%H:%M", "there is no year")],
)
def test_a_form_that_cannot_be_one_is_refused(form: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^time_format: '{form}': {message}"):
        TimeFormat(form)


def test_a_long_cell_costs_no_memory_for_the_others() -> None:
    # As a matrix with a row for each cell this would be 20 GB.
    data = b"a\n" + b"1\n" * 100_000 + b"x" * 200_000 + b"\n"
    column = Cells(data, name="air.csv", delimiter=",").column(0, first=1)
    values, known = decimals(column)
    assert known.sum() == values.sum() == 100_000
    with pytest.raises(DataError, match="2 cells"):
        Cells(b"a\n1\n2,3\n", name="air.csv", delimiter=",")


def test_white_space_around_a_number_is_what_strip_takes() -> None:
    for code in range(128):
        character = chr(code)
        if character in "0123456789+-.":
            continue
        values, known = decimals(column_of([f"{character}7{character}", f"7{character}", f"{character}7"]))
        assert known.tolist() == [character.isspace()] * 3, code
        assert values.tolist() == [7.0 * character.isspace()] * 3


def test_a_file_of_which_one_row_is_longer_is_not_read_at_once() -> None:
    for text in ("a,b\n1\n2,3,4\n", "a,b\n1,2,3\n4\n", "a,b\n1,2\n3\n", "a\n\nb\n", "a,b\n1\n"):
        assert module._at_once(text.encode(), ord(",")) is None
        with pytest.raises(DataError, match=r"^air\.csv:[23]: "):
            Cells(text.encode(), name="air.csv", delimiter=",")
    for text in ('a,"b"c\n1,2\n', 'a,b"c"\n1,2\n', 'a,"b\nc"\n', 'a,"b\n', 'a,"b""c"\n'):
        assert module._at_once(text.encode(), ord(",")) is None
    found = module._at_once(b'"a",b\n"1","2"', ord(","))
    assert found is not None
    assert (found[1].tolist(), found[2].tolist(), found[3].tolist(), found[4]) == (
        [0, 6],
        [[3, 5], [9, 13]],
        [1, 2],
        True,
    )


def test_lines_of_rows_are_those_where_they_end() -> None:
    one_by_one = module._one_by_one(b'a,"b\n\nc"\n1,2\n', "air.csv", ",")
    assert one_by_one[3].tolist() == [3, 4]
    lines = np.array([2, 3, 5, 6, 9])
    assert module._one_by_one(b'a,"b\nc"\n1,2\n', "air.csv", ",", lines)[3].tolist() == [3, 5]
    cells = Cells(b"a,b\n1,2\n", name="air.csv", delimiter=",", lines=lines)
    assert cells.lines.tolist() == [2, 3]
    assert (len(cells), cells.width) == (2, 2)


def test_columns_and_rows_are_pieces_of_the_text() -> None:
    cells = Cells(b"a,b,c\n1,22,333\n4,55,666\n7,88,999\n", name="air.csv", delimiter=",")
    assert cells.row(2) == ["4", "55", "666"]
    assert cells.column(1, first=1).texts() == ["22", "55", "88"]
    taken = cells.column(2, first=1).take(np.array([2, 0]))
    assert (len(taken), taken.texts()) == (2, ["999", "333"])
    matrix = taken.matrix(taken.starts, 3)
    assert [bytes(row) for row in matrix] == [b"999", b"333"]
    assert bytes(cells.column(2).matrix(cells.column(2).starts[-1:], 64)[0])[:4] == b"999\n"  # room behind the last
