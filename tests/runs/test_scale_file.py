"""scale.json: what is read is what was written, and what is of other columns is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import CorruptFileError
from minidl.runs.scale_file import saved_scale

SAVED: Any = {"columns": ["a", "b"], "offset": [1, 2.5], "range": [10, 20], "curves": ["log", "linear"]}
PLACE = Path("runs", "a", "scale.json")


def test_offset_range_and_curve_are_those_of_the_file() -> None:
    found = saved_scale(json.loads(json.dumps(SAVED)), ("a", "b"), PLACE)
    assert (found.offset.tolist(), found.range.tolist(), found.curves) == ([1.0, 2.5], [10.0, 20.0], ("log", "linear"))
    assert found.offset.dtype == found.range.dtype == np.float64


def test_without_curves_all_columns_are_linear() -> None:
    older: Any = {key: value for key, value in SAVED.items() if key != "curves"}
    assert saved_scale(older, ("a", "b"), PLACE).curves == ("linear", "linear")


@pytest.mark.parametrize(
    "changed",
    [
        {"columns": ["b", "a"]},
        {"columns": ["a", "b", "c"]},
        {"offset": [1.0]},
        {"range": [1.0, 2.0, 3.0]},
        {"curves": ["linear"]},
    ],
)
def test_numbers_that_are_not_those_of_the_columns_are_refused(changed: dict[str, Any]) -> None:
    line = rf"^{PLACE}: damaged; expected offset and range of the columns a, b\.$"
    with pytest.raises(CorruptFileError, match=line):
        saved_scale({**SAVED, **changed}, ("a", "b"), PLACE)
