"""What is read of sequences in long form: numbers to learn, groups and times, and of other files what is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import DataError
from minidl.data import CSVSequences

TEXT = """\
id,t,a,b,h,w,kind,person
one,2024-01-02,1,2,10,-1,up,x
two,2024-01-01,7,8,20,-2,down,y
one,2024-01-01,3,4,10,-1,up,x
"""
NUMBERS: dict[str, Any] = {"sequence": "id", "time": "t", "features": ["a", "b"], "targets": ["h", "w"]}
CLASSES: dict[str, Any] = {"sequence": "id", "features": ["a"], "label": "kind", "labels": ["up", "down"]}


def source(folder: Path, text: str = TEXT, **arguments: Any) -> CSVSequences:
    (folder / "own.csv").write_text(text)
    return CSVSequences(path=str(folder / "own.csv"), **arguments)


def without(*columns: str) -> str:
    """TEXT without these columns."""
    rows = [line.split(",") for line in TEXT.splitlines()]
    kept = [i for i, name in enumerate(rows[0]) if name not in columns]
    return "".join(",".join(row[i] for i in kept) + "\n" for row in rows)


def test_numbers_groups_and_first_times_are_those_of_each_sequence(tmp_path: Path) -> None:
    found = source(tmp_path, **NUMBERS, group="person").read()
    assert found.values.tolist() == [[3, 4], [1, 2], [7, 8]]
    assert found.known_targets().tolist() == [[10, -1], [20, -2]]
    assert (found.names, found.groups) == (("one", "two"), ("x", "y"))
    assert found.times is not None
    assert found.times.tolist() == np.array(["2024-01-01", "2024-01-01"], "datetime64[s]").tolist()


def test_a_file_to_predict_may_have_what_is_to_be_learned_or_lack_it(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    for text, targets in ((TEXT, [[10, -1], [20, -2]]), (without("w"), None), (without("h", "w", "person"), None)):
        other.write_text(text)
        found = source(tmp_path, **NUMBERS, group="person").read(other)
        assert (None if found.targets is None else found.targets.tolist()) == targets
        assert found.groups == (("x", "y") if "person" in text else None)
    for text, labels in ((TEXT, [0, 1]), (without("kind"), None)):
        other.write_text(text)
        found = source(tmp_path, **CLASSES).read(other)
        assert (None if found.labels is None else found.sequence_labels().tolist()) == labels


@pytest.mark.parametrize(
    ("column", "needed"), [("h", NUMBERS), ("kind", CLASSES), ("person", {**CLASSES, "group": "person"})]
)
def test_its_own_file_needs_every_column(tmp_path: Path, column: str, needed: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=rf"own.csv:1: no column '{column}'"):
        source(tmp_path, without(column), **needed).read()


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        # In order of time, the row of line 4 is the first.
        (("10,-1,up,x\n", "11,-1,up,x\n"), 2, "column h: differs from the first row of the sequence one; "),
        (("2024-01-02", "2024-01-01"), 4, "column t: the sequence one has a row of this time already."),
    ],
)
def test_a_row_that_contradicts_another_is_named(
    tmp_path: Path, change: tuple[str, str], line: int, message: str
) -> None:
    text = TEXT.replace(*change, 1)
    with pytest.raises(DataError, match=re.escape(f"own.csv:{line}: {message}")):
        source(tmp_path, text, **NUMBERS).read()


def test_rows_of_the_same_time_in_two_sequences_are_two_rows(tmp_path: Path) -> None:
    found = source(tmp_path, TEXT.replace("two,2024-01-01", "two,2024-01-02"), **NUMBERS).read()
    assert found.lengths.tolist() == [2, 1]


@pytest.mark.parametrize("cell", ["", "x", "nan", "inf", "-inf"])
def test_a_cell_that_is_no_finite_number_is_named(tmp_path: Path, cell: str) -> None:
    message = f"own.csv:2: column a: {cell!r} is not a finite number; sequences have no gaps."
    with pytest.raises(DataError, match=f"{re.escape(message)}$"):
        source(tmp_path, TEXT.replace(",1,2,", f",{cell},2,"), **NUMBERS).read()
