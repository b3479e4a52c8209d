"""Verdicts where runs broke: a loss everywhere, and means are of the survivors."""

from __future__ import annotations

import json

import pytest
from made_up import BAD, BROKEN, GOOD, analysed, baseline, of_two, record, report_of

from minidl.cli.compare import terminal_report
from minidl.comparison import figures


@pytest.mark.parametrize("turned", [False, True])
def test_a_broken_run_is_a_loss_everywhere_and_means_are_of_the_survivors(turned: bool) -> None:
    breaks = [0.71, 0.73, 0.72, 0.74, 0.75, 0.70, BROKEN, BROKEN]  # 0.01 better in six seeds
    holds = GOOD
    result = of_two(holds, breaks) if turned else of_two(breaks, holds)
    label = "other" if turned else "one"
    row = result["pairs"][0]["rows"]["4"]
    wins = (row["second_better"], row["first_better"])
    assert wins == ((6, 2) if turned else (2, 6))
    assert (row["n"], row["survivors"], row["low"]) == (8, 6, None)
    assert row["mean"] == pytest.approx(0.01 if turned else -0.01)
    assert row["p"] > 0.05
    assert result["pairs"][0]["broken"][label] == [6, 7]
    r2 = result["configs"][label]["block"]["4"]["r2"]
    # Sorted: -Inf, -Inf, 0.70, 0.71, 0.72, ...: the median is 0.715; of the six survivors it would be 0.725.
    assert (r2["n"], r2["broken"], r2["median"]) == (6, 2, pytest.approx(0.715))
    assert r2["mean"] == pytest.approx(0.725)
    rmse = result["configs"][label]["block"]["4"]["rmse"]
    assert rmse["median"] == pytest.approx(28.5)  # the worst RMSE is the largest
    headline = result["verdict"]["headline"]
    assert "over the 6 seeds that gave scores for both (no interval: 2 pairs with a broken run" in headline
    assert f"of other is {'higher' if turned else 'lower'} by 0.0100" in headline
    assert f"better in {6 if turned else 2} of 8 seeds" in headline
    line = next(line for line in result["verdict"]["lines"] if "NaN or Inf" in line)
    assert line == (
        f"2 of 8 runs of {label} ended with NaN or Inf (seeds 6, 7): NaN in step 3. Each counts as a loss in medians, "
        "wins and tests; means, ranges and skill are of the runs that survived."
    )
    text = report_of(result)
    assert "(0.7000 to 0.7500; 2 broken)" in text
    assert "8, 2 broken" in text
    assert "mean and median are of the pairs that gave two scores" in text
    assert "(0.7000 to 0.7500; 2 broken)" in "\n".join(terminal_report(result))
    json.dumps(result, allow_nan=False)


def test_a_config_that_always_breaks_loses() -> None:
    for one, other, better in ((GOOD, [BROKEN] * 8, "one"), ([BROKEN] * 8, GOOD, "other")):
        result = of_two(one, other)
        pair = result["verdict"]["pairs"][0]
        assert pair["better"] == better
        assert "no seed gave scores for both; broken runs count as losses" in pair["sentence"]
        assert f"{better} is better in 8 of 8 seeds" in pair["sentence"]
        broken = {"one": "other", "other": "one"}[better]
        assert result["configs"][broken]["block"]["4"]["r2"]["median"] is None
        assert result["configs"][broken]["median_seed"] is None
        assert "- (8 broken)" in report_of(result)
        assert f"The median run of {broken} loses to persistence" in " ".join(result["verdict"]["lines"])


def test_two_configs_that_always_break_are_no_better_than_each_other() -> None:
    result = of_two([BROKEN] * 8, [BROKEN] * 8)
    assert result["verdict"]["headline"].endswith("no run of either gave a score.")
    assert result["verdict"]["pairs"][0]["better"] is None
    assert all(row["p"] == 1 for row in result["pairs"][0]["rows"].values())


def test_of_many_configs_one_that_mostly_breaks_is_not_the_best() -> None:
    made = [
        record(label, seed, r2)
        for label, runs in zip("abc", (BAD, GOOD, [0.9, 0.9] + [BROKEN] * 6), strict=True)
        for seed, r2 in enumerate(runs)
    ]
    result = analysed(made)
    assert result["verdict"]["headline"].startswith("b has the highest median R² at 4 hours, 0.7150; with 8 seeds")
    assert result["configs"]["c"]["block"]["4"]["r2"]["median"] is None
    assert list(figures.shown(result)) == ["a", "b", "c"]


def test_runs_that_failed_to_train_are_worse_than_persistence_at_every_horizon() -> None:
    made = [record("one", seed, r2) for seed, r2 in enumerate(GOOD)]
    made += [record("other", seed, r2) for seed, r2 in enumerate(BAD)]
    # RMSE is 100 (1 - R²): 31 is beaten by R² above 0.69. In seed 0 of `other` one horizon is better.
    made[8]["scores"]["block"]["1"]["rmse"] = 30.0
    result = analysed(made, {"persistence": baseline(0.69, 31.0)})
    assert result["configs"]["one"]["failed_to_train"] == [7]  # 0.68; 0.69 is equal
    assert result["configs"]["other"]["failed_to_train"] == [1, 2, 3, 4, 5, 7]
    assert result["configs"]["other"]["worse_than_reference"] == {"4": 7, "2": 7, "1": 6}
    skill = result["configs"]["one"]["block"]["4"]["skill"]
    assert skill["values"][0] == pytest.approx(1 - (30 / 31) ** 2)
