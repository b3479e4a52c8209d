"""Forms of times part by part: what each stands for, at its borders, one by one and in bulk."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import numpy as np
import pytest

from minidl.data.tables import time_formats as module
from minidl.data.tables.cells import Column, padded
from minidl.data.tables.time_formats import TimeFormat, example

EPOCH = datetime(1970, 1, 1)


def column_of(*texts: str) -> Column:
    ends = np.cumsum([len(text.encode()) + 1 for text in texts]).astype(np.int32) - np.int32(1)
    return Column(padded("\n".join(texts).encode()), np.concatenate([[0], ends[:-1] + 1]).astype(np.int32), ends)


def in_bulk(form: str, *columns: list[str]) -> list[datetime | None]:
    seconds, _, known = TimeFormat(form).read([column_of(*texts) for texts in columns])
    return [EPOCH + timedelta(seconds=int(s)) if ok else None for s, ok in zip(seconds, known, strict=True)]


NEW_YEAR = datetime(2015, 1, 1)
TIMES: list[tuple[str, str, datetime | None]] = [
    # One digit or two where something stands between numbers, two where nothing does.
    ("%Y-%m-%d", "2014-1-2", datetime(2014, 1, 2)),
    ("%d/%m/%Y", "01/2/2014", datetime(2014, 2, 1)),
    ("%Y %m%d", "2014 0102", datetime(2014, 1, 2)),
    ("%Y %m%d", "2014 112", None),
    ("%Y %m%d", "2014 12", None),
    ("%d%m.%Y", "0102.2014", datetime(2014, 2, 1)),
    ("%d%m.%Y", "12.2014", None),
    ("%Y%m%d", "20140102", datetime(2014, 1, 2)),
    ("%Y%m%d", "2014012", None),
    ("%Y.%m%d%H.%M", "2014.010203.4", datetime(2014, 1, 2, 3, 4)),
    ("%Y.%m%d%H.%M", "2014.01023.4", None),
    # ISO times stop at the day, the hour, the minute or the second.
    ("", "2014-01-02", datetime(2014, 1, 2)),
    ("", "2014-01-02 03", datetime(2014, 1, 2, 3)),
    ("", "2014-01-02T03:04", datetime(2014, 1, 2, 3, 4)),
    ("", "2014-01-02 3", None),
    ("", "2014-01-02 0304", None),
    # Two digits of a year, as for strptime.
    ("%y", "68", datetime(2068, 1, 1)),
    ("%y", "69", datetime(1969, 1, 1)),
    ("%y", "00", datetime(2000, 1, 1)),
    # Names of months: whole, three letters, or four, in any case, with a point or without.
    *[("%b %Y", f"{name} 2014", datetime(2014, 6, 1)) for name in ("jun", "JUNE", "Jun.")],
    *[("%B %Y", f"{name} 2014", datetime(2014, 6, 1)) for name in ("jun", "JUNE", "Jun.")],
    ("%b %Y", "Sept 2014", datetime(2014, 9, 1)),
    ("%b %Y", "september 2014", datetime(2014, 9, 1)),
    ("%b %Y", "Septe 2014", None),
    ("%b %Y", "Ma 2014", None),
    # Halves of the day.
    ("%Y %I %p", "2014 12 am", datetime(2014, 1, 1, 0)),
    ("%Y %I %p", "2014 12 PM", datetime(2014, 1, 1, 12)),
    ("%Y %I %p", "2014 1 P.M.", datetime(2014, 1, 1, 13)),
    ("%Y %I %p", "2014 11 am", datetime(2014, 1, 1, 11)),
    ("%Y %I %p", "2014 13 am", None),
    # Quarters and days of the year.
    *[("%Y-Q%q", f"2014-Q{q}", datetime(2014, 3 * q - 2, 1)) for q in (1, 2, 3, 4)],
    ("%Y-Q%q", "2014-Q5", None),
    ("%Y-%j", "2012-366", datetime(2012, 12, 31)),
    ("%Y-%j", "2014-365", datetime(2014, 12, 31)),
    ("%Y-%j", "2014-366", None),
    ("%Y-%j", "2014-1", datetime(2014, 1, 1)),
    ("%Y-%j", "2014-0", None),
    ("%Y-%j %H:%M", "2014-365 24:00", NEW_YEAR),
    # ISO weeks, their days, and years that begin in December or end in January.
    ("%G-W%V", "2015-W01", datetime(2014, 12, 29)),
    ("%G-W%V-%u", "2015-W53-7", datetime(2016, 1, 3)),
    ("%GW%V %H:%M", "2014W02 24:00", datetime(2014, 1, 7)),
    ("%G-W%V", "2014-W53", None),
    ("%G-W%V", "2014-W00", None),
    ("%G-W%V-%u", "2014-W01-8", None),
    # Names of days and what follows are not looked at.
    ("%a, %d %b %Y", "Thursday, 1 Jan 2015", NEW_YEAR),
    ("%A %d.%m.%Y", "Do. 01.01.2015", NEW_YEAR),
    ("%Y-%m-%d - %*", "2015-01-01 - 2015-01-02", NEW_YEAR),
    # Hours, minutes and seconds at their ends.
    ("%Y %H:%M:%S", "2014 23:59:59", datetime(2014, 1, 1, 23, 59, 59)),
    ("%Y %H:%M:%S", "2014 24:00:00", datetime(2014, 1, 2)),
    ("%Y %H:%M:%S", "2014 24:00:01", None),
    ("%Y %H:%M:%S", "2014 24:01:00", None),
    ("%Y %H:%M:%S", "2014 25:00:00", None),
    ("%Y %H:%M:%S", "2014 23:60:00", None),
    ("%Y %H:%M:%S", "2014 23:59:60", None),
    # Days and months at their ends.
    ("", "2012-02-29", datetime(2012, 2, 29)),
    ("", "2014-02-29", None),
    ("", "2014-04-31", None),
    ("", "2014-00-01", None),
    ("", "2014-13-01", None),
    ("", "2014-12-00", None),
    ("", "2014-12-31T24:00", NEW_YEAR),
    # Offsets from UTC: what is ahead of it becomes earlier.
    ("", "2015-01-01 05:30+05:30", NEW_YEAR),
    ("", "2014-12-31 20:30-0330", NEW_YEAR),
    ("", "2015-01-01 00:00Z", NEW_YEAR),
    ("", "2015-01-01 23:59+23:59", NEW_YEAR),
    ("", "2015-01-02 00:00+24:00", None),
    # Fractions that are 0, and those that are not.
    ("", "2015-01-01 00:00:00,000000000", NEW_YEAR),
    ("", "2015-01-01 00:00:00.000000001", None),
    ("", "2015-01-01 00:00:00.0000000000", None),
    ("%s", "1420070400", NEW_YEAR),
    ("%s", "99999999999", datetime(5138, 11, 16, 9, 46, 39)),
    ("%Q", "1420070400000", NEW_YEAR),
    ("%Q", "1420070400001", None),
    ("%Q", "1420070400", None),
    ("%Y 100%%", "2015 100%", NEW_YEAR),
    ("%Y.%m", "2015x01", None),
]  # fmt: skip


@pytest.mark.parametrize(("form", "text", "expected"), TIMES, ids=[f"{form} {text}" for form, text, _ in TIMES])
def test_a_text_is_a_time_or_none_also_in_bulk(form: str, text: str, expected: datetime | None) -> None:
    found = TimeFormat(form)
    assert found.matches(text) == (expected is not None)
    if expected is not None:
        assert found.parse(text) == expected
    assert in_bulk(form, [text]) == [expected]


def test_the_first_and_the_last_year_are_left_to_who_reads_one_by_one() -> None:
    assert in_bulk("", ["0001-01-01", "0002-01-01", "9998-12-31", "9999-01-01"]) == [
        None,
        datetime(2, 1, 1),
        datetime(9998, 12, 31),
        None,
    ]
    assert TimeFormat().parse("9999-12-31") == datetime(9999, 12, 31)
    assert not TimeFormat().matches("9999-12-31 24:00")
    assert not TimeFormat().matches("0001-01-01 00:00+01:00")


def test_offsets_are_told_from_their_absence() -> None:
    iso, stamp, form = TimeFormat(), TimeFormat("%s"), TimeFormat("%d.%m.%Y %H:%M%z")
    assert [iso.has_offset(text) for text in ("2014-01-01", "2014-01-01Z", "2014-01-01 00:00-01:00", "Z")] == [
        False,
        True,
        True,
        False,
    ]
    assert stamp.has_offset("1")
    assert form.has_offset("01.02.2014 03:00Z")
    assert not TimeFormat("%Y %b").has_offset("2014 Dez")
    assert TimeFormat("%YZ").has_offset("2014Z") is False  # a letter of the form, no offset
    _, zoned, known = iso.read([column_of("2014-01-01 00:00", "2014-01-01 00:00Z", "2014-01-01 00:00+01:00", "x")])
    assert zoned.tolist() == [False, True, True, False]
    assert known.tolist() == [True, True, True, False]


def test_cells_of_several_columns_are_joined_by_a_space() -> None:
    days, clocks = ["31.12.2014", "1.1.2015", "1.1.2015"], ["9:05", "10:15", ""]
    expected = [datetime(2014, 12, 31, 9, 5), datetime(2015, 1, 1, 10, 15), None]
    assert in_bulk("%d.%m.%Y %H:%M", days, clocks) == expected
    assert in_bulk("%d.%m.%Y", [*days, ""]) == [*(datetime(2014, 12, 31), NEW_YEAR, NEW_YEAR), None]


def test_cells_that_are_too_long_or_of_too_many_shapes_are_left_to_who_reads_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for n, known in ((module._WIDEST - 4, True), (module._WIDEST - 3, False)):
        text = "2015" + "x" * n
        assert in_bulk("%Y" + "x" * n, [text, text]) == [NEW_YEAR if known else None] * 2
        assert TimeFormat("%Y" + "x" * n).matches(text)
    texts = ["2015-01-01", "2015-1-01", "2015-01-1"]
    for most in (1, 2, 3):
        monkeypatch.setattr(module, "_SHAPES", most)
        assert in_bulk("%Y-%m-%d", texts) == [NEW_YEAR] * most + [None] * (3 - most)


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("", "'2014-12-31 23:00' (ISO 8601; Z or +01:00 may follow)."),
        ("%Y-Q%q", "'2014-Q4' (`time_format`: '%Y-Q%q')."),
        ("%s", "'1420066800' (`time_format`: '%s')."),
        ("%d.%m.%y %H:%M:%S.%f%z", "'31.12.14 23:00:00.0+01:00' (`time_format`: '%d.%m.%y %H:%M:%S.%f%z')."),
    ],
)
def test_what_a_time_of_a_form_looks_like_is_one(form: str, shown: str) -> None:
    text = "x" * 38 + "yz"
    with pytest.raises(ValueError, match=f"^{re.escape(f'{text!r} is no time like {shown}')}$"):
        TimeFormat(form).parse(text)
    with pytest.raises(ValueError, match=f"^'{'x' * 37}...' is no time like"):
        TimeFormat(form).parse("x" * 41)
    if form:
        assert TimeFormat(form).matches(example(form))


def test_times_of_one_offset_beyond_a_day_are_said_to_be_none() -> None:
    with pytest.raises(ValueError, match="is no time: offset must be"):
        TimeFormat().parse("2014-01-01 00:00+24:00")
