"""What a report says beside its verdict: whether configs differ in more than one thing."""

from __future__ import annotations

from typing import Any

import pytest

from minidl.comparison.confounds import work_words
from minidl.comparison.verdict import _confounded

TOGETHER = "The result is about all of these together, not about one of them."


@pytest.mark.parametrize(
    ("differences", "together"),
    [
        ([], False),
        (["depth"], False),
        (["optimizer"], False),
        (["optimizer", "loss"], True),
        (["depth", "width"], False),  # of one budget, the one without the other cannot be
        (["depth", "loss"], True),
        (["depth", "width", "loss"], True),
        (["optimizer", work_words("window")], False),
    ],
)
def test_several_differences_are_said_to_be_one_result(differences: list[str], together: bool) -> None:
    found = {"differences": [{"what": what} for what in differences], "sentence": "they differ"}
    result: Any = {"asked": {"example": "window"}, "confounds": found}
    said = "Between the configs, they differ."
    assert _confounded(result) == (f"{said} {TOGETHER}" if together else said)
