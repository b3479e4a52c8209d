"""Reading CSV files: every fault in a file is one line with file:line and column."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from csv_texts import open_text, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.core.errors import DataError, StorageError
from minidl.data.csv_file import CSVFile, read_bytes
from minidl.data.tables import layout, number_texts
from minidl.data.tables.cells import other_delimiter


def test_numbers_and_texts_are_read_without_the_white_space_around_them() -> None:
    file = open_text("a, b \n 1 ,x\n-2.5e1, y\n")
    np.testing.assert_array_equal(file.numbers("a", missing=()), [1.0, -25.0])
    assert file.texts("b") == ["x", "y"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_all_line_ends_are_accepted_and_lines_counted_right(line_end: str) -> None:
    file = open_text(line_end.join(["a,b", "1,2", "3,x", ""]))
    with refused("air.csv:3: column b: 'x' is not a number; if it stands for a gap, add it to `missing`."):
        file.numbers("b", missing=())


def test_a_byte_order_mark_does_not_become_part_of_the_first_column() -> None:
    file = CSVFile(b"\xef\xbb\xbfa,b\n1,2\n3,4\n", name="air.csv")
    np.testing.assert_array_equal(file.numbers("a", missing=()), [1.0, 3.0])


def test_quoted_cells_may_hold_delimiters_and_line_ends() -> None:
    file = open_text('a,b\n1,"x,\ny"\nz,w\n')
    assert file.texts("b") == ["x,\ny", "w"]
    with refused("air.csv:4: column a: 'z' is not a number"):
        file.numbers("a", missing=())


def test_empty_lines_at_the_end_are_ignored() -> None:
    assert open_text("a\n1\n2\n\n\n").texts("a") == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "air.csv: the file is empty; expected a header and rows of data."),
        ("\n\n", "air.csv: the file is empty"),
        ("a,b\n", "air.csv: a header but no rows of data; a series needs at least 2 rows."),
        ("a,b\n1,2\n", "air.csv: only one row of data; a series needs at least 2 rows."),
        ("a,b\n1,2\n3\n4,5\n", "air.csv:3: 1 cell, but the header has 2 cells; every row needs as many."),
        ("a;b\n1,2;3\n", "air.csv:2: 2 cells, but the header has 1 cell; is the delimiter ';'?"),
        ("a,b\n1,2\n3,4,5\n", "air.csv:3: 3 cells, but the header has 2"),
        ("a,b\n1,2\n\n3,4\n", "air.csv:3: an empty line, but the header has 2"),
        ("TEMP,b,TEMP\n1,2,3\n", "air.csv:1: the column 'TEMP' appears 2 times; rename all but one."),
        ('a,b\n1,2\n3,"4\n5,6\n7,8\n', "air.csv:3: not a CSV row: unexpected end of data."),
        ('a,b\n1,2\n"3"x,4\n', "air.csv:3: not a CSV row"),
    ],
)
def test_a_file_of_the_wrong_form_is_refused_with_its_line(text: str, message: str) -> None:
    with refused(message):
        open_text(text)


def test_bytes_that_are_not_utf8_are_refused_with_their_line() -> None:
    with refused("air.csv:3: the byte 0xb5 is not UTF-8; save the file as UTF-8,"):
        CSVFile("a,b\n1,2\n3,4µ\n".encode("latin-1"), name="air.csv")


def test_the_line_of_a_wrong_byte_is_right_after_a_byte_order_mark() -> None:
    with refused("air.csv:2: the byte 0xff is not UTF-8"):
        CSVFile(b"\xef\xbb\xbfa\n\xff\n", name="air.csv")


def test_an_unknown_column_is_refused_with_a_suggestion() -> None:
    with refused("air.csv:1: no column 'TEMPP'; did you mean TEMP?"):
        open_text("TEMP,b\n1,2\n3,4\n").texts("TEMPP")


def test_a_header_of_one_cell_suggests_the_delimiter() -> None:
    with refused("air.csv:1: the header is one cell; is the delimiter ';'?"):
        open_text("TEMP;b\n1;2\n3;4\n").texts("TEMP")


@pytest.mark.parametrize("text", ["n/a", "1_000", "3,5", "0x10", "--", "nan", "one"])
def test_text_among_numbers_is_refused_with_line_and_column(text: str) -> None:
    with refused(f"air.csv:3: column TEMP: {text!r} is not a number; if it stands for a gap, add it to `missing`."):
        open_text(f"TEMP;b\n1;2\n{text};4\n5;6\n", delimiter=";").numbers("TEMP", missing=("", "NA"))


@pytest.mark.parametrize("text", ["inf", "-inf", "Infinity", "1e999"])
def test_infinite_values_are_refused(text: str) -> None:
    with refused(f"air.csv:2: column TEMP: {text!r} is not a finite number"):
        open_text(f"TEMP\n{text}\n1\n").numbers("TEMP", missing=())


def test_the_first_of_several_equal_faults_is_named() -> None:
    with refused("air.csv:4: column a: 'x' is not a number"):
        open_text("a\n1\n1\nx\n2\nx\n").numbers("a", missing=())


def test_a_long_text_is_shortened_in_the_message() -> None:
    with refused(f"air.csv:2: column a: '{'x' * 37}...' is not a number"):
        open_text(f"a\n{'x' * 100_000}\n1\n").numbers("a", missing=())


@given(st.binary(max_size=60) | st.text(alphabet='a,"1\n\r \0;', max_size=60).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused_with_the_name_of_the_file(data: bytes) -> None:
    message = ""
    try:
        CSVFile(b"a,b\n1,2\n" + data, name="air.csv").numbers("a", missing=("",))
    except DataError as err:
        message = str(err)
    assert all(re.fullmatch("(air[.]csv:.*)?", line) for line in message.split("\n"))


def test_missing_texts_become_nan() -> None:
    values = open_text("a,b\n1,0\nNA,0\n,0\n").numbers("a", missing=("NA", ""))
    np.testing.assert_array_equal(values, [1.0, np.nan, np.nan])


def test_a_number_that_means_a_gap_does_so_however_it_is_written() -> None:
    # As in copies of the UCI air quality table: -200 in one column, -200.0 in another.
    values = open_text("a,b\n-200,0\n-200.0,0\n-2e2,0\n-200.5,0\n0,0\n").numbers("a", missing=("-200", "NA", "nan"))
    np.testing.assert_array_equal(values, [np.nan, np.nan, np.nan, -200.5, 0])


def test_a_text_among_numbers_may_mean_that_the_column_needs_categories() -> None:
    with refused(
        "air.csv:2: column w: 'NW' is not a number; if it stands for a gap, add it to `missing`. "
        "If the column holds texts, give each its number in `categories`."
    ):
        open_text("w\nNW\nSE\n").numbers("w", missing=("",))


def test_a_number_whose_square_is_infinite_is_refused() -> None:
    with refused("air.csv:3: column a: '1e308' is too large (at most 1e+140)"):
        open_text("a\n1\n1e308\n").numbers("a", missing=("",))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"PK\x03\x04\x14\x00\xff", "a ZIP archive or a spreadsheet; unpack it, or save the sheet as CSV."),
        (b"PAR1\x15\x04\xff", "a Parquet file; write it as CSV."),
    ],
    ids=["zip", "Parquet"],
)
def test_a_file_that_is_no_text_is_called_what_it_is(data: bytes, what: str) -> None:
    with refused(f"air.csv: the file is {what}"):
        CSVFile(data, name="air.csv")


def test_categories_become_their_numbers() -> None:
    np.testing.assert_array_equal(open_text("w\nNW\ncv\n").categories("w", {"NW": 9.0, "cv": 0.0}), [9.0, 0.0])


def test_an_unknown_category_is_refused_with_a_suggestion() -> None:
    with refused("air.csv:3: column w: unknown category 'nw'; did you mean NW?"):
        open_text("w\nNW\nnw\n").categories("w", {"NW": 9.0, "SE": 6.0})


def test_a_gap_among_categories_is_refused() -> None:
    with refused("air.csv:3: column w: 'NA' is a gap, and a category cannot be interpolated"):
        open_text("w\nNW\nNA\n").categories("w", {"NW": 9.0}, missing=("NA",))


def test_a_missing_file_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"none\.csv: no such file\.$") as caught:
        read_bytes(tmp_path / "none.csv")
    assert caught.value.exit_code == 4


def test_a_folder_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r": is a folder; a table was expected\.$"):
        read_bytes(tmp_path)


def test_a_name_with_a_nul_is_a_storage_error() -> None:
    with pytest.raises(StorageError, match="cannot be read: a path holds no null character"):
        read_bytes("a\0b")


def test_a_long_text_is_shown_to_its_40th_letter() -> None:
    assert number_texts.shown("x" * 40) == repr("x" * 40)
    assert number_texts.shown("x" * 41) == repr("x" * 37 + "...")


@pytest.mark.parametrize(("year", "right"), [("1", True), ("0", False), ("9999", True)])
def test_years_are_counted_from_1(year: str, right: bool) -> None:
    file = open_text(f"y,m,d\n{year},1,1\n{year},1,2\n")
    if right:
        assert str(file.timestamps_from_parts(["y", "m", "d"])[1]) == f"{int(year):04}-01-02T00:00:00"
    else:
        with refused("air.csv:2: y 0, m 1, d 1: no such time."):
            file.timestamps_from_parts(["y", "m", "d"])


def test_times_from_parts_have_their_hours() -> None:
    file = open_text("y,m,d,h\n2012,1,31,22\n2012,1,31,23\n2012,2,1,0\n")
    found = file.timestamps_from_parts(["y", "m", "d", "h"])
    assert [str(time) for time in found] == ["2012-01-31T22:00:00", "2012-01-31T23:00:00", "2012-02-01T00:00:00"]
    for row in ("2012,1,31,24", "2012,13,1,0", "2012,0,1,0", "2012,2,30,0", "2012,1,0,0"):
        with refused(f"air.csv:3: y {row.split(',')[0]}, m {row.split(',')[1]}, d {row.split(',')[2]}, h"):
            open_text(f"y,m,d,h\n2012,1,31,22\n{row}\n").timestamps_from_parts(["y", "m", "d", "h"])


def test_cells_are_changed_from_a_row_on_and_all_else_stays() -> None:
    file = open_text('a,b,c\n1,x,"p,q"\n2,y,r\n3,z,s\n')
    made = file.with_cells(1, {"b": lambda i: f"row {i}", "a": lambda i: str(10 * i)})
    assert made.decode() == 'a,b,c\n1,x,"p,q"\n10,row 1,r\n20,row 2,s\n'
    assert file.texts("b") == ["x", "y", "z"]


@pytest.mark.parametrize(("beginning", "what"), list(layout.NO_TEXT.items()))
def test_files_that_are_no_text_are_called_what_they_are(beginning: bytes, what: str) -> None:
    with pytest.raises(DataError, match=f"^air.csv: the file is {re.escape(what)}"):
        layout.PLAIN.text_of(beginning + b"\x00\xff", "air.csv")
    assert layout.PLAIN.text_of(b"BZh,a\n", "air.csv") == b"BZh,a\n"  # a header may begin like that


def test_a_byte_that_is_not_utf_8_is_named_with_its_line() -> None:
    with pytest.raises(DataError, match=r"^air\.csv:3: the byte 0xfc is not UTF-8; save the file as UTF-8, or"):
        layout.PLAIN.text_of(b"a\nb\n1\xfc\n", "air.csv")
    assert layout.PLAIN.text_of(b"\xef\xbb\xbfa", "air.csv") == b"a"


def test_a_header_in_one_cell_may_have_another_delimiter() -> None:
    assert other_delimiter(["a;b"]) == "; is the delimiter ';'?"
    assert other_delimiter(["a\tb|c"]) == "; is the delimiter '\\t'?"
    assert [other_delimiter(header) for header in (["a"], ["a;b", "c"])] == ["", ""]


def test_the_largest_number_is_taken() -> None:
    np.testing.assert_array_equal(open_text("a\n1e140\n-1e140\n").numbers("a", missing=()), [1e140, -1e140])
    for text in ("1.0000001e140", "-1.0000001e140"):
        with refused(f"air.csv:2: column a: '{text}' is too large (at most 1e+140); if it stands for a gap, add it"):
            open_text(f"a\n{text}\n1\n").numbers("a", missing=("",))


@pytest.mark.parametrize("n", [1, 3, 4, 7])
def test_three_wrong_texts_of_a_column_are_shown_and_the_others_counted(n: int) -> None:
    texts = [f"x{i}" for i in range(n)]
    with pytest.raises(DataError) as caught:
        open_text("\n".join(["a", "1", *texts, *texts]) + "\n").numbers("a", missing=())
    lines = str(caught.value).split("\n")
    assert [line.partition(" is ")[0] for line in lines[:3]] == [
        f"air.csv:{3 + i}: column a: 'x{i}'" for i in range(min(n, 3))
    ]
    assert lines[3:] == ([f"air.csv: column a: {n - 3} texts more are wrong."] if n > 3 else [])


@pytest.mark.parametrize(("text", "written"), [("1,5", True), ("-1 000", True), ("1.5x", False), ("x1", False)])
def test_a_number_written_otherwise_is_told_from_a_text(text: str, written: bool) -> None:
    advice = (
        "The keys `decimal` and `thousands` say how numbers are written."
        if written
        else "If the column holds texts, give each its number in `categories`."
    )
    with refused(
        f"air.csv:2: column a: {text!r} is not a number; if it stands for a gap, add it to `missing`. {advice}"
    ):
        open_text(f"a;b\n{text};0\n1;0\n", delimiter=";").numbers("a", missing=())


def test_a_file_without_a_header_has_as_many_names_as_columns() -> None:
    plain = b"1,2\n3,4\n"
    file = CSVFile(plain, name="air.csv", layout=layout.TextLayout(column_names=["a", "b"]))
    assert (len(file), file.texts("a"), str(file.error(1, "x"))) == (2, ["1", "3"], "air.csv:2: x")
    assert str(file.error(-1, "x")) == "air.csv:1: x"
    assert file.with_cells(1, {"b": lambda i: f"row {i}"}) == b"1,2\n3,row 1\n"
    for names in (["a"], ["a", "b", "c"]):
        with refused(f"air.csv: 2 columns, but `column_names` has {len(names)}."):
            CSVFile(plain, name="air.csv", layout=layout.TextLayout(column_names=names))
    with refused("air.csv: only one row of data"):
        CSVFile(b"1,2\n", name="air.csv", layout=layout.TextLayout(column_names=["a", "b"]))


def test_several_unnamed_columns_are_no_columns_of_one_name() -> None:
    assert open_text("a,,\n1,2,3\n4,5,6\n").texts("a") == ["1", "4"]
