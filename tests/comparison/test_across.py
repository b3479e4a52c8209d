"""Several finished comparisons together: ranks, wins and skill, by hand; what does not fit is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from comparing import Capture, compare
from made_up import BROKEN, analysed, baseline, record

from minidl.comparison.across import across, contenders
from minidl.core.errors import ConfigError


def write(path: Path, **scores: list[float | None]) -> Path:
    """A finished comparison of these configs, whose R² are given; its reference has the R² 0 and the RMSE 100."""
    made = [record(label, seed, value) for label, values in scores.items() for seed, value in enumerate(values)]
    path.mkdir()
    (path / "comparison.json").write_text(json.dumps(analysed(made, {"persistence": baseline(0.0, 100.0)})))
    return path


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    """Deep wins 2 of 4 seeds (one is a tie) in the first task, and all 2 in the second, where single breaks once."""
    return [
        write(tmp_path / "a", air_single=[0.5, 0.5, 0.5, 0.5], air_deep=[0.6, 0.6, 0.5, 0.4]),
        write(tmp_path / "b", echo_single=[0.1, BROKEN], echo_deep=[0.9, 0.9]),
    ]


def test_ranks_wins_and_skill_are_means_over_seeds_and_then_over_tasks(two: list[Path]) -> None:
    found = across(two)
    deep, single = found["contenders"]["deep"], found["contenders"]["single"]
    assert deep["wins"]["value"] == pytest.approx((2.5 / 4 + 1) / 2)
    assert single["wins"]["value"] == pytest.approx(1 - deep["wins"]["value"])
    assert deep["rank"]["value"] == pytest.approx(((1 + 1 + 1.5 + 2) / 4 + 1) / 2)
    # An RMSE of 100 (1 - R²) against 100: skill is 1 - (1 - R²)².
    skills = [[1 - (1 - r2) ** 2 for r2 in task] for task in ([0.6, 0.6, 0.5, 0.4], [0.9, 0.9])]
    assert deep["skill"]["value"] == pytest.approx((sum(skills[0]) / 4 + sum(skills[1]) / 2) / 2)
    assert deep["wins"]["low"] < deep["wins"]["value"] < deep["wins"]["high"]
    (pair,) = found["pairs"]
    assert (pair["first"], pair["second"]) == ("single", "deep")
    assert (pair["tasks"]["better"], pair["tasks"]["of"], pair["tasks"]["p"]) == (2, 2, 0.5)
    assert (pair["tasks"]["low"], pair["skill"]["value"] > 0) == (None, True)


def test_the_command_prints_it(two: list[Path], capsys: Capture) -> None:
    assert compare("--across", *map(str, two)) == 0
    out = capsys.readouterr().out
    assert "air_single, air_deep; R²" in out
    assert "deep against single: better in 2 of 2 tasks (permutation test over tasks, p = 0.500); wins 81 (" in out
    assert compare("--across", *map(str, two), "--json") == 0
    assert json.loads(capsys.readouterr().out) == across(two)


def test_contenders_are_called_by_the_words_that_their_labels_share() -> None:
    labels = [["pm25_fair_single", "pm25_fair_deep"], ["echo-single", "echo-deep"]]
    assert contenders(["a", "b"], labels) == ["single", "deep"]
    with pytest.raises(ConfigError, match="air_single and echo_deep stand in the same place, and share no word"):
        contenders(["a", "b"], [["air_single", "air_deep"], ["echo_deep", "echo_single"]])
    with pytest.raises(ConfigError, match="share no word that others do not"):
        contenders(["a", "b"], [["x_1", "x_2"], ["x_3", "x_4"]])
    with pytest.raises(ConfigError, match="a has 2 configs and b 1; expected as many in each"):
        contenders(["a", "b"], [["x", "y"], ["x"]])


def test_what_is_no_finished_comparison_is_refused(two: list[Path], tmp_path: Path, capsys: Capture) -> None:
    def refused(*folders: Path, message: str, code: int = 2) -> None:
        assert compare("--across", *map(str, folders)) == code
        err = capsys.readouterr().err
        assert message in err
        assert err.count("\n") == 1

    refused(two[0], message="--across: expected the folders of two or more finished comparisons")
    refused(two[0], two[0], message="each once")
    (tmp_path / "empty").mkdir()
    refused(two[0], tmp_path / "empty", message="empty: no finished comparison (it has no comparison.json).")
    whole: dict[str, Any] = json.loads((two[1] / "comparison.json").read_text())
    for change, message in (
        ({"format": 1}, "expected format 2"),
        ({"configs": []}, "damaged: it has no configs"),
        ({"configs": {"echo_single": {}, "echo_deep": {}}}, "damaged: its scores are not those of a comparison"),
    ):
        (two[1] / "comparison.json").write_text(json.dumps({**whole, **change}))
        refused(*two, message=message, code=3)
    assert compare("--across", *map(str, two), "--set", "seed=1") == 2
    assert "--across takes the folders of finished comparisons" in capsys.readouterr().err
