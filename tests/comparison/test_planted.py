"""Comparisons whose truth is planted: how often equal configs are told apart, and differences are found."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from made_up import analysed, record

from minidl.comparison.statistics import compare_pairs, detectable

stats = pytest.importorskip("scipy.stats")
REPEATS = 200


def found(n: int, gain: float, correlation: float, *, failing: float = 0.0) -> float:
    """How often p is at most 0.05: scores of standard deviation 1, correlated within a seed; a share fails to train."""
    rng, count = np.random.default_rng([n, int(10 * gain), int(100 * correlation), int(100 * failing)]), 0
    for _ in range(REPEATS):
        shared = math.sqrt(correlation) * rng.standard_normal(n)
        one, other = (shared + math.sqrt(1 - correlation) * rng.standard_normal(n) for _ in range(2))
        one, other = (scores - 7 * (rng.random(n) < failing) for scores in (one, other))
        count += compare_pairs(one, other + gain).p <= 0.05
    return count / REPEATS


def power(n: int, gain: float, correlation: float, tests: int = 1) -> float:
    """Of the paired t-test, which no unbiased test of normal differences exceeds; corrected for so many tests."""
    noncentral = gain / math.sqrt(2 - 2 * correlation) * math.sqrt(n)
    limit = stats.t.ppf(1 - 0.025 / tests, n - 1)
    return float(stats.nct.sf(limit, n - 1, noncentral) + stats.nct.cdf(-limit, n - 1, noncentral))


def error(share: float) -> float:
    return 3 * math.sqrt(share * (1 - share) / REPEATS)


@pytest.mark.slow
@pytest.mark.parametrize(("correlation", "failing"), [(0.0, 0.0), (0.7, 0.0), (0.0, 0.1)])
def test_two_equal_configs_are_not_told_apart_in_95_of_100(correlation: float, failing: float) -> None:
    assert found(30, 0.0, correlation, failing=failing) <= 0.05 + error(0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "correlation"), [(30, 0.0), (30, 0.5), (30, 0.7), (90, 0.0)])
def test_half_a_standard_deviation_is_found_as_often_as_any_test_could(n: int, correlation: float) -> None:
    # By formula: 0.47 of 100 with 30 seeds that share nothing; 0.90 needs pairs that correlate by 0.67, or 87 seeds.
    expected = power(n, 0.5, correlation)
    assert abs(found(n, 0.5, correlation) - expected) <= error(expected) + 0.01
    assert (expected >= 0.9) == (correlation == 0.7 or n == 90)


def test_the_page_says_what_half_a_standard_deviation_takes() -> None:
    of_one, of_four = ([power(30, 0.5, correlation, m) for correlation in (0.0, 0.5, 0.67)] for m in (1, 4))
    assert [round(100 * share) for share in of_one] == [47, 75, 90]
    assert [round(100 * share) for share in of_four] == [25, 54, 76]
    for n, m in ((87, 1), (118, 4)):
        assert power(n - 1, 0.5, 0.0, m) < 0.9 <= power(n, 0.5, 0.0, m)
    page = (Path(__file__).parents[2] / "docs" / "compare.md").read_text(encoding="utf-8")
    said = " ".join(page.split())
    for words in (
        "in 47 of 100",
        "in 75 if they",
        "in 90 only from 0.67",
        "87 seeds",
        "25, 54 and 76 of 100, and take 118",
    ):
        assert words in said


@pytest.mark.slow
def test_what_is_called_detectable_is_found_in_90_of_100() -> None:
    for n in (10, 30):
        gain = detectable(n, math.sqrt(2), tests=1)
        assert abs(power(n, gain, 0.0) - 0.9) < 0.01
        assert abs(found(n, gain, 0.0) - 0.9) <= error(0.9) + 0.02


def test_a_difference_that_could_be_found_is_said_where_none_is() -> None:
    # Of ten differences with standard deviation 1, one test: (2.262 + 1.383) / √10.
    assert detectable(10, 1.0, tests=1) == pytest.approx((2.262157 + 1.383029) / math.sqrt(10), rel=1e-6)
    assert detectable(10, 2.0, tests=4) == pytest.approx(2 * (stats.t.ppf(1 - 0.00625, 9) + 1.383029) / math.sqrt(10))
    assert math.isnan(detectable(1, math.nan, tests=1))
    d = np.array([0.1, -0.1, 0.2, -0.2, 0.05, -0.05, 0.3, -0.3])
    made = [record("one", seed, 0.5) for seed in range(8)]
    result = analysed([*made, *(record("other", seed, 0.5 + x) for seed, x in enumerate(d))])
    row = result["pairs"][0]["rows"]["4"]
    assert row["detectable"] == pytest.approx(detectable(8, row["std"], tests=3))
    said = f"; with so many seeds a mean difference of {row['detectable']:.4f} is found in 90 of 100 comparisons."
    assert result["verdict"]["headline"].endswith(said)
