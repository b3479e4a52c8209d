"""What a report says beside its verdict: whether configs differ in more than one thing."""

from __future__ import annotations

from typing import Any

import pytest
from made_up import of_two

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


def test_that_nothing_could_be_shown_is_said_of_fewer_seeds_than_are_needed_and_of_no_others() -> None:
    known = set()
    for n in range(2, 11):
        one = [0.5 + 0.01 * seed for seed in range(n)]
        result = of_two(one, [r2 + 0.01 * (-1) ** seed for seed, r2 in enumerate(one)])
        needed = result["tests"]["fewest_seeds"]
        few = f"with {n} seeds and 3 tests none could be shown, at least {needed} seeds are needed."
        assert (few in result["verdict"]["headline"]) == (n < needed)
        known.add(n - needed)
    assert {-1, 0, 1} <= known
