"""Many configs together: against plain loops, and where the truth is planted."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from made_up import BROKEN, analysed, record, report_of

from minidl.comparison.many import all_together, improvement, interquartile_mean, model_confidence_set, with_interval
from minidl.comparison.sign_flips import sign_flips


def test_of_two_configs_the_set_is_the_paired_permutation_test() -> None:
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.3, 1.0):
        x = rng.normal(0, 1, (12, 2)) + np.array([0.0, shift])
        p = model_confidence_set(x)
        assert p.max() == 1
        # t and the mean order the exchanges alike; 999 of them are drawn.
        assert p.min() == pytest.approx(sign_flips(x[:, 1] - x[:, 0]).p, abs=0.05)


def test_the_worst_leave_the_set_and_equal_ones_stay() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(0, 0.1, (10, 1)) + rng.normal(0, 0.1, (10, 4)) + np.array([0.0, 0.5, 0.5, 0.2])
    p = model_confidence_set(x)
    assert (p > 0.05).tolist() == [False, True, True, False]
    assert p[0] <= p[3]  # it leaves first
    assert model_confidence_set(np.ones((5, 3))).tolist() == [1.0, 1.0, 1.0]
    assert model_confidence_set(np.ones((5, 2)) + np.array([0.0, 1e-12]), none=1e-9).tolist() == [1.0, 1.0]


def test_what_leaves_later_has_no_smaller_p() -> None:
    # When the first of three has gone, one of the other two looks worse by its own test (0.03).
    x = np.round(np.random.default_rng(6).normal(0, 1, (8, 3)), 1)
    p = np.sort(model_confidence_set(x))
    assert p[0] == p[1] > 0.2


def test_interquartile_means_and_chances_are_those_of_plain_loops() -> None:
    x, y = np.array([5.0, 1.0, 2.0, 100.0, 3.0, 4.0, -7.0, 6.0]), np.array([3.0, 0.0, 9.0])
    assert interquartile_mean(x) == pytest.approx((2 + 3 + 4 + 5) / 4)
    assert interquartile_mean(x[:3]) == pytest.approx(8 / 3)
    chance = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in itertools.product(x, y)) / 24
    assert improvement(x, y) == pytest.approx(chance)
    assert improvement(x[:, None], y[:, None])[0] == pytest.approx(chance)
    found = with_interval(improvement, x, x[::-1])
    assert (found["value"], found["low"] < 0.5 < found["high"]) == (0.5, True)


def test_broken_runs_are_losses_and_what_falls_on_one_has_no_mean() -> None:
    worst = -math.inf
    scores = {"4": {"a": [1.0, 2.0, 3.0, 4.0], "b": [1.1, 2.1, worst, worst], "c": [0.0, 0.1, 0.2, 0.3]}}
    found = all_together(scores, {"4": 1}, 1e-9)
    assert found["interquartile_mean"]["a"]["value"] == 2.5
    assert found["interquartile_mean"]["b"]["value"] is None
    # 1 beats nothing but the broken ones, 2 also 1.1, and 3 and 4 all.
    assert found["improvement"]["a"]["b"]["value"] == (2 + 3 + 4 + 4) / 16
    assert found["improvement"]["b"]["a"]["value"] == pytest.approx(1 - found["improvement"]["a"]["b"]["value"])
    less = all_together({"4": {"a": [1.0, 2.0], "b": [2.0, 3.0], "c": [2.0, math.inf]}}, {"4": -1}, 1e-9)
    assert less["interquartile_mean"]["a"] == {"value": 1.5, "low": 1.0, "high": 2.0}
    assert less["improvement"]["a"]["b"]["value"] == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert all_together({"4": dict.fromkeys("abc", [worst] * 3)}, {"4": 1}, 1e-9)["set"] == {"4": None}


def test_the_report_names_the_configs_that_may_be_the_best() -> None:
    rng = np.random.default_rng(0)
    made = [
        record(label, seed, 0.5 + gain + 0.01 * rng.normal())
        for label, gain in (("one", 0.0), ("two", 0.2), ("three", 0.2))
        for seed in range(10)
    ]
    result = analysed(made)
    said = "The best of 3 configs is, with 95 % confidence, among two and three at 4, 2 and 1 hours"
    assert said in report_of(result)
    assert "## All configs together" in report_of(result)
    two = analysed([one for one in made if one["label"] != "one"])
    assert two["together"] is None
    assert "All configs together" not in report_of(two)
    broken = analysed([record(label, seed, BROKEN) for label in "abc" for seed in range(3)])
    assert broken["together"]["set"]["4"] is None
    assert "with 95 % confidence" not in report_of(broken)


@pytest.mark.slow
def test_the_best_is_in_the_set_as_often_as_it_says() -> None:
    # Five configs; all equal: nothing leaves in 95 of 100. One better by half a standard deviation: it stays.
    for gain in (0.0, 0.5):
        rng, stays, repeats = np.random.default_rng(int(10 * gain)), 0, 500
        for _ in range(repeats):
            x = rng.normal(0, 1, (10, 5)) + gain * np.eye(5)[0]
            p = model_confidence_set(x)
            stays += (p > 0.05)[0] if gain else (p > 0.05).all()
        assert stays / repeats > 0.95 - 3 * math.sqrt(0.95 * 0.05 / repeats)
