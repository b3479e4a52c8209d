"""Gaps: nothing before the end of a part depends on rows after it, from the file to the windows."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.core.errors import DataError
from minidl.data import BeijingPM25, CSVSeries, MinMaxScaler, Splits, StandardScaler, TailValidation, WindowData
from minidl.data.beijing_pm25 import shipped_bytes
from minidl.data.gaps import Filling

T = 3
NAN = float("nan")


def filled(text: str, *borders: int, **rule: Any) -> list[float]:
    """A column as words, ``-`` for a gap."""
    values = np.array([NAN if word == "-" else float(word) for word in text.split()])
    return Filling(**rule).fill(values, np.isnan(values), borders).tolist()


@pytest.mark.parametrize(
    ("borders", "rule", "expected"),
    [
        # By hand: the line from 2 to 8 over three gaps is 3.5, 5, 6.5.
        ((), {}, [4, 4, 2, 3.5, 5, 6.5, 8, 10, 12, 12]),
        # The test part begins within the gap: before it the last value, in it the last value too.
        ((5,), {}, [4, 4, 2, 2, 2, 2, 8, 8, 12, 12]),
        ((5,), {"test_lines": True}, [4, 4, 2, 2, 2, 6.5, 8, 10, 12, 12]),
        # Three parts: the gap's last row lies in the second one, which knows what comes up to row 7.
        ((5, 8), {}, [4, 4, 2, 2, 2, 6.5, 8, 8, 12, 12]),
        # All of it is the test part: before the first known value there is no last one.
        ((0,), {}, [4, 4, 2, 2, 2, 2, 8, 8, 12, 12]),
        # From 0 at row -1 to 4 at row 1.
        ((5,), {"from_zero": True}, [2, 4, 2, 2, 2, 2, 8, 8, 12, 12]),
    ],
)
def test_gaps_are_filled_within_their_part(borders: Any, rule: dict[str, Any], expected: list[float]) -> None:
    assert filled("- 4 2 - - - 8 - 12 -", *borders, **rule) == expected


def write(path: Path, rows: list[list[float | None]]) -> Path:
    lines = ["a,b", *(",".join("" if value is None else repr(value) for value in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def load(path: Path, scaler: Any, test_size: int, tail: int | None) -> Splits:
    series = CSVSeries(str(path), target="a", features=["a", "b"], gaps="interpolate")
    validation = None if tail is None else TailValidation(tail)
    return WindowData(series, scaler, time_steps=T, test_size=test_size, validation=validation).load("float64")


numbers = st.integers(-10_000, 10_000).map(lambda tenths: tenths / 10)
cells = st.one_of(numbers, st.none())


@st.composite
def two_files(draw: Any) -> tuple[list[list[float | None]], list[list[float | None]], int, int | None, int]:
    """Rows; the same with other rows from a border on; test_size, tail, and the border."""
    train, tail, test = draw(st.integers(T + 1, 9)), draw(st.one_of(st.none(), st.integers(T + 1, 8))), T + 1
    n = train + (tail or 0) + test
    rows = [[draw(cells), draw(cells)] for _ in range(n)]
    rows[draw(st.integers(0, train - 1))] = [draw(numbers), draw(numbers)]  # something is known
    border = n - test if tail is None or draw(st.booleans()) else train
    for last in {train - 1, n - test - 1}:  # so is a label of each part that is learned from
        rows[last] = [draw(numbers), rows[last][1]]
    other = [*rows[:border], *([draw(cells), draw(cells)] for _ in range(n - border))]
    other[n - test - 1] = [draw(numbers), other[n - test - 1][1]] if border < n - test else rows[n - test - 1]
    return rows, other, test, tail, border


@given(files=two_files(), scaler=st.sampled_from([MinMaxScaler(), StandardScaler()]))
def test_nothing_before_a_border_depends_on_cells_after_it(files: Any, scaler: Any) -> None:
    rows, other, test_size, tail, border = files
    with tempfile.TemporaryDirectory() as folder:
        one, two = (
            load(write(Path(folder, name), content), scaler, test_size, tail)
            for name, content in (("one.csv", rows), ("two.csv", other))
        )
    np.testing.assert_array_equal(one.table.values[:border], two.table.values[:border])
    if border == one.n_train_rows:  # the test part: not even the scaling may know of it
        np.testing.assert_array_equal(one.scale.offset, two.scale.offset)
        np.testing.assert_array_equal(one.scale.range, two.scale.range)
        for mine, theirs in ((one.train, two.train), (one.validation, two.validation)):
            if mine is not None and theirs is not None:
                one_batch, other_batch = mine.gather(slice(None)), theirs.gather(slice(None))
                np.testing.assert_array_equal(one_batch.x, other_batch.x)
                np.testing.assert_array_equal(one_batch.target, other_batch.target)


@given(files=two_files(), data=st.data())
def test_in_the_test_part_no_row_depends_on_a_later_cell(files: Any, data: Any) -> None:
    rows, other, test_size, tail, _ = files
    cut = data.draw(st.integers(len(rows) - test_size, len(rows)))
    with tempfile.TemporaryDirectory() as folder:
        one, two = (
            load(write(Path(folder, name), content), MinMaxScaler(), test_size, tail)
            for name, content in (("one.csv", rows), ("two.csv", [*rows[:cut], *other[cut:]]))
        )
    np.testing.assert_array_equal(one.table.values[:cut], two.table.values[:cut])


def test_a_column_without_a_value_for_training_is_refused(tmp_path: Path) -> None:
    rows: list[list[float | None]] = [[float(i), None if i < 12 else 1.0] for i in range(20)]
    message = "column b: all 12 rows for training, before row 12 .counted from 0., are gaps, so that nothing is known"
    with pytest.raises(DataError, match=message):
        load(write(tmp_path / "late.csv", rows), MinMaxScaler(), 8, None)


def textbook_gaps() -> np.ndarray[Any, Any]:
    """pm2.5 as published, NaN at gaps."""
    lines = shipped_bytes().decode().splitlines()[1:]
    return np.array([float(line.split(",")[5].replace("NA", "nan")) for line in lines])


@pytest.mark.parametrize("test_gaps", ["lines", "last_known"])
def test_a_gap_in_the_test_year_is_a_line_only_in_the_textbooks_protocol(test_gaps: Any) -> None:
    published, border = textbook_gaps(), 43_824 - 8_760
    values = WindowData(BeijingPM25(test_gaps=test_gaps)).load().table.values[:, 0]
    whole = BeijingPM25().read().values[:, 0]
    # No gap reaches over the border, so that the parts are those of the whole table's lines.
    assert np.isfinite(published[border - 1 : border + 1]).all()
    np.testing.assert_array_equal(values[:border], whole[:border])
    expected, last = [], NAN
    for value, line in zip(published[border:], whole[border:], strict=True):
        last = value if np.isfinite(value) else last
        expected.append(line if test_gaps == "lines" else last)
    np.testing.assert_array_equal(values[border:], expected)
