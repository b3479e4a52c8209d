"""The interval over seeds and test part: against formulas for one source, by simulation for two."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_up import analysed, record, report_of
from planted import REPEATS, coverage, sums_of

from minidl.comparison.both_sources import over_both, score_of_sums
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


def made(gain: float) -> str:
    """A report of eight seeds whose second is better by `gain` in each, and by much more or less by stretch."""
    rng, found = np.random.default_rng(0), []
    noise = rng.normal(0, 0.2, 16)
    for label, more in (("one", 0.0), ("other", gain)):
        for seed in range(8):
            run = record(label, seed, 0.5 + more * (1 + seed / 100))
            by_hour = 0.5 - more * (1 + seed / 100) - (noise - noise.mean()) * (label == "other")
            sums = np.stack([np.full(16, 10.0), np.zeros(16), np.full(16, 10.0), 10 * (by_hour + np.zeros(16))], 1)
            run["stretches"] = {k: {"r2": sums.tolist()} for k in ("4", "2", "1")}
            found.append(run)
    return report_of(analysed(found))


def test_the_report_says_both_intervals_and_what_holds_for_this_test_part_only() -> None:
    unsure, sure = made(0.03), made(0.4)
    only = "That other is better than one at 4, 2 and 1 hours is shown for this test part only: over seeds and"
    assert only in unsure
    assert only not in sure
    assert ", over seeds and test part -0." in unsure
    assert ", over seeds and test part +0." in sure


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "share", "phi"), [(6, 0.0, 0.0), (6, 0.5, 0.65), (10, 0.9, 0.65), (30, 0.9, 0.92)])
def test_it_covers_the_true_mean_as_often_as_it_says(seeds: int, share: float, phi: float) -> None:
    both, alone = coverage(seeds, share, phi)
    error = math.sqrt(0.95 * 0.05 / REPEATS)
    assert 0.95 - 3 * error - 0.03 * (phi > 0.9) < both < 0.95 + 4 * error
    assert alone < 0.9 if share > 0.5 else alone > 0.9
