"""What stands in columns of numbers that is none: symbols beside them, and texts and numbers that mean a gap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import keys, look

from minidl.core.errors import ConfigError, DataError
from minidl.data import CSVSeries
from minidl.data.tables.layout import TextLayout
from minidl.data.tables.looking import look_at

DAYS = [f"2014-01-{day:02}" for day in range(1, 31)]


def table(cells: list[str]) -> str:
    return "\n".join(["date;y", *(f"{day};{cell}" for day, cell in zip(DAYS, cells, strict=True))]) + "\n"


@pytest.mark.parametrize(
    ("form", "symbols", "units"),
    [
        ("{}.5%", ["%"], "%"),
        ("{}.5 %", ["%"], "%"),
        ("${}.5", ["$"], "$"),
        ("$ {}.5", ["$"], "$"),
        ("USD {}.5", ["USD"], "USD"),
        ("{}.5 µg/m³", ["µg/m³"], "µg/m³"),
        ("({}.5)", ["()"], None),
        ("(${}.5)", ["$", "()"], "$"),
    ],
)
def test_a_symbol_beside_numbers_is_left_out(tmp_path: Path, form: str, symbols: list[str], units: str | None) -> None:
    found = look(tmp_path, table([form.format(7 * i) for i in range(30)]))
    assert keys(found).get("symbols") == symbols
    assert keys(found).get("units") == units
    sign = -1 if "(" in form else 1
    assert found.table.values[:, 0].tolist() == [sign * (7 * i + 0.5) for i in range(30)]


def test_signs_marks_and_symbols_stand_together(tmp_path: Path) -> None:
    cells = ["-$1,234.50", "$-2", "+$3", "$4,000", "5", *["$6.25"] * 25]
    found = look(tmp_path, table(cells))
    assert found.table.values[:5, 0].tolist() == [-1234.5, -2, 3, 4000, 5]
    german = look(tmp_path, table(["-1.234,5 €", "2 €", *["3,25 €"] * 28]))
    assert german.table.values[:3, 0].tolist() == [-1234.5, 2, 3.25]
    minus = look(tmp_path, table(["\u22121.5", "2", *["3"] * 28]))  # the sign that typesetters use
    assert minus.table.values[:2, 0].tolist() == [-1.5, 2]


@pytest.mark.parametrize("cells", [["5K", "5M"] * 15, ["a1", "a2"] * 15, ["1-2", "3-4"] * 15])
def test_other_texts_are_no_numbers_with_symbols(tmp_path: Path, cells: list[str]) -> None:
    with pytest.raises(ConfigError, match="--target: 'y' is no column of numbers"):
        look(tmp_path, table(cells))


def test_a_symbol_that_is_not_asked_for_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(table(["1%"] * 30), encoding="utf-8")
    series: dict[str, Any] = {"target": "y", "features": ["y"], "time": "date", "delimiter": ";"}
    with pytest.raises(DataError, match=r"a\.csv:2: column y: '1%' is not a number.*`symbols`"):
        CSVSeries(str(path), **series).read()
    assert CSVSeries(str(path), **series, symbols=["%"]).read().values[0, 0] == 1
    with pytest.raises(ConfigError, match=r"^CSVSeries: symbols: '-' cannot stand beside a number\.$"):
        CSVSeries(str(path), **series, symbols=["-"])


def test_a_number_has_one_symbol(tmp_path: Path) -> None:
    layout = TextLayout(symbols=["%", "$", "()"])
    texts = {"$5%": "$5", "%5%": "5", "(5": "(5", "(-5)": "--5", "%": "", "": ""}
    assert {text: layout.number(text) for text in texts} == texts


NUMBERS = [str(10 + i % 9) for i in range(30)]


@pytest.mark.parametrize("text", ["#N/A", "n.a.", "--", "<NA>", "#DIV/0!", "\\N", "k.A.", "missing"])
def test_usual_words_for_gaps_are_gaps(tmp_path: Path, text: str) -> None:
    found = look(tmp_path, table([*NUMBERS[:28], text, "5"]))
    assert keys(found)["missing"] == [text]
    assert found.table.n_filled == 1


@pytest.mark.parametrize("text", ["*", "Inf", "out of order", "-999", "9999", "-99.9", "-9999.0"])
def test_what_is_no_number_among_many_or_far_from_all_is_a_gap_and_is_said(tmp_path: Path, text: str) -> None:
    found = look(tmp_path, table([*NUMBERS[:20], *[text] * 5, *NUMBERS[:5]]))
    assert keys(found)["missing"] == [text]
    assert f"{text!r} in y: taken as a gap (`missing`)" in found.words
    assert found.table.n_filled == 5


def test_texts_with_digits_many_texts_and_near_numbers_are_no_gaps(tmp_path: Path) -> None:
    for odd in (["1O"], ["a", "b", "c", "d"], ["x"] * 7):
        with pytest.raises(ConfigError, match="--target: 'y' is no column of numbers"):
            look(tmp_path, table([*NUMBERS[: 30 - len(odd)], *odd]))
    assert "missing" not in keys(look(tmp_path, table([*NUMBERS[:29], "99"])))  # two nines may be a number
    assert "missing" not in keys(look(tmp_path, table([*NUMBERS[:28], "340", "999"])))
    assert "missing" in keys(look(tmp_path, table([*NUMBERS[:28], "339", "999"])))  # 660 above 339, twice 329 is 658
    assert "missing" not in keys(look(tmp_path, table(["999"] * 3 + ["1"] * 27)))  # nothing says how far numbers go


def test_a_target_of_two_words_is_told_how(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="write 0 and 1 in place of 'no' and 'yes'"):
        look(tmp_path, table(["yes", "no"] * 15))


def test_texts_of_a_parquet_file_have_symbols_too(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    pandas.DataFrame({"date": DAYS, "y": [f"{i}%" for i in range(30)]}).to_parquet(tmp_path / "a.parquet")
    found = look_at(tmp_path / "a.parquet", "y")
    assert found.keys["symbols"] == ["%"]
    assert found.table.values[:, 0].tolist() == list(range(30))
