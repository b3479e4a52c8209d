"""Statistics against loops, textbook formulas and another library."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from minidl.comparison.statistics import compare_pairs, fewest_pairs, holm, spread
from minidl.core.errors import ConfigError
from minidl.forecasting.diebold_mariano import diebold_mariano
from minidl.forecasting.rounding import ROUNDING, is_above, rounding_of


def test_spread_is_median_mean_deviation_and_range() -> None:
    found = spread([1.0, 2.0, 4.0, 9.0])
    assert (found.n, found.median, found.mean, found.minimum, found.maximum) == (4, 3.0, 4.0, 1.0, 9.0)
    assert found.std == pytest.approx(math.sqrt((9 + 4 + 0 + 25) / 3))
    assert math.isnan(spread([2.0]).std)
    assert spread([]).n == 0


def test_broken_runs_are_the_worst_for_the_median_and_left_out_of_the_mean() -> None:
    # By hand: of -Inf, 1, 2, 4, 9 the median is 2; of Inf, 1, 2, 4, 9, where less is better, it is 4.
    values = [1.0, 2.0, 4.0, 9.0]
    found = spread(values, broken=1)
    assert (found.n, found.broken, found.median, found.mean, found.minimum) == (4, 1, 2.0, 4.0, 1.0)
    assert spread(values, broken=1, larger_is_better=False).median == 4.0
    assert spread(values, broken=3).median == 1.0
    assert math.isnan(spread(values, broken=4).median)  # half of all broke: between 1 and -Inf
    assert spread(values, broken=4).mean == 4.0
    assert (spread([], broken=2).n, spread([], broken=2).broken) == (0, 2)


def test_p_of_few_pairs_counts_all_signs() -> None:
    a, b = np.zeros(8), np.array([0.3, 0.1, -0.2, 0.5, 0.4, 0.25, -0.05, 0.6])
    observed = abs(b.mean())
    signs = list(itertools.product([1, -1], repeat=8))
    extreme = sum(abs((b * np.array(s)).mean()) >= observed - 1e-12 for s in signs)
    found = compare_pairs(a, b)
    assert found.p == pytest.approx(extreme / len(signs))
    assert (found.n, found.survivors, found.first_better, found.second_better) == (8, 8, 2, 6)
    assert found.differences == pytest.approx(b.tolist())
    assert (found.mean, found.median, found.std) == pytest.approx((b.mean(), np.median(b), b.std(ddof=1)))


def test_the_interval_is_in_the_direction_of_the_differences() -> None:
    b = [0.3, 0.1, 0.2, 0.5, 0.4, 0.25]
    found = compare_pairs([0.0] * 6, b)
    assert (found.mean, found.low, found.high) == (pytest.approx(np.mean(b)), 0.1, 0.5)
    lower = compare_pairs([0.0] * 6, b, larger_is_better=False)
    assert (lower.mean, lower.low, lower.high, lower.p) == (found.mean, found.low, found.high, found.p)


def test_what_is_better_depends_on_the_metric_and_not_on_the_order() -> None:
    one, other = [0.1] * 7, [0.4, 0.3, 0.5, 0.2, 0.6, 0.7, 0.05]
    for larger, better, worse in ((True, other, one), (False, one, other)):
        found = compare_pairs(worse, better, larger_is_better=larger)
        assert (found.favours, found.second_better, found.first_better) == ("second", 6, 1)
        turned = compare_pairs(better, worse, larger_is_better=larger)
        assert (turned.favours, turned.second_better, turned.first_better) == ("first", 1, 6)
        assert turned.p == found.p
        assert turned.mean == -found.mean


def test_equal_scores_are_not_told_apart() -> None:
    found = compare_pairs([0.5, 0.6, 0.7, 0.5, 0.6, 0.7], [0.5, 0.6, 0.7, 0.5, 0.6, 0.7])
    assert (found.p, found.low, found.high, found.favours) == (1.0, 0.0, 0.0, None)
    assert (found.first_better, found.second_better) == (0, 0)


@pytest.mark.parametrize("n", range(6))
def test_very_few_pairs_are_never_told_apart_and_get_no_interval(n: int) -> None:
    found = compare_pairs(np.zeros(n), np.ones(n) + np.arange(n))
    assert found.p > 0.05
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert compare_pairs(np.zeros(6), np.ones(6) + np.arange(6)).p == 2 / 64


@pytest.mark.parametrize("larger", [True, False])
def test_a_broken_run_loses_to_one_that_gave_a_score(larger: bool) -> None:
    better = [0.3, 0.1, 0.2, 0.5, 0.4, math.nan, math.nan, 0.25, 0.35, 0.15]
    found = compare_pairs(better, np.zeros(10), larger_is_better=larger)
    wins = (8, 2) if larger else (0, 10)
    assert (found.n, found.survivors, found.first_better, found.second_better) == (10, 8, *wins)
    # As if each loss were as large as the largest difference, which is 0.5; the interval has no such invention.
    loss = 0.5 if larger else -0.5
    d = [-0.3, -0.1, -0.2, -0.5, -0.4, loss, loss, -0.25, -0.35, -0.15]
    assert found.p == compare_pairs(np.zeros(10), d).p
    assert math.isnan(found.low)
    assert found.mean == pytest.approx(-2.25 / 8)  # of the survivors
    assert found.differences[5] is found.differences[6] is None


def test_runs_that_break_can_decide() -> None:
    whole, broken = [0.5, 0.6, 0.7, 0.5, 0.6, 0.7, 0.4], [math.nan] * 7
    assert compare_pairs(whole, broken).p == compare_pairs(broken, whole).p == 2 / 2**7
    assert compare_pairs(whole, broken).favours == "first"
    assert compare_pairs(broken, whole).favours == "second"
    assert math.isnan(compare_pairs(broken, whole).mean)
    both = compare_pairs(broken, [-math.inf] * 7)
    assert (both.p, both.favours, both.first_better, both.second_better) == (1.0, None, 0, 0)


def test_a_model_that_breaks_is_not_the_better_one_for_its_other_runs() -> None:
    # 0.01 better in six seeds, broken in four: the six alone would have p = 0.031.
    one = [0.71, 0.72, 0.73, 0.74, 0.75, 0.76, math.nan, math.nan, math.nan, math.nan]
    other = [0.7, 0.71, 0.72, 0.73, 0.74, 0.75, 0.7, 0.71, 0.72, 0.73]
    assert compare_pairs(one[:6], other[:6]).p == pytest.approx(2 / 64)
    assert compare_pairs(one, other).p > 0.5


@pytest.mark.parametrize("size", [1.0, 1e-6, 1e6, -1e3])
def test_differences_of_rounding_size_are_none(size: float) -> None:
    # In this sum of 0.1's order alone, p was 2/2^8 = 0.008.
    one = size * np.array([0.7, 0.71, 0.72, 0.73, 0.7, 0.71, 0.72, 0.73])
    other = one * (1 - 3e-16)
    assert not np.array_equal(one, other)
    for noise in (other, one + 1e-13 * size, one + 1e-10 * size):
        found = compare_pairs(one, noise)
        assert (found.p, found.mean, found.low, found.high, found.favours) == (1.0, 0.0, 0.0, 0.0, None)
        assert (found.first_better, found.second_better) == (0, 0)
    assert compare_pairs(one, one + 1e-7 * abs(size)).p == 2 / 2**8
    assert compare_pairs(one, one + 1e-7 * abs(size), rounding=ROUNDING["float32"]).p == 1.0


def test_rounding_is_that_of_the_scores_and_not_of_one_among_them() -> None:
    one = np.array([0.7, 0.71, 0.72, 0.73, 0.7, 0.71, 0.72, -1e15])
    assert compare_pairs(one, one + np.array([0.01] * 7 + [0.0])).second_better == 7
    near_zero = np.array([0.7, 0.71, 0.72, 0.73, 0.7, 0.71, 0.72, 1e-17])
    assert compare_pairs(near_zero, near_zero + 1e-16).second_better == 0


def test_the_rule_for_rounding_is_one_for_single_numbers_too() -> None:
    assert is_above(0.5, 0.4, 1e-9)
    assert not is_above(0.4, 0.5, 1e-9)
    assert not is_above(0.5, 0.5 - 1e-12, 1e-9)
    assert not is_above(-0.5 + 1e-12, -0.5, 1e-9)
    assert is_above(1e-20, 0.0, 1e-9)
    assert is_above(math.inf, 1.0, 1e-9)
    assert not is_above(math.inf, math.inf, 1e-9)
    assert rounding_of(["float64", "float32"]) == ROUNDING["float32"] > rounding_of(["float64"])


def test_differences_that_cancel_have_no_mean_and_favour_neither() -> None:
    first = [10 / 60, 24 / 60, 24 / 60, 18 / 60, 17 / 60, 15 / 60]
    second = [11 / 60, 25 / 60, 21 / 60, 20 / 60, 15 / 60, 16 / 60]
    assert np.mean(np.subtract(second, first)) != 0  # by rounding; in sixtieths the sum is 0
    found = compare_pairs(first, second)
    assert (found.mean, found.favours, found.p) == (0.0, None, 1.0)


def test_false_alarms_among_four_horizons_stay_below_the_level() -> None:
    # 120 comparisons of one config with itself under other seeds: at 5 %, 6 are expected, 13 have probability 0.005.
    rng = np.random.default_rng(8)
    alarms = 0
    for _ in range(120):
        p = [compare_pairs(np.zeros(9), rng.normal(size=9)).p for _ in range(4)]
        alarms += min(holm(p)) < 0.05
    assert alarms <= 12


def test_holm_is_the_example_by_hand() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04: times 4, 3, 2, 1 gives 0.02, 0.03, 0.06, 0.04; then each at least its forerunner.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_fewest_pairs_are_those_that_can_reach_the_level() -> None:
    assert (fewest_pairs(1), fewest_pairs(4)) == (6, 8)


def errors() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1997)
    x = rng.normal(size=61)
    e1 = np.round(x[1:] + 0.6 * x[:-1], 3)
    return e1, np.round(0.8 * e1 + 0.5 * rng.normal(size=60), 3)


@pytest.mark.parametrize(
    ("lead", "statistic", "p"),
    # statsmodels 0.14: OLS of d on 1, HAC with a uniform kernel and lead - 1 lags; t times the HLN factor.
    [
        (1, 1.7310019215688857, 0.0886784312214721),
        (2, 1.9356539591667306, 0.05770657484863286),
        (4, 1.7759324261216232, 0.08090080812165301),
        (8, 1.3450059613940075, 0.18377077421005003),
    ],
)
def test_diebold_mariano_equals_statsmodels_with_the_correction(lead: int, statistic: float, p: float) -> None:
    # Caught here: 2 forgotten before the sum, a lag too many, the normal in place of Student's t, no correction.
    found = diebold_mariano(*errors(), lead=lead)
    assert found.statistic == pytest.approx(statistic, rel=1e-10)
    assert found.p == pytest.approx(p, rel=1e-9)
    assert found.lags == lead - 1


def test_diebold_mariano_changes_sign_with_the_order() -> None:
    e1, e2 = errors()
    assert diebold_mariano(e1, e2, lead=2).statistic == -diebold_mariano(e2, e1, lead=2).statistic


def test_diebold_mariano_falls_back_where_the_variance_is_not_positive() -> None:
    e1 = np.array([2.0, 0.0] * 10) + np.arange(20) * 0.01  # autocovariance of lag 1 is nearly -γ_0
    found = diebold_mariano(e1, np.zeros(20), lead=2)
    alone = diebold_mariano(e1, np.zeros(20), lead=1)
    assert (found.lags, found.statistic, found.p) == (0, alone.statistic, alone.p)  # γ_0 alone, and its correction
    assert math.isfinite(found.statistic)


def test_diebold_mariano_of_equal_errors_finds_nothing() -> None:
    e1, _ = errors()
    assert diebold_mariano(e1, -e1).p == 1.0


def test_diebold_mariano_takes_differences_of_rounding_size_for_none() -> None:
    e1, _ = errors()
    for other in (e1 * (1 + 1e-15), e1 + 1e-14, -e1 * (1 - 3e-16)):
        found = diebold_mariano(e1, other)
        assert (found.statistic, found.p, found.mean) == (0.0, 1.0, 0.0)
    assert diebold_mariano(e1, e1 * (1 + 1e-6)).p < 1
    assert diebold_mariano(e1, e1 * (1 + 1e-7), rounding=ROUNDING["float32"]).p == 1.0


def test_diebold_mariano_of_a_constant_difference_is_sure() -> None:
    e1, e2 = np.full(20, 3.0), np.full(20, 0.1 + 0.2)
    first_worse, second_worse = diebold_mariano(e1, e2), diebold_mariano(e2, e1)
    assert (first_worse.statistic, first_worse.p) == (math.inf, 0.0)
    assert (second_worse.statistic, second_worse.p) == (-math.inf, 0.0)
    assert first_worse.mean == pytest.approx(9 - 0.09)


def test_diebold_mariano_refuses_series_that_do_not_fit() -> None:
    with pytest.raises(ConfigError, match=r"two series of one length, got shapes \(3,\) and \(4,\)"):
        diebold_mariano(np.zeros(3), np.zeros(4))
    with pytest.raises(ConfigError, match="lead 8 needs more than 8 forecasts, got 5"):
        diebold_mariano(np.zeros(5), np.zeros(5), lead=8)
