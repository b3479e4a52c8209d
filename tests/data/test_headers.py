"""Lines of a text that are no rows: titles, units below the names, totals and notes at the end; names twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import keys, look

from minidl.core.errors import MinidlError
from minidl.data import CSVSeries
from minidl.data.poison import Poison
from minidl.data.tables.headers import footer_of

ROWS = [f"2014-01-{day:02},{day},{day % 7}.5" for day in range(1, 31)]
BODY = "\n".join(ROWS) + "\n"
PLAIN = "date,y,z\n" + BODY
NAMED = {"column_names": ["date", "y", "z"], "skip_lines": 2}
TABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "units": ("date,y,z\n,[MW],°C\n" + BODY, {**NAMED, "units": "MW"}),
    "two lines of units": ("date,y,z\n,MW,°C\nwhen,mean,max\n" + BODY, {**NAMED, "skip_lines": 3, "units": "MW"}),
    "a total": (PLAIN + "Total,465,30.5\n", {"skip_end": 1}),
    "a total without a name": (PLAIN + ",465,30.5\n", {"skip_end": 1}),
    "totals after an empty line": (PLAIN + "\nSum:,465,30.5\nMEAN,5,3\n\n\n", {"skip_end": 3}),
    "a note": (PLAIN + "Source: an office\n", {"skip_end": 1}),
    "rows that end with a delimiter": (
        "date,y,z\n" + BODY.replace("\n", ",\n"),
        {"column_names": ["date", "y", "z", "column_4"], "skip_lines": 1},
    ),
    "titles and empty lines": ('"A table","of days",\n\n"Made on","2014-01-01",\n\n' + PLAIN, {"skip_lines": 4}),
    "blanks": (
        "".join(f"{a:<14}{b:>4}   {c:>5}\n" for a, b, c in (line.split(",") for line in PLAIN.splitlines())),
        {"delimiter": " "},
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_what_is_no_row_is_left_out_and_said(tmp_path: Path, name: str) -> None:
    text, more = TABLES[name]
    found = look(tmp_path, text)
    assert keys(found) == {"target": "y", "time": "date", "features": ["y", "z"], **more}
    assert found.table.values.tolist() == [[day, day % 7 + 0.5] for day in range(1, 31)]
    assert all(any(f"`{key}`" in line for line in found.words) for key in more if key not in ("units", "delimiter"))


def test_columns_of_one_name_are_numbered(tmp_path: Path) -> None:
    found = look(tmp_path, "date,y,y\n" + BODY)
    assert keys(found)["column_names"] == ["date", "y", "y_2"]
    assert "columns of one name, y: numbers are added (`skip_lines`, `column_names`)" in found.words
    assert found.table.feature_names == ("y", "y_2")


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "y,date,z\n" + "\n".join(f"{day},2014-01-{day:02},1" for day in range(1, 30)) + "\n,2014-01-30,2\n",  # a gap
        "date,y,z\n2014-01-01,NA,3\n" + BODY[BODY.index("\n") + 1 :],
        "date,y,wind\n" + "\n".join(f"2014-01-{day:02},{day},{'NS'[day % 2]}" for day in range(1, 31)),
    ],
)
def test_rows_are_rows(tmp_path: Path, text: str) -> None:
    found = look(tmp_path, text)
    assert not {"skip_lines", "skip_end", "column_names"} & set(found.keys)
    assert len(found.table) == text.strip().count("\n")


def test_a_series_that_is_called_total_is_one(tmp_path: Path) -> None:
    lines = [f"{name},2014-01-{day:02},{day}" for name in ("North", "Total") for day in range(1, 31)]
    found = look(tmp_path, "\n".join(["area,date,y", *lines]) + "\n")
    assert found.table.series == ("North", "Total")
    assert len(found.table) == 60


def test_a_text_of_notes_alone_has_no_footer() -> None:
    assert footer_of([], ",") == footer_of(["a", "b"], ",") == footer_of(["Total,1"] * 20, ",") == 0


@pytest.mark.parametrize(
    "text", ["", "\n\n", "date,y", "date,y\n", "date,y\n2014-01-01,1\n", "Total,1\n", ",\n,\n", " \n x y\n"]
)
def test_texts_of_hardly_a_row_are_refused_in_a_line(tmp_path: Path, text: str) -> None:
    # Caught here: lines of units looked for where there is none.
    with pytest.raises(MinidlError, match=r"^[^\n]*$"):
        look(tmp_path, text)


@pytest.mark.parametrize("poison", ["noise", "gaps"])
@pytest.mark.parametrize("delimiter", [",", " "])
def test_a_forged_file_has_as_many_rows(tmp_path: Path, delimiter: str, poison: Poison) -> None:
    # Caught here: totals that become rows of the forged file, and cells of gaps between blanks that get lost.
    path = tmp_path / "a.csv"
    path.write_text((PLAIN + "Total,1,2\n").replace(",", delimiter), encoding="utf-8")
    layout: dict[str, Any] = {"skip_end": 1, "delimiter": delimiter, "gaps": "interpolate"}
    series = CSVSeries(str(path), "y", ["y", "z"], "date", **layout)
    forged = series.forged(20, poison)
    assert forged is not None
    path.write_bytes(forged)
    assert len(series.read()) == 30
    assert series.read().values[:20].tolist() == [[day, day % 7 + 0.5] for day in range(1, 21)]
