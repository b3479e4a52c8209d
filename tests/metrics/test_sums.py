"""Scores of sums over stretches against those of all values at once."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.metrics import by_stretch, mae, mean_of_sums, r2, r2_columns, r2_of_sums, rmse, root_of_sums


@pytest.mark.parametrize("units", [1, 5, 16, 17, 100])
def test_stretches_are_in_order_and_of_one_length_but_for_one_unit(units: int) -> None:
    ones, values = np.ones(units), np.arange(units) ** 2
    found = by_stretch(ones, values)
    assert len(found) == min(units, 16)
    first = 0
    for n, total in found:
        assert units // len(found) <= n <= units // len(found) + 1
        assert total == sum(k**2 for k in range(first, first + int(n)))
        first += int(n)
    assert first == units


def test_scores_of_all_stretches_are_those_of_all_values() -> None:
    rng = np.random.default_rng(0)
    y, target = rng.normal(1e6, 1, (50, 3, 2)), rng.normal(1e6, 1, (50, 3, 2))  # far from 0: squares must not cancel
    sums = np.array(by_stretch(*r2_columns(y, target))).sum(axis=0)
    assert r2_of_sums(sums) == pytest.approx(np.mean([r2(y[..., k], target[..., k]) for k in range(2)]), rel=1e-9)
    n, e = np.full(50, 6), y - target
    assert root_of_sums(np.array(by_stretch(n, (e**2).sum((1, 2)))).sum(0)) == pytest.approx(rmse(y, target))
    assert mean_of_sums(np.array(by_stretch(n, abs(e).sum((1, 2)))).sum(0)) == pytest.approx(mae(y, target))


def test_a_score_of_some_stretches_is_that_of_their_values_alone() -> None:
    rng = np.random.default_rng(1)
    y, target = rng.normal(size=(32, 1, 1)), rng.normal(size=(32, 1, 1))
    sums = np.array(by_stretch(*r2_columns(y, target)))
    drawn = np.array([3, 3, 0, 15])
    units = np.concatenate([[2 * k, 2 * k + 1] for k in drawn])
    assert r2_of_sums(sums[drawn].sum(axis=0)) == pytest.approx(r2(y[units], target[units]))
    both = np.stack([sums.sum(0), sums[drawn].sum(0)])
    assert r2_of_sums(both) == pytest.approx([r2(y, target), r2(y[units], target[units])])


def test_r2_of_a_target_that_is_constant_is_undefined() -> None:
    sums = np.array(by_stretch(*r2_columns(np.arange(6.0).reshape(6, 1, 1), np.full((6, 1, 1), 7.0)))).sum(0)
    assert np.isnan(r2_of_sums(sums))
