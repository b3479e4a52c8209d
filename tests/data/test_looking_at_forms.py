"""Forms of times that a look at a table finds, and what it says where it finds none."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from looking import keys, look, rows

from minidl.core.errors import ConfigError, DataError

FORMS = {  # as people write them, and the step between rows
    "%G-W%V": ("week", 7 * 24),
    "%GW%V": ("week", 7 * 24),
    "%G-W%V-%u": ("day", 24),
    "%Y Q%q": ("period", 0),
    "Q%q %Y": ("period", 0),
    "%Y:%q": ("period", 0),
    "%b %y": ("when", 31 * 24),
    "%b-%y": ("when", 31 * 24),
    "%m/%Y": ("when", 31 * 24),
    "%YM%m": ("when", 31 * 24),
    "%Y%m": ("Month", 31 * 24),
    "%s": ("timestamp", 1),
    "%Q": ("ts", 1),
    "%a %d %b %Y": ("when", 24),
    "%a, %b %d, %Y": ("when", 24),
    "%m/%d/%Y %I:%M:%S %p": ("when", 1),
    "%m/%d/%y %I:%M%p": ("when", 1),
    "%m/%d/%y %H:%M": ("when", 1),
    "%d.%m.%y": ("when", 24),
    "%Y%m%dT%H%M%S%z": ("when", 1),
    "%Y%m%d%H%M": ("date", 1),
    "%d.%m.%Y %H:%M - %*": ("when", 1),
}


def written_as(form: str, time: datetime) -> str:
    seconds = int((time - datetime(1970, 1, 1)).total_seconds())
    for part, text in {
        "%q": (time.month + 2) // 3,
        "%s": seconds,
        "%Q": 1000 * seconds,
        "%*": "then",
        "%z": "Z",
    }.items():
        form = form.replace(part, str(text))
    return time.strftime(form)


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_times_are_found_as_people_write_them(tmp_path: Path, form: str) -> None:
    name, hours = FORMS[form]
    first = datetime(2014, 1, 27)  # a Monday; no month has 27
    times = [first + timedelta(hours=hours * i) for i in range(30)]
    if hours == 31 * 24:
        times = [datetime(2014 + i // 12, i % 12 + 1, 1) for i in range(30)]
    elif not hours:
        times = [datetime(2014 + i // 4, 3 * (i % 4) + 1, 1) for i in range(30)]
    cells = [written_as(form, time) for time in times]
    quoted = [f'"{cell}"' if "," in cell else cell for cell in cells]
    found = look(tmp_path, rows(quoted, name=name))
    assert keys(found) == {"target": "y", "time": name, "time_format": form, "features": ["y"]}
    assert found.table.times.tolist() == times


def test_a_number_is_a_time_only_where_its_column_is_called_so(tmp_path: Path) -> None:
    seconds = [str(1_400_000_000 + 3600 * i) for i in range(20)]
    assert "time" not in keys(look(tmp_path, rows(seconds, name="count")))
    assert "time" not in keys(look(tmp_path, rows([str(i) for i in range(20)], name="time")))


@pytest.mark.parametrize(
    ("header", "row", "form"),
    [
        ("date,hour,y", "{0:%Y-%m-%d},{0.hour}", "%Y-%m-%d %H"),
        ("Date,Hour Ending,y", "{0:%d.%m.%Y},{1}", "%d.%m.%Y %H"),
        ("date,time,y", "{0:%Y%m%d},{0:%H%M}", "%Y%m%d %H%M"),
    ],
)
def test_a_date_takes_the_hour_beside_it(tmp_path: Path, header: str, row: str, form: str) -> None:
    times = [datetime(2014, 1, 25) + timedelta(hours=i) for i in range(60)]
    lines = [f"{row.format(time, time.hour + 1)},{i}" for i, time in enumerate(times)]
    found = look(tmp_path, "\n".join([header, *lines]) + "\n")
    assert keys(found)["time"] == header.split(",")[:2]
    assert keys(found)["time_format"] == form
    assert found.table.step == np.timedelta64(1, "h")


def test_a_year_takes_the_day_or_the_week_beside_it(tmp_path: Path) -> None:
    days = [datetime(2013, 12, 20) + timedelta(days=i) for i in range(30)]
    found = look(tmp_path, "\n".join(["year,doy,y", *(f"{d:%Y},{d:%j},{d.day}" for d in days)]) + "\n")
    assert found.table.times.tolist() == days
    weeks = [datetime(2014, 12, 8) + timedelta(weeks=i) for i in range(10)]
    found = look(tmp_path, "\n".join(["year,week,y", *(f"{d:%G},{d:%V},{d.day}" for d in weeks)]) + "\n")
    assert found.table.times.tolist() == weeks


def test_a_cell_that_is_no_time_among_many_is_named_and_a_column_that_is_called_so_too(tmp_path: Path) -> None:
    message = "table.csv:32: column when: 'what' is no time, as 30 cells are, like '2014-01-01'; correct it, or leave"
    days = [f"2014-01-{day:02}" for day in range(1, 31)]
    with pytest.raises(DataError, match=re.escape(message)):
        look(tmp_path, rows([*days[:30], "what"]))
    found = look(tmp_path, rows([f"{day}. Januar 2014" for day in range(1, 31)], name="date"))
    assert (
        "no column of times was found; if date holds them, like '1. Januar 2014', say their --time-format "
        "(`time_format`)"
    ) in found.words


def test_a_table_that_has_its_times_in_the_header_is_told_so(tmp_path: Path) -> None:
    header = ",".join(["shop", *(f"2014-01-{day:02}" for day in range(1, 20))])
    with pytest.raises(ConfigError, match=r"^--target: the header holds times; turn the table round, so that each row"):
        look(tmp_path, "\n".join([header, *(f"{name}{',1' * 10}{',2' * 9}" for name in "abc")]) + "\n")


def test_a_month_that_is_left_out_is_a_gap(tmp_path: Path) -> None:
    # Caught here: a step of months compared with one of days, which NumPy refuses.
    months = [f"{2014 + i // 12}-{i % 12 + 1:02}" for i in range(30) if i != 7]
    found = look(tmp_path, rows(months))
    assert keys(found)["missing_times"] == "gaps"
    assert (len(found.table), found.table.n_filled) == (30, 1)
