"""Statistics against loops, textbook formulas and another library."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from minidl.comparison.diebold_mariano import diebold_mariano
from minidl.comparison.statistics import compare_pairs, fewest_pairs, holm, spread
from minidl.errors import ConfigError


def test_spread_is_median_mean_deviation_and_range() -> None:
    found = spread([1.0, 2.0, 4.0, 9.0])
    assert (found.n, found.median, found.mean, found.minimum, found.maximum) == (4, 3.0, 4.0, 1.0, 9.0)
    assert found.std == pytest.approx(math.sqrt((9 + 4 + 0 + 25) / 3))
    assert math.isnan(spread([2.0]).std)
    assert spread([]).n == 0


def test_p_of_few_pairs_counts_all_signs() -> None:
    a, b = np.zeros(8), np.array([0.3, 0.1, -0.2, 0.5, 0.4, 0.25, -0.05, 0.6])
    observed = abs(b.mean())
    signs = list(itertools.product([1, -1], repeat=8))
    extreme = sum(abs((b * np.array(s)).mean()) >= observed - 1e-12 for s in signs)
    assert compare_pairs(a, b).p == pytest.approx(extreme / len(signs))


def test_the_interval_is_near_that_of_student_for_normal_differences() -> None:
    d = np.random.default_rng(3).normal(0.2, 1.0, 200)
    found = compare_pairs(np.zeros(200), d)
    half = 1.972 * d.std(ddof=1) / math.sqrt(200)  # t, 199 degrees of freedom
    assert found.low == pytest.approx(d.mean() - half, abs=0.03)
    assert found.high == pytest.approx(d.mean() + half, abs=0.03)


def test_equal_scores_are_not_told_apart() -> None:
    found = compare_pairs([0.5, 0.6, 0.7], [0.5, 0.6, 0.7])
    assert (found.p, found.low, found.high, found.told_apart) == (1.0, 0.0, 0.0, False)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_very_few_pairs_never_tell_apart(n: int) -> None:
    assert not compare_pairs(np.zeros(n), np.ones(n) + np.arange(n)).told_apart


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
    assert found.lags == 0
    assert math.isfinite(found.statistic)


def test_diebold_mariano_of_equal_errors_finds_nothing() -> None:
    e1, _ = errors()
    assert diebold_mariano(e1, -e1).p == 1.0


def test_diebold_mariano_refuses_series_that_do_not_fit() -> None:
    with pytest.raises(ConfigError, match=r"two series of one length, got shapes \(3,\) and \(4,\)"):
        diebold_mariano(np.zeros(3), np.zeros(4))
    with pytest.raises(ConfigError, match="lead 8 needs more than 8 forecasts, got 5"):
        diebold_mariano(np.zeros(5), np.zeros(5), lead=8)
