"""A look at tables whose times stand in several columns or in one without a name; trading days; several series."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from looking import DAYS, keys, look, rows

from minidl.core.errors import ConfigError, DataError
from minidl.data.tables.looking import look_at


def hours_in_parts(n: int, header: str = "Year,month,day,hour,y") -> str:
    times = [datetime(2014, 1, 30) + timedelta(hours=i) for i in range(n)]
    return "\n".join([header, *(f"{t.year},{t.month},{t.day},{t.hour},{i}.5" for i, t in enumerate(times))]) + "\n"


def test_times_in_columns_of_their_own_are_found_by_their_names(tmp_path: Path) -> None:
    found = look(tmp_path, hours_in_parts(60))
    assert keys(found) == {"target": "y", "time": ["Year", "month", "day", "hour"], "features": ["y"]}
    assert found.words[1:] == ["times in 'Year', 'month', 'day', 'hour'"]
    assert found.table.values[:, 0].tolist() == [i + 0.5 for i in range(60)]
    assert str(found.table.times[-1]) == "2014-02-01T11:00:00"


def test_years_and_months_are_times_and_a_year_with_other_columns_is_one_alone(tmp_path: Path) -> None:
    months = "\n".join(["y,year,month", *(f"{i},{2000 + i // 12},{i % 12 + 1}" for i in range(30))]) + "\n"
    found = look(tmp_path, months)
    assert keys(found) == {"target": "y", "time": ["year", "month"], "time_format": "%Y %m", "features": ["y"]}
    assert found.table.step_name() == "month"
    days = look(tmp_path, "year,day,y\n" + "".join(f"{1990 + i},{i + 1},{i * i}\n" for i in range(9)))
    assert keys(days) == {"target": "y", "time": "year", "time_format": "%Y", "features": ["y", "day"]}  # no month
    alone = look(tmp_path, "year,weight,y\n" + "".join(f"{1990 + i},{i},{i * i}\n" for i in range(9)))
    assert keys(alone) == {"target": "y", "time": "year", "time_format": "%Y", "features": ["y", "weight"]}


@pytest.mark.parametrize("point", ["", ".0"])
@pytest.mark.parametrize(("name", "n", "part"), [("Quarter", 4, "%q"), ("month", 12, "%m")])
def test_a_year_takes_a_quarter_or_a_month_however_they_are_written(
    tmp_path: Path, point: str, name: str, n: int, part: str
) -> None:
    lines = [f"{1990 + i // n}{point},{i % n + 1}{point},{i * i}" for i in range(2 * n)]
    found = look(tmp_path, "\n".join([f"year,{name},y", *lines]) + "\n")
    form = f"%Y{point} {part}{point}"
    assert keys(found) == {"target": "y", "time": ["year", name], "time_format": form, "features": ["y"]}
    assert found.table.step_name() == name.lower()
    assert str(found.table.times[-1]) == f"1991-{12 if n == 12 else 10}-01T00:00:00"
    other = look(tmp_path, "\n".join(["year,size,y", *lines[::n]]) + "\n")  # not all that is a number there
    assert keys(other)["time"] == "year"


@pytest.mark.parametrize(
    ("date", "clock", "form", "asked"),
    [
        ("%Y-%m-%d", "%H:%M", "%Y-%m-%d %H:%M", None),
        ("%d.%m.%Y", "%H:%M:%S", "%d.%m.%Y %H:%M:%S", None),
        ("%d/%m/%Y", "%H.%M.%S", "%d/%m/%Y %H.%M.%S", "%d/%m/%Y"),
    ],
)
def test_a_column_of_dates_takes_one_of_clock_times(
    tmp_path: Path, date: str, clock: str, form: str, asked: str | None
) -> None:
    times = [datetime(2014, 1, 25, 22) + timedelta(hours=i) for i in range(20)]
    lines = [f"{time:{clock}};{time:{date}};{i}" for i, time in enumerate(times)]
    found = look(tmp_path, "\n".join(["at;day;y", *lines]) + "\n", time_format=asked)
    assert keys(found) == {
        "target": "y", "delimiter": ";", "time": ["day", "at"], "time_format": form, "features": ["y"],
    }  # fmt: skip
    assert found.table.values[:, 0].tolist() == list(range(20))
    assert found.table.step == np.timedelta64(1, "h")


def test_rows_of_trading_days_are_steps_and_other_days_that_are_missing_are_gaps(tmp_path: Path) -> None:
    days = [datetime(2014, 1, 6) + timedelta(days=i) for i in range(60)]  # a Monday
    trading = [day for day in days if day.weekday() < 5 and day.day != 20]  # with a holiday
    text = "\n".join(["day,y,kind", *(f"{day:%Y-%m-%d},{i},{'ab'[i % 2]}" for i, day in enumerate(trading))]) + "\n"
    found = look(tmp_path, text)
    assert (keys(found)["steps"], len(found.table), found.table.n_filled) == ("rows", len(trading), 0)
    assert not {"missing_times", "gaps"} & set(found.keys)
    assert found.words[-1] == "no rows on weekends: each row is a step (`steps`)"
    once = text + f"{days[5]:%Y-%m-%d},9,a\n"  # a Saturday
    other = look(tmp_path, once)
    assert (keys(other)["missing_times"], len(other.table)) == ("gaps", (trading[-1] - days[0]).days + 1)


def test_the_column_that_tells_several_series_apart_is_found(tmp_path: Path) -> None:
    # `place` and `id` both do; `region` is one of them in two places, and `kind` stands twice at one time.
    lines = [
        f"{2000 + i},{'kl'[i % 2]},{100 + j},{place},{'rs'[j // 2]},{i * j}"
        for i in range(20)
        for j, place in enumerate("dbca")
    ]
    found = look(tmp_path, "\n".join(["year,kind,id,place,region,y", *lines]) + "\n")
    assert keys(found) == {
        "target": "y",
        "time": "year",
        "time_format": "%Y",
        "series_by": "place",
        "features": ["y", "id", "kind", "region"],
        "categories": {"kind": {"": 0, "k": 1, "l": 2}, "region": {"": 0, "r": 1, "s": 2}},
    }
    assert "4 series, told apart by 'place' (`series_by`): d, b, c, a; each is scaled on its own" in found.words
    assert found.table.series == ("d", "b", "c", "a")
    assert [len(one) for one in found.table.each()] == [20] * 4
    assert found.table.each()[2].column("y").tolist() == [2.0 * i for i in range(20)]


def test_two_columns_tell_series_apart_where_none_alone_does(tmp_path: Path) -> None:
    lines = [f"{2000 + i},{shop},{item},{i * j}" for i in range(9) for j, shop in enumerate("xy", 1) for item in "pqr"]
    found = look(tmp_path, "\n".join(["year,shop,item,y", *lines]) + "\n")
    assert (keys(found)["series_by"], keys(found)["features"]) == (["shop", "item"], ["y"])
    said = "6 series, told apart by 'shop' and 'item' (`series_by`): x / p, x / q, x / r and 3 others"
    assert f"{said}; each is scaled on its own" in found.words
    assert [len(one) for one in found.table.each()] == [9] * 6
    assert found.table.each()[4].column("y").tolist() == [2.0 * i for i in range(9)]


def test_whole_numbers_tell_series_apart_where_no_text_does_and_decimals_never(tmp_path: Path) -> None:
    lines = [f"{2000 + i},{firm},{firm}.5,{i}" for firm in (3, 7, 9) for i in range(10)]
    found = look(tmp_path, "\n".join(["year,firm,share,y", *lines]) + "\n")
    assert (keys(found)["series_by"], keys(found)["features"]) == ("firm", ["y", "share"])
    without = [",".join(line.split(",")[i] for i in (0, 2, 3)) for line in lines]
    with pytest.raises(DataError, match="30 rows, but only 10 different times"):
        look(tmp_path, "\n".join(["year,share,y", *without]) + "\n")


def test_a_table_of_several_series_without_such_a_column_is_refused_and_a_few_times_twice_are_not(
    tmp_path: Path,
) -> None:
    lines = [f"{2000 + i},{place},{i}" for place in "aa" for i in range(20)]
    with pytest.raises(DataError, match="40 rows, but only 20 different times; if the table holds several series"):
        look(tmp_path, "\n".join(["year,place,y", *lines]) + "\n")
    few = [*lines[:20], "2019,b,3", "2018,b,3"]
    assert keys(look(tmp_path, "\n".join(["year,place,y", *few]) + "\n"))["duplicates"] == "drop"


def test_rows_of_too_short_series_are_refused_with_the_columns_that_tell_them_apart(tmp_path: Path) -> None:
    lines = [f"{year},{kind},{place},{i}" for year in (1931, 1932) for kind in "abc" for i, place in enumerate("pqrst")]
    with pytest.raises(DataError) as caught:
        look(tmp_path, "\n".join(["year,kind,place,y", *lines]) + "\n")
    told = "told apart by 'kind' and 'place' (`series_by`) they are 15 series of some 2 rows, too few to forecast."
    assert str(caught.value) == f"{tmp_path / 'table.csv'}: 30 rows, but only 2 different times; {told}"


FIRMS = ("Alpha", "Beta", "Gamma")


def write_firms(folder: Path, firms: list[str]) -> Path:
    lines = [f"the {i}th,{firm},{i * i}" for i, firm in enumerate(firms)]
    (folder / "table.csv").write_text("\n".join(["when,firm name,y", *lines]) + "\n")
    return folder / "table.csv"


def test_series_in_blocks_without_times_are_asked_for(tmp_path: Path) -> None:
    table = write_firms(tmp_path, [firm for firm in FIRMS for _ in range(20)])
    message = (
        "--series-by: no column of times was found, and column firm name may say which of 3 series a row belongs to "
        "(Alpha, Beta, Gamma): say --series-by 'firm name', or --series-by \"\" if the rows are one series; of times "
        "in another form say the --time-format (in a config the keys are `series_by` and `time_format`)."
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        look_at(table, "y")
    found = look_at(table, "y", series_by=["firm name"])
    assert found.keys["series_by"] == "firm name"
    assert [len(one) for one in found.table.each()] == [20] * 3
    assert look_at(table, "y", series_by=[]).table.series == ()
    with pytest.raises(ConfigError, match=r"^--series-by: 'firm' is no column that tells series apart; did you mean"):
        look_at(table, "y", series_by=["firm"])


def test_series_that_take_turns_without_times_are_said(tmp_path: Path) -> None:
    found = look_at(write_firms(tmp_path, [*FIRMS] * 20), "y")
    assert found.words[1] == (
        "no column of times was found, and column firm name may say which of 3 series a row belongs to (Alpha, Beta, "
        "Gamma); read as one series, unless you say --series-by 'firm name' (`series_by`)"
    )
    assert found.table.series == ()


@pytest.mark.parametrize(
    "names",
    [
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] * 4,  # one series, day by day
        ["winter"] * 9 + ["spring"] * 9 + ["summer"] * 9,
        ["N", "E", "E", "S", "N", "W"] * 5,  # neither in blocks nor again and again in one order
        ["a", "b", "c", "d", "e"],  # too few rows for each
    ],
)
def test_texts_of_one_series_without_times_are_no_names_of_series(tmp_path: Path, names: list[str]) -> None:
    text = "\n".join(["name,y", *(f"{name},{i * i}" for i, name in enumerate(names))]) + "\n"
    assert not any("series" in word for word in look(tmp_path, text).words)


def test_a_column_without_a_name_is_one_of_times_or_left_alone(tmp_path: Path) -> None:
    found = look(tmp_path, rows([f"{day:%Y-%m-%d}" for day in DAYS], name=""))
    assert keys(found) == {"target": "y", "time": "", "features": ["y"]}
    numbered = look(tmp_path, rows([str(i) for i in range(8)], name=""))
    assert keys(numbered) == {"target": "y", "features": ["y"]}
