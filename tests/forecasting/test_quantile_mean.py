"""Distributions made one by the mean of their quantiles, against plain numbers."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from minidl.core.errors import ConfigError
from minidl.data import MinMaxScaler, ScaleFit
from minidl.forecasting.distributions import in_units, on_scale
from minidl.forecasting.quantile_mean import quantile_mean
from minidl.losses.distributions import Gaussian, Quantiles

RNG = np.random.default_rng(2)
WEIGHTS = np.array([[0.25, 0.5, 1.0], [0.75, 0.5, 0.0]])  # of two members, by lead


def gaussian() -> Gaussian:
    return Gaussian(RNG.normal(size=(4, 3)), 0.5 + RNG.random((4, 3)))


def quantiles(levels: list[float]) -> Quantiles:
    return Quantiles(levels, RNG.normal(size=(4, 3, len(levels))))  # they cross, and are sorted


def test_of_gaussians_it_is_a_gaussian() -> None:
    one, two = gaussian(), gaussian()
    made = quantile_mean([one, two], WEIGHTS)
    assert isinstance(made, Gaussian)
    for level in (0.02, 0.5, 0.9):
        z = NormalDist().inv_cdf(level)
        for i in range(4):
            for j in range(3):
                expected = sum(
                    WEIGHTS[m, j] * (of.mean[i, j] + z * of.deviation[i, j]) for m, of in enumerate((one, two))
                )
                assert made.at([level])[i, j, 0] == pytest.approx(expected, rel=1e-12)


def test_levels_are_those_that_all_know() -> None:
    one, two, three = quantiles([0.1, 0.3, 0.5, 0.9]), quantiles([0.1, 0.5, 0.7, 0.9]), gaussian()
    weights = np.array([[0.2] * 3, [0.3] * 3, [0.5] * 3])
    made = quantile_mean([one, two, three], weights)
    assert isinstance(made, Quantiles)
    assert list(made.levels) == [0.1, 0.5, 0.9]
    a, b = np.sort(one.values, axis=-1)[..., [0, 2, 3]], np.sort(two.values, axis=-1)[..., [0, 1, 3]]
    c = np.stack([three.mean + NormalDist().inv_cdf(level) * three.deviation for level in (0.1, 0.5, 0.9)], axis=-1)
    np.testing.assert_allclose(made.values, 0.2 * a + 0.3 * b + 0.5 * c, rtol=1e-12)
    with pytest.raises(ConfigError, match="know no level together"):
        quantile_mean([quantiles([0.1]), quantiles([0.2])], WEIGHTS)


def test_a_gaussian_on_a_bent_scale_has_the_quantiles_of_all_levels() -> None:
    scale = ScaleFit(np.array([1.0]), np.array([2.0]), ("log",))
    one, two = in_units(Gaussian(np.full((1, 3), 0.4), np.full((1, 3), 0.1)), scale, 0), quantiles([0.1, 0.5, 0.9])
    made: Any = quantile_mean([one, Quantiles(two.levels, two.values[:1])], WEIGHTS)
    # sign(x) log(1 + |x|) = 2 · (0.4 + 0.1 z) + 1; a level between two of a hundred is within 0.1 % of it
    expected = [np.expm1(2 * (0.4 + 0.1 * NormalDist().inv_cdf(level)) + 1) for level in (0.1, 0.5, 0.9)]
    np.testing.assert_allclose(made.values[0, 2], expected, rtol=1e-3)


def test_a_distribution_comes_back_from_its_scale() -> None:
    scale = MinMaxScaler().fit(np.array([[10.0], [50.0]]))
    for told in (gaussian(), quantiles([0.1, 0.9])):
        units = in_units(told, scale, 0)
        np.testing.assert_allclose(units.at([0.1, 0.9]), 10 + 40 * told.at([0.1, 0.9]), rtol=1e-12)
        np.testing.assert_allclose(on_scale(units, scale, 0).at([0.1]), told.at([0.1]), rtol=1e-12)


def test_levels_far_apart_are_not_joined_by_a_line() -> None:
    with pytest.raises(ConfigError, match=r"no level 0\.2; the loss has 0\.1, 0\.9"):
        quantiles([0.1, 0.9]).at([0.2])
    assert not quantiles([0.1, 0.9]).knows(0.95)
    close = Quantiles([0.1, 0.11], np.array([[[2.0, 4.0]]]))
    assert close.at([0.1025])[0, 0, 0] == pytest.approx(2.5)
