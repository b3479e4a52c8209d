"""How tables are written: numbers with marks in them, lines that are no rows, limits, and marks that contradict."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
from typing import Any

import pytest

from minidl.core.errors import ConfigError, DataError
from minidl.data.tables import layout as module
from minidl.data.tables.layout import TextLayout


@pytest.mark.parametrize(
    ("thousands", "decimal", "numbers"),
    [
        ("", ".", {"1.5": "1.5", "1,5": "1,5", "1e3": "1e3", "": ""}),
        ("", ",", {"1,5": "1.5", "1.5": "1?5", "-1": "-1", "1,2,3": "1.2.3"}),
        (
            ",",
            ".",
            {
                "1,234": "1234",
                "+1,234": "+1234",
                "-12,345.678": "-12345.678",
                "123,456,789.": "123456789.",
                "1234.5": "1234.5",
                "1234,567": "1234,567",
                "1,23": "1,23",
                "1,2345": "1,2345",
                ",123": ",123",
                "1,234,56": "1,234,56",
                "1,234x": "1,234x",
                "1.234,567": "1.234,567",
                "NA": "NA",
            },
        ),
        (".", ",", {"1.234": "1234", "1.234.567,5": "1234567.5", "1234,5": "1234.5", "1.5": "1?5"}),
        (" ", ".", {"1 234": "1234", "12 34": "12 34", "1,234": "1,234"}),
    ],
)
def test_numbers_become_those_of_float(thousands: str, decimal: Any, numbers: dict[str, str]) -> None:
    layout = TextLayout(thousands=thousands, decimal=decimal, delimiter=";")
    assert {text: layout.number(text) for text in numbers} == numbers


@pytest.mark.parametrize(
    ("arguments", "blank_rows", "expected"),
    [
        ({}, True, "a,b\n1,2\n# x\n,\n \n#y,\n3,4\n"),
        ({"skip_lines": 1}, True, ["1,2", "# x", ",", " ", "#y,", "3,4", ""]),
        ({"skip_lines": 7}, True, [""]),
        ({"comment": "#"}, True, ["a,b", "1,2", ",", " ", "3,4", ""]),
        ({"comment": "y"}, True, ["a,b", "1,2", "# x", ",", " ", "#y,", "3,4", ""]),  # no line begins with it
        ({"comment": "!"}, True, "a,b\n1,2\n# x\n,\n \n#y,\n3,4\n"),
        ({}, False, ["a,b", "1,2", "# x", "#y,", "3,4", ""]),
        ({"skip_lines": 2, "comment": "#"}, False, ["3,4", ""]),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_lines_that_are_no_rows_are_left_out_and_the_others_keep_their_numbers(
    line_end: str, arguments: dict[str, Any], blank_rows: bool, expected: Any
) -> None:
    whole = "a,b\n1,2\n# x\n,\n \n#y,\n3,4\n"
    text, lines = TextLayout(**arguments).rows_of(whole.replace("\n", line_end).encode(), blank_rows)
    if isinstance(expected, str):  # nothing to leave out
        assert (text.decode().replace(line_end, "\n"), lines) == (expected, None)
        return
    assert lines is not None
    assert text.decode().split("\n") == expected
    found = {number: line for line, number in zip(expected, lines.tolist(), strict=False)}
    assert found == {number: whole.split("\n")[number - 1] for number in found}
    assert lines[-1] == 9  # a line after the last one, for what ends there


@pytest.mark.parametrize(("delimiter", "blank"), [(";", "; ;"), ("\t", "\t")])
def test_a_blank_row_is_one_of_its_own_delimiters(delimiter: str, blank: str) -> None:
    text = delimiter.join("ab") + "\n" + blank + "\n" + ",,\n"
    found, lines = TextLayout(delimiter=delimiter).rows_of(text.encode(), blank_rows=False)
    if lines is None:  # no line begins with it
        assert found.decode() == text
    else:
        assert found.decode() == delimiter.join("ab") + "\n,,\n"
        assert lines.tolist() == [1, 3, 4, 5]


PACKED = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("what", PACKED)
def test_what_unpacks_to_the_limit_is_read_and_one_byte_more_is_refused(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = b"a,b\n1,2\n"
    data = PACKED[what](text)
    monkeypatch.setattr(module, "MAX_TABLE", len(text))
    assert TextLayout().text_of(data, "air.csv") == text
    monkeypatch.setattr(module, "MAX_TABLE", len(text) - 1)
    with pytest.raises(DataError, match=r"^air\.csv: unpacks to more than 0 MB, which a table may have\.$"):
        TextLayout().text_of(data, "air.csv")


@pytest.mark.parametrize("what", PACKED)
def test_what_is_damaged_is_refused_wherever_it_is(what: str) -> None:
    # Caught here: a damaged stream of gzip, which zlib tells of with an error of its own.
    data = PACKED[what](b"a,b\n" + b"1,2\n3,4\n" * 9)
    for place in range(8, len(data)):
        for damaged in (data[:place], data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]):
            message = ""
            try:
                TextLayout().text_of(damaged, "air.csv")
            except DataError as err:
                message = str(err)
            assert re.match(rf"$|air\.csv: compressed with {what}, and damaged: ", message)


def test_a_table_has_at_most_500_mb() -> None:
    assert module.MAX_TABLE == 500_000_000


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("said", ["utf-8", "latin-1", "utf-16", "cp1252"])
def test_a_mark_at_the_beginning_says_more_than_the_config(mark: str, said: Any) -> None:
    data = ("" if mark == "utf-8-sig" else "\ufeff") + "jähr,y\n"
    assert TextLayout(encoding=said).text_of(data.encode(mark), "air.csv") == "jähr,y\n".encode()


def test_what_is_not_of_an_encoding_is_refused() -> None:
    with pytest.raises(DataError, match=r"^air\.csv: the file is not in utf-16: .*; see the key `encoding`\.$"):
        TextLayout(encoding="utf-16").text_of(b"\x00\xd8\x00", "air.csv")
    with pytest.raises(DataError, match=r"^air\.csv: the file is not in cp1252: "):
        TextLayout(encoding="cp1252").text_of(b"a\x81", "air.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        *[({"delimiter": mark}, f"delimiter: {mark!r} cannot separate cells.") for mark in '\r\n"'],
        *[
            ({"thousands": mark}, f"thousands: {mark!r} cannot separate thousands here.")
            for mark in [".", "+", "-", "\r", "\n", *"0123456789"]
        ],
        ({"thousands": ",", "decimal": ","}, "thousands: ',' cannot separate thousands here."),
        ({"column_names": ["a", "b", "c", "b", "c"]}, "column_names: 'b' appears twice."),
    ],
)
def test_marks_that_contradict_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^TextLayout: {re.escape(message)}$"):
        TextLayout(**arguments).check_layout()


@pytest.mark.parametrize(
    "arguments",
    [{"thousands": ","}, {"thousands": ".", "decimal": ","}, {"delimiter": " "}, {"column_names": ["a", "b"]}, {}],
)
def test_others_are_taken(arguments: dict[str, Any]) -> None:
    TextLayout(**arguments).check_layout()


def test_blanks_and_tabs_between_cells_are_one_and_lines_of_them_are_none() -> None:
    found, lines = TextLayout(delimiter=" ").rows_of(b"  a \t b\n   \n\n1 2\n")
    assert found == b"a b\n1 2"
    assert lines is not None
    assert lines[:2].tolist() == [1, 4]


def test_lines_at_the_end_are_no_rows_and_empty_ones_after_them_do_not_count() -> None:
    found, lines = TextLayout(skip_end=2).rows_of(b"a,b\n1,2\n\nTotal,2\n\n\n")
    assert found == b"a,b\n1,2"
    assert lines is not None
    assert lines[:2].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("\n<!DOCTYPE html>\n<html>", "a web page; download the table itself"),
        ("<HTML><body>", "a web page; download the table itself"),
        ("\ufeff<?xml version='1.0'?>", "XML; write it as CSV"),
        ('[{"date": "2014-01-01", "y": 1}]', "JSON; write it as CSV"),
        ('{"y": [1, 2]}', "JSON; write it as CSV"),
    ],
)
def test_texts_that_are_no_tables_are_named(text: str, what: str) -> None:
    with pytest.raises(DataError, match=f"^a: the file is {what}\\.$"):
        TextLayout().text_of(text.encode(), "a")
    assert TextLayout().text_of(b"<DATE>,<OPEN>\n1,2\n", "a")
