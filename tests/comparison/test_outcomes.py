"""A smallest difference that matters: better, equal and no evidence are three things."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from comparing import Capture, compare, result
from made_up import GOOD, of_two, record, undefined

from minidl.comparison.outcomes import outcome, within

APART = [r2 + 0.1 + 0.001 * i for i, r2 in enumerate(GOOD)]
NEAR = [r2 + 0.002 * (-1) ** i for i, r2 in enumerate(GOOD)]
A_LITTLE = [r2 + 0.003 + 0.0001 * i for i, r2 in enumerate(GOOD)]
NOISY = [r2 + 0.1 * (-1) ** i for i, r2 in enumerate(GOOD)]


@pytest.mark.parametrize(
    ("other", "smallest", "expected"),
    [
        (APART, None, "better"),
        (APART, 0.01, "better"),
        (APART, 1.0, "slightly better"),
        (A_LITTLE, 0.01, "slightly better"),
        (A_LITTLE, 0.003, "better"),
        (NEAR, 0.01, "equal"),
        (NEAR, None, "no evidence"),
        (NOISY, 0.01, "no evidence"),
        (NOISY, 1.0, "equal"),
        (GOOD, 0.01, "equal"),
    ],
)
def test_each_row_is_one_of_four_things(other: list[float], smallest: float | None, expected: str) -> None:
    for one, two in ((GOOD, other), (other, GOOD)):
        found = of_two(one, two, smallest=smallest)
        assert {row["outcome"] for row in found["pairs"][0]["rows"].values()} == {expected}
        equal = found["verdict"]["pairs"][0]["equal"]
        assert equal == (["4", "2", "1"] if expected == "equal" else [])
        assert (found["verdict"]["pairs"][0]["better"] is None) == (expected in ("equal", "no evidence"))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (APART, "other is better than one: at 4 hours R² of other is higher by 0.1035 on average (95 % interval +0."),
        (A_LITTLE, "; it is by less than matters (within ±0.01 R²)."),
        (NEAR, "one and other are equal within ±0.01 R²: at 4 hours R² of other is the same on average (95 % interval"),
        (NOISY, "No evidence of a difference between one and other, nor that they are equal within ±0.01 R², over 8"),
    ],
)
def test_the_verdict_says_which(other: list[float], words: str) -> None:
    assert words in of_two(GOOD, other, smallest=0.01)["verdict"]["headline"]


def test_rows_of_other_outcomes_are_told_apart_in_one_sentence() -> None:
    from made_up import analysed

    made = [record(label, seed, r2) for label in ("one", "other") for seed, r2 in enumerate(GOOD)]
    for run in made[8:]:
        run["scores"]["block"]["4"]["r2"] += 0.1 + run["seed"] / 1000
        run["scores"]["block"]["2"]["r2"] += 0.1 * (-1) ** run["seed"]
    said = analysed(made, smallest=0.01)["verdict"]["headline"]
    assert said.startswith("other is better than one at 4 hours: at 4 hours R² of other is higher by 0.1035")
    assert said.endswith("; equal within ±0.01 R² at 1 hour; no evidence of a difference at 2 hours.")


def test_both_intervals_must_lie_within_the_margin() -> None:
    row = {"p_adjusted": 1.0, "low": -0.01, "high": 0.02, "both": {"low": -0.05, "high": 0.01}}
    assert not within(row, 0.05)
    assert within(row, 0.051)
    assert outcome({**row, "both": None}, 0.03) == "equal"
    assert outcome({**row, "low": None, "high": None}, 0.06) == "no evidence"  # too few seeds, or a run broke


def test_a_margin_of_the_leading_metric_says_nothing_of_another() -> None:
    found = undefined([5.0] * 8, [5.0 + 1e-4 * (-1) ** i for i in range(8)])
    found["asked"]["smallest"] = 0.5
    assert {row["outcome"] for row in found["pairs"][0]["rows"].values()} == {"no evidence"}


@pytest.mark.parametrize("wrong", ["0", "-1", "nan", "inf"])
def test_a_smallest_difference_that_is_none_is_refused(folder: Path, wrong: str, capsys: Capture) -> None:
    assert compare("small.yaml", "twin.yaml", f"--smallest={wrong}", "--seeds", "1") == 2
    assert f"--smallest: expected a number above 0, got {float(wrong):g}." in capsys.readouterr().err


def test_a_finished_comparison_is_reported_again_with_another(folder: Path, capsys: Capture) -> None:
    assert compare("small.yaml", "twin.yaml", "--smallest", "0.25", "--seeds", "6", "--no-protocol") == 0
    assert "small and twin are equal within ±0.25 R²" in capsys.readouterr().out
    assert "--smallest 0.25" in Path("runs/compare-001/report.md").read_text(encoding="utf-8")
    assert compare("--resume", "runs/compare-001", "--smallest", "0.5") == 0
    assert result()["asked"]["smallest"] == 0.5
    assert compare("--resume", "runs/compare-001") == 0
    assert math.isclose(result()["asked"]["smallest"], 0.25)
