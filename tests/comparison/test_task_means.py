"""Means over seeds and tasks: intervals against other formulas, and where the truth is planted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minidl.comparison.task_means import mean_of_means

stats = pytest.importorskip("scipy.stats")


def test_of_one_task_it_is_students_interval_and_of_two_welchs() -> None:
    one, other = np.array([0.3, 0.1, 0.2, 0.5]), np.array([1.0, 4.0, 2.0, 2.5, 9.0, 1.5])
    low, high = stats.t.interval(0.95, 3, loc=one.mean(), scale=stats.sem(one))
    assert mean_of_means([one]) == pytest.approx({"value": one.mean(), "low": low, "high": high})
    welch = stats.ttest_ind(one, -other, equal_var=False).confidence_interval()
    expected = {"value": (one.mean() + other.mean()) / 2, "low": welch.low / 2, "high": welch.high / 2}
    assert mean_of_means([one, other]) == pytest.approx(expected)


def test_a_share_gets_two_failures_and_two_successes() -> None:
    x = np.array([1.0, 1.0, 1.0, 0.0, 1.0, 1.0])
    more = np.array([*x, 0, 0, 1, 1])
    low, high = stats.t.interval(0.95, 9, loc=more.mean(), scale=stats.sem(more))
    assert mean_of_means([x], shares=True) == pytest.approx({"value": x.mean(), "low": low, "high": min(high, 1)})
    # In two tasks it is one of each a task.
    two = mean_of_means([x, x], shares=True)
    more = np.array([*x, 0, 1])
    half = stats.t.ppf(0.975, 14) * stats.sem(more) / math.sqrt(2)
    assert (two["value"], two["low"]) == (x.mean(), pytest.approx(more.mean() - half))


def test_one_seed_says_little_of_a_share_and_nothing_of_how_far_others_are_away() -> None:
    assert mean_of_means([np.ones(1)]) == {"value": 1.0, "low": None, "high": None}
    assert mean_of_means([np.ones(4), np.ones(0)]) == {"value": None, "low": None, "high": None}
    assert mean_of_means([np.ones(3)]) == {"value": 1.0, "low": 1.0, "high": 1.0}
    always = mean_of_means([np.ones(1)], shares=True)
    assert always["high"] == always["value"] == 1
    assert always["low"] is not None
    assert always["low"] < 0.1


@pytest.mark.parametrize("tasks", [1, 5])
@pytest.mark.parametrize("seeds", [2, 6, 30])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_shares_are_covered_as_often_as_it_says(tasks: int, seeds: int, share: float) -> None:
    # A bootstrap of the seeds holds 0.9 in 18 of 100 cases with 2 seeds in one task, and in 47 with 6.
    rng, held, repeats = np.random.default_rng([tasks, seeds, int(100 * share)]), 0, 200
    for _ in range(repeats):
        found = mean_of_means([*(rng.random((tasks, seeds)) < share).astype(float)], shares=True)
        assert found["low"] is not None
        assert found["high"] is not None
        held += found["low"] <= share <= found["high"]
    assert held / repeats > 0.95 - 3 * math.sqrt(0.95 * 0.05 / repeats)


@pytest.mark.slow
def test_means_of_normal_values_are_covered_as_often_as_it_says() -> None:
    for tasks, seeds in ((1, 2), (1, 6), (5, 2), (5, 6)):
        rng, repeats = np.random.default_rng([tasks, seeds]), 2000
        spread = np.linspace(1, 5, tasks)[:, None]  # tasks of different scale
        found = [mean_of_means([*(spread * rng.standard_normal((tasks, seeds)))]) for _ in range(repeats)]
        held = np.mean([one["low"] <= 0 <= one["high"] for one in found])  # type: ignore[operator]
        assert 0.95 - 3 * math.sqrt(0.95 * 0.05 / repeats) < held < 0.99
