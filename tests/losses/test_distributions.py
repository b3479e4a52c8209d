"""Distributions of outputs: their intervals and their CRPS, by its definition as an integral."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minidl import MAE, ConfigError, GaussianNLL, Quantile, SumOfLosses
from minidl.losses.distributions import Gaussian, Quantiles, pinball


def plain_crps(mean: float, deviation: float, truth: float) -> float:
    """∫ (F(x) - [truth <= x])² dx by the midpoint rule, with a step of 2/10,000 of the deviation."""
    step, total = deviation * 2e-3, 0.0
    low, high = min(truth, mean) - 9 * deviation, max(truth, mean) + 9 * deviation
    for i in range(math.ceil((high - low) / step)):
        x = low + (i + 0.5) * step
        below = 0.5 * (1 + math.erf((x - mean) / deviation / math.sqrt(2)))
        total += (below - (truth <= x)) ** 2 * step
    return total


@pytest.mark.parametrize(("mean", "deviation", "truth"), [(0.0, 1.0, 0.0), (2.0, 0.5, 3.1), (-1.0, 3.0, -9.0)])
def test_the_crps_of_a_gaussian_is_the_integral(mean: float, deviation: float, truth: float) -> None:
    found = Gaussian(np.array([[mean]]), np.array([[deviation]])).crps(np.array([[truth]]))
    np.testing.assert_allclose(found, [[plain_crps(mean, deviation, truth)]], rtol=2e-3)


def test_the_crps_of_many_quantiles_is_near_that_of_their_gaussian() -> None:
    # Of 100 levels; caught here: a mean that is not doubled, and e of the wrong sign.
    gaussian = Gaussian(np.array([[1.0, 4.0]]), np.array([[2.0, 0.5]]))
    truth = np.array([[2.5, 3.0]])
    levels = gaussian.moved(lambda x: x, None)
    assert isinstance(levels, Quantiles)
    np.testing.assert_allclose(levels.crps(truth), gaussian.crps(truth), rtol=0.01)


def test_the_crps_of_a_few_quantiles_is_twice_the_mean_pinball_loss() -> None:
    found = Quantiles([0.25, 0.75], np.array([[[1.0, 3.0]]])).crps(np.array([[4.0]]))
    assert found.item() == pytest.approx(2 * (0.25 * 3 + 0.75 * 1) / 2)
    assert pinball(np.array(3.0), np.array(1.0), 0.75) == pytest.approx(0.25 * 2)


def test_outputs_of_a_lead_stand_side_by_side_in_a_distribution() -> None:
    y = np.arange(12.0).reshape(2, 6)  # two windows, two leads, three levels
    found = Quantile([0.1, 0.5, 0.9]).distribution(y)
    np.testing.assert_array_equal(found.values[1], [[6, 7, 8], [9, 10, 11]])
    lower, upper = found.first(1).interval(0.8)
    np.testing.assert_array_equal([lower, upper], [[[0], [6]], [[2], [8]]])


def test_a_gaussian_has_the_mean_and_the_root_of_the_variance_of_the_loss() -> None:
    y = np.array([[1.0, math.log(4.0), 2.0, -99.0]])
    found = GaussianNLL(minimum_variance=1e-4).distribution(y)
    np.testing.assert_allclose(found.mean, [[1.0, 2.0]])
    np.testing.assert_allclose(found.deviation, [[math.sqrt(4 + 1e-4), 0.01]], rtol=1e-12)
    lower, upper = found.interval(0.9)
    np.testing.assert_allclose((upper - lower) / 2, 1.6448536269514722 * found.deviation)  # of normal tables
    moved = found.moved(lambda x: 10 * x + 5, 10.0)
    assert isinstance(moved, Gaussian)
    np.testing.assert_allclose([moved.mean, moved.deviation], [[[15.0, 25.0]], 10 * found.deviation])


def test_levels_that_cross_are_sorted_and_counted() -> None:
    found = Quantiles([0.1, 0.5, 0.9], np.array([[[3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [1.0, 1.0, 0.5], [0, 0, 0]]]))
    assert found.crossing() == 0.5
    lower, upper = found.interval(0.8)
    np.testing.assert_array_equal([lower, upper], [[[1, 1, 0.5, 0]], [[3, 3, 1, 0]]])
    assert Gaussian(np.zeros((1, 1)), np.ones((1, 1))).crossing() == 0


def test_an_interval_between_levels_that_there_are_not_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"an interval of 0\.5 lies between the levels 0\.25 and 0\.75; .* 0\.1, 0\.9"
    ):
        Quantile([0.1, 0.9]).distribution(np.zeros((1, 2))).interval(0.5)


def test_a_sum_of_losses_has_the_distribution_of_the_first() -> None:
    both = SumOfLosses([Quantile([0.5]), MAE()])
    np.testing.assert_array_equal(both.distribution(np.array([[1.0, 2.0]])).values, [[[1.0], [2.0]]])  # type: ignore
    assert SumOfLosses([MAE(), Quantile([0.5])]).distribution(np.zeros((1, 2))) is None
