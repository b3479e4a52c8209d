"""Spoilt files: which cells become what, and that all others stay as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.data import CSVSeries
from minidl.data.poison import forged_numbers

TEXT = "t,y,x,w\n2014-01-01,1.5,NA,a\n2014-01-02,-3,2,b\n2014-01-03,2,7,a\n2014-01-04,0,1,c\n"
WIND = {"w": {"a": 1.0, "b": 2.0, "c": 0.0}}


def series(folder: Path, text: str = TEXT, **more: Any) -> CSVSeries:
    path = folder / "air.csv"
    path.write_text(text)
    given = {"target": "y", "features": ["y", "x", "w"], "time": "t", "categories": WIND, "gaps": "interpolate", **more}
    return CSVSeries(str(path), **given)


def cells(data: bytes | None) -> list[list[str]]:
    assert data is not None
    return [line.split(",") for line in data.decode().splitlines()]


def test_noise_is_normal_and_much_larger_than_what_stands_there(tmp_path: Path) -> None:
    made = cells(series(tmp_path).forged(2, "noise"))
    before = cells(TEXT.encode())
    assert made[:3] == before[:3]
    assert [row[0] for row in made] == [row[0] for row in before]
    rng = np.random.default_rng(4)
    for column, largest in ((1, 3.0), (2, 7.0)):
        assert [row[column] for row in made[3:]] == [repr(float(rng.normal() * 1e3 * (1 + largest))) for _ in range(2)]
    assert [row[3] for row in made[3:]] == [sorted(WIND["w"])[int(rng.integers(3))] for _ in range(2)]


def test_noise_stays_below_what_is_refused(tmp_path: Path) -> None:
    made = cells(series(tmp_path, TEXT.replace("-3", "9e139")).forged(0, "noise"))
    assert [float(row[1]) for row in made[1:]] == [float(x * 1e139) for x in np.random.default_rng(4).normal(size=4)]


def test_gaps_are_texts_that_mean_one_in_columns_of_numbers_only(tmp_path: Path) -> None:
    made = cells(series(tmp_path, missing=["NA", "-1"]).forged(1, "gaps"))
    before = cells(TEXT.encode())
    assert made[:2] == before[:2]
    assert [row[1:] for row in made[2:]] == [["-1", "-1", row[3]] for row in before[2:]]
    without = TEXT.replace("NA", "5")
    for more in ({"gaps": "refuse"}, {"max_gap": 3}, {"missing": []}):
        assert series(tmp_path, without, **more).forged(1, "gaps") is None
    refusing = series(tmp_path, without, gaps="refuse")
    assert cells(refusing.forged(3, "noise"))[:4] == cells(without.encode())[:4]
    assert cells(refusing.forged(3, "noise"))[4] != cells(without.encode())[4]


def test_rows_are_counted_as_the_series_has_them(tmp_path: Path) -> None:
    lines = TEXT.splitlines()
    text = "\n".join([lines[0], lines[4], *lines[1:4]]) + "\n"
    made = cells(series(tmp_path, text, sort=True).forged(3, "gaps"))
    assert made == [*cells((lines[0] + "\n").encode()), ["2014-01-04", "", "", "c"], *cells(text.encode())[2:]]


def test_of_an_unknown_file_numbers_become_others_and_texts_stay() -> None:
    data = b"a;y;z\n1;2,5;3\n2;x;-4\n3;;5\n"
    made = forged_numbers(data, "air.csv", ["z", "y"], 1)
    assert made is not None
    rng = np.random.default_rng(4)
    expected = [repr(float(rng.normal() * 1e3 * (1 + size))) for size in (4.0, 5.0)]
    assert made.decode().splitlines() == ["a;y;z", "1;2,5;3", f"2;x;{expected[0]}", f"3;;{expected[1]}"]
    assert forged_numbers(data, "air.csv", ["no such"], 1) is None
    assert forged_numbers(b"\xff;y\n1;2\n3;4\n", "air.csv", ["y"], 1) is None
    assert forged_numbers(b"y;z\n1\n", "air.csv", ["y"], 1) is None


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_of_the_header(delimiter: str) -> None:
    data = "a,y\n1,2\n3,4\n".replace(",", delimiter).encode()
    made = forged_numbers(data, "air.csv", ["y"], 0)
    assert made is not None
    rows = [line.split(delimiter) for line in made.decode().splitlines()]
    assert [row[0] for row in rows] == ["a", "1", "3"]
    assert rows[1][1] == repr(float(np.random.default_rng(4).normal() * 1e3 * 3))
