"""The interval over seeds and test part: against formulas for one source, by simulation for two."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np
import pytest
from made_up import analysed, record, report_of
from planted import REPEATS, coverage, sums_of

from minidl.comparison.both_sources import over_both, score_of_sums
from minidl.comparison.sign_flips import SEED
from minidl.metrics import Metric, mean_of_sums, r2_of_sums

stats = pytest.importorskip("scipy.stats")


def test_without_a_difference_between_stretches_it_is_students_interval_over_seeds() -> None:
    d = np.array([0.3, 0.1, 0.2, 0.5, 0.4, 0.25, 0.0])
    zero = np.zeros((7, 16))
    found = over_both(sums_of(zero), sums_of(zero + d[:, None]), mean_of_sums)
    assert found is not None
    half = stats.t.ppf(0.975, 6) * d.std(ddof=1) / math.sqrt(7)
    assert (found.high + found.low) / 2 == pytest.approx(d.mean())
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.03)  # of 2,000 draws
    assert (found.from_seeds, found.from_test) == (pytest.approx(d.std(ddof=1) / math.sqrt(7)), pytest.approx(0))


def test_without_a_difference_between_seeds_it_is_students_interval_over_stretches() -> None:
    d = np.linspace(-1, 2, 16) ** 2
    zero = np.zeros((6, 16))
    found = over_both(sums_of(zero), sums_of(zero + d), mean_of_sums)
    assert found is not None
    half = stats.t.ppf(0.975, 15) * d.std(ddof=1) / 4
    assert (found.high + found.low) / 2 == pytest.approx(d.mean())
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.03)
    assert (found.from_seeds, found.stretches) == (pytest.approx(0), 16)


def test_it_is_in_the_direction_of_second_minus_first_and_the_same_each_time() -> None:
    rng = np.random.default_rng(0)
    one, other = sums_of(rng.normal(0, 1, (6, 16))), sums_of(rng.normal(3, 1, (6, 16)))
    found, turned = over_both(one, other, mean_of_sums), over_both(other, one, mean_of_sums)
    assert found is not None
    assert turned is not None
    assert found.low > 0
    assert (turned.low, turned.high) == (-found.high, -found.low)
    assert over_both(one, other, mean_of_sums) == found


@pytest.mark.parametrize("shape", [(5, 16), (6, 5)])
def test_fewer_than_six_seeds_or_stretches_give_none(shape: tuple[int, int]) -> None:
    one, other = sums_of(np.zeros(shape)), sums_of(np.arange(float(np.prod(shape))).reshape(shape))
    assert over_both(one, other, mean_of_sums) is None


def test_what_is_undefined_in_some_draws_gives_no_ends_and_no_warning() -> None:
    sums = np.zeros((6, 16, 4))
    sums[:, :, 0], sums[:, 0, 1], sums[:, 0, 2], sums[:, :, 3] = 4, 1, 1, 1  # the target changes in one stretch only
    found = over_both(sums, 2 * sums, r2_of_sums)
    assert found is not None
    assert math.isnan(found.low)


@pytest.mark.parametrize("sums", [[], [[1.0]], [[1.0, 2.0], [1.0]], [[1.0, math.inf]], [[1.0, 1.0]] * 17])
def test_what_is_no_sums_of_a_metric_is_refused(sums: list[list[float]]) -> None:
    with pytest.raises((ValueError, LookupError)):
        score_of_sums(Metric("a", "a", True, of_sums=mean_of_sums), sums)
    with pytest.raises(ValueError, match="no sums"):
        score_of_sums(Metric("a", "a", True), [[1.0, 1.0]])


def runs(gain: float, spread: float = 0.2) -> list[dict[str, Any]]:
    """Eight seeds whose second is better by `gain` in each, and by much more or less by stretch."""
    rng, found = np.random.default_rng(0), []
    noise = rng.normal(0, spread, 16)
    for label, more in (("one", 0.0), ("other", gain)):
        for seed in range(8):
            run = record(label, seed, 0.5 + more * (1 + seed / 100))
            by_hour = 0.5 - more * (1 + seed / 100) - (noise - noise.mean()) * (label == "other")
            sums = np.stack([np.full(16, 10.0), np.zeros(16), np.full(16, 10.0), 10 * (by_hour + np.zeros(16))], 1)
            run["stretches"] = {k: {"r2": sums.tolist()} for k in ("4", "2", "1")}
            found.append(run)
    return found


def made(gain: float) -> str:
    return report_of(analysed(runs(gain)))


def test_scores_that_are_equal_on_this_test_part_are_not_so_on_every_one() -> None:
    """Caught here: an interval of 0 over both sources, and configs that were called equal, as their totals are."""
    result = analysed(runs(0.0), smallest=0.05)
    row = result["pairs"][0]["rows"]["4"]
    assert (row["p"], row["low"], row["high"], row["outcome"]) == (1, 0, 0, "no evidence")
    assert row["both"]["low"] < -0.05 < 0.05 < row["both"]["high"]
    same = analysed(runs(0.0, spread=1e-13), smallest=0.05)["pairs"][0]["rows"]["4"]
    assert (same["both"]["low"], same["both"]["high"], same["outcome"]) == (0, 0, "equal")


def test_the_report_says_both_intervals_and_what_holds_for_this_test_part_only() -> None:
    unsure, sure = made(0.03), made(0.4)
    only = "That other is better than one at 4, 2 and 1 hours is shown for this test part only: over seeds and"
    assert only in unsure
    assert only not in sure
    assert "is shown for this test part only" not in made(-0.4)  # the first is better, for other test parts, too
    assert "That one is better than other at 4, 2 and 1 hours is shown for this test part only" in made(-0.03)
    assert ", over seeds and test part -0." in unsure
    assert ", over seeds and test part +0." in sure


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "share", "phi"), [(6, 0.0, 0.0), (6, 0.5, 0.65), (10, 0.9, 0.65), (30, 0.9, 0.92)])
def test_it_covers_the_true_mean_as_often_as_it_says(seeds: int, share: float, phi: float) -> None:
    both, alone = coverage(seeds, share, phi)
    error = math.sqrt(0.95 * 0.05 / REPEATS)
    assert 0.95 - 3 * error - 0.03 * (phi > 0.9) < both < 0.95 + 4 * error
    assert alone < 0.9 if share > 0.5 else alone > 0.9


def by_loops(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float, float]:
    """The formulas of `over_both` for means, written out; draws of stretches and of seeds come from one generator."""
    n, stretches = first.shape[:2]

    def scores(sums: np.ndarray, counts: list[float]) -> list[float]:
        return [
            sum(c * one[1] for c, one in zip(counts, row, strict=True))
            / sum(c * one[0] for c, one in zip(counts, row, strict=True))
            for row in sums
        ]

    def differences(counts: list[float]) -> list[float]:
        return [b - a for a, b in zip(scores(first, counts), scores(second, counts), strict=True)]

    rng = np.random.default_rng(SEED)
    of_stretches = rng.multinomial(stretches, [1 / stretches] * stretches, 2000).tolist()
    of_seeds = rng.multinomial(n, [1 / n] * n, 2000).tolist()
    d = differences([1.0] * stretches)
    drawn = [differences(counts) for counts in of_stretches]
    v_seeds = statistics.variance(d) / n
    v_test = statistics.pvariance([sum(one) / n for one in drawn]) * stretches / (stretches - 1)
    both = [
        sum(s * x for s, x in zip(shares, one, strict=True)) / n for shares, one in zip(of_seeds, drawn, strict=True)
    ]
    v = statistics.pvariance(both) + v_seeds / n + v_test / stretches
    freedom = (v_seeds + v_test) ** 2 / (v_seeds**2 / (n - 1) + v_test**2 / (stretches - 1))
    mean, half = sum(d) / n, stats.t.ppf(0.975, freedom) * math.sqrt(v)
    return mean - half, mean + half, math.sqrt(v_seeds), math.sqrt(v_test)


def test_it_is_what_plain_loops_make_of_the_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    one, other = sums_of(rng.normal(0, 1, (7, 9))), sums_of(rng.normal(0.3, 1, (7, 9)) + rng.normal(0, 1, 9))
    one[:, 4, :] *= 3  # a stretch that counts three times
    other[:, 4, :] *= 3
    found = over_both(one, other, mean_of_sums)
    assert found is not None
    assert (found.low, found.high, found.from_seeds, found.from_test) == pytest.approx(by_loops(one, other), rel=1e-9)
    assert found.stretches == 9
    # Other draws, in many small parts, differ by chance only.
    monkeypatch.setattr("minidl.comparison.both_sources._CHUNK", 1000)
    parts = over_both(one, other, mean_of_sums)
    assert parts is not None
    assert parts != found
    assert (parts.low, parts.high) == pytest.approx((found.low, found.high), abs=0.04 * (found.high - found.low))
    assert parts.from_test == pytest.approx(found.from_test, rel=0.06)


def test_differences_of_rounding_size_give_an_interval_of_0() -> None:
    sums = sums_of(np.random.default_rng(0).normal(0, 1, (6, 6)))
    found = over_both(sums, sums + 1e-15, mean_of_sums, none=True)
    assert found is not None
    assert (found.low, found.high, found.from_seeds, found.from_test, found.stretches) == (0, 0, 0, 0, 6)
    same = over_both(sums, sums, mean_of_sums)
    assert same == found


def test_a_score_of_sums_is_that_of_all_stretches_together() -> None:
    mean = Metric("a", "a", True, of_sums=mean_of_sums)
    assert score_of_sums(mean, [[1.0, 2.0]]) == 2
    assert score_of_sums(mean, [[1.0, 2.0], [3.0, 4.0]]) == 1.5
    assert score_of_sums(mean, [[1.0, 1.0]] * 16) == 1
    assert math.isnan(score_of_sums(mean, [[0.0, 0.0]]))
