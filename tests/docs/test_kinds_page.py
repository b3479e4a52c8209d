"""docs/kinds.md: every kind of fault has its mechanism and its test, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "docs" / "kinds.md").read_text(encoding="utf-8").splitlines()
ROWS = [line.strip("| ").split(" | ") for line in LINES if line.startswith("| ") and "what prevents it" not in line]


def files(cell: str) -> list[str]:
    return re.findall(r"`((?:minidl|tests)/[^`]+\.py)`", cell)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_kind_names_files_that_there_are(row: list[str]) -> None:
    kind, mechanism, test = row
    assert any(file.startswith("minidl/") for file in files(mechanism)), f"{kind}: no mechanism"
    assert any(file.startswith("tests/") for file in files(test)), f"{kind}: no test"
    assert [file for file in files(mechanism + test) if not (ROOT / file).is_file()] == []


def test_there_are_rows() -> None:
    assert len(ROWS) > 20
