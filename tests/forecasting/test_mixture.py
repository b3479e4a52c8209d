"""MixtureWeights of a mixture: least squares under their bounds, from the validation part alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import hourly_table, window_data, write_experiment

from minidl.comparison.leaks import check_no_leak
from minidl.data import LogScaler, SampleValidation, Splits, TailValidation
from minidl.experiment import load_experiment
from minidl.forecasting import Persistence, Rows, Seasonal, mixture
from minidl.forecasting.mixture import Member, Mixture, MixtureWeights, equal_weights, fitted_weights, simplex_weights

nnls = pytest.importorskip("scipy.optimize", reason="SciPy is the reference").nnls


def test_weights_are_those_of_nonnegative_least_squares() -> None:
    # A row of large numbers makes SciPy's weights, which are only bounded below, sum to 1.
    zeros = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        own = rng.standard_normal((60, 6)) * rng.uniform(0.2, 2, 6)
        errors = own + rng.standard_normal((60, 1))  # some of each error is common to all
        expected, _ = nnls(np.vstack([errors, np.full(6, 1e6)]), np.append(np.zeros(60), 1e6))
        found = simplex_weights(errors.T @ errors / 60)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert (found >= 0).all()
        assert found.sum() == pytest.approx(1)
        zeros.append(int((found == 0).sum()))
    assert min(zeros) == 0
    assert max(zeros) > 2


def test_two_independent_errors_are_weighed_by_the_inverse_of_their_variances() -> None:
    np.testing.assert_allclose(simplex_weights(np.diag([1.0, 4.0])), [0.8, 0.2], rtol=1e-6)


@pytest.mark.parametrize("n", [2, 5])
def test_members_with_the_same_forecasts_have_the_same_weight(n: int) -> None:
    np.testing.assert_allclose(simplex_weights(np.full((n, n), 2.5)), np.full(n, 1 / n), rtol=1e-6)
    np.testing.assert_allclose(simplex_weights(np.zeros((n, n))), np.full(n, 1 / n))


def test_a_member_that_is_worse_in_every_way_has_no_weight() -> None:
    errors = np.array([[1.0, -1.0, 2.0], [3.0, -3.0, 6.0]])
    np.testing.assert_allclose(simplex_weights(errors @ errors.T), [1, 0], atol=1e-12)


def two(splits: Splits) -> list[Member]:
    rows = Rows.of(splits.table, splits.values, splits.test.time_steps)
    return [Member(splits, Persistence(rows)), Member(splits, Seasonal(rows, 24))]


@pytest.fixture
def splits() -> Splits:
    return window_data(hourly_table(), validation=TailValidation(40)).load("float64")


def test_weights_by_lead_have_the_least_error_over_the_validation_windows(splits: Splits) -> None:
    members, table, T = two(splits), splits.table, 6
    weights = fitted_weights(members, 3)
    assert weights.said == "weights by lead from 32 windows of the validation part"
    starts = np.arange(140, 180 - T - 3 + 1)  # rows 140 to 179 validate; the last label is of row 179
    for j in range(3):
        one, other = (table.values[starts + T + back, 0] for back in (-1, j - 24))
        truth = table.values[starts + T + j, 0]
        tried = np.linspace(0, 1, 10001)
        errors = [np.mean((w * one + (1 - w) * other - truth) ** 2) for w in tried]
        assert weights.values[0, j] == pytest.approx(tried[int(np.argmin(errors))], abs=1e-4)
    np.testing.assert_allclose(weights.values.sum(axis=0), 1)


def test_members_of_one_kind_share_the_weight_of_their_mean(splits: Splits) -> None:
    first, second = two(splits)
    third = Member(splits, Seasonal(Rows.of(splits.table, splits.values, 6), 12))
    found = fitted_weights([first, second, third], 3, ["a", "b", "b"])
    mean = Member(splits, Mixture([second, third], MixtureWeights(np.full((2, 3), 0.5), "")))
    expected = fitted_weights([first, mean], 3).values
    np.testing.assert_allclose(found.values, [expected[0], expected[1] / 2, expected[1] / 2], rtol=1e-9)
    assert (expected > 0).all()


def test_a_mixture_is_made_in_the_targets_units_whatever_the_scales(splits: Splits) -> None:
    bent = window_data(hourly_table(), LogScaler(columns=["pm"]), validation=TailValidation(40)).load("float64")
    members = [two(splits)[0], two(bent)[1]]
    starts, table = np.array([180, 190]), splits.table
    values = Mixture(members, MixtureWeights(np.array([[0.25], [0.75]]), ""))(starts, 2)
    for i, start in enumerate(starts):
        for j in range(2):
            expected = 0.25 * table.values[start + 5, 0] + 0.75 * table.values[start + 6 + j - 24, 0]
            assert splits.scale.unscale(values[i, j], 0) == pytest.approx(expected, rel=1e-12)


def test_rows_of_the_test_part_do_not_change_the_weights(splits: Splits) -> None:
    before = fitted_weights(two(splits), 4).values
    values, table = splits.values.copy(), hourly_table().values.copy()
    values[180:] += 100.0
    table[180:] += 1e4
    other = replace(splits, values=values, table=replace(splits.table, values=table))
    np.testing.assert_array_equal(fitted_weights(two(other), 4).values, before)


@pytest.mark.parametrize(
    ("validation", "leads", "why"),
    [
        (None, 1, "there is no validation part to weigh by"),
        (SampleValidation(20), 1, "the validation windows are among those that are trained on"),
        (TailValidation(8), 3, "the validation part holds no window and 3 leads"),
    ],
)
def test_without_windows_that_no_training_saw_weights_are_equal(validation: Any, leads: int, why: str) -> None:
    splits = window_data(hourly_table(), validation=validation).load("float64", np.random.default_rng(0))
    weights = fitted_weights(two(splits), leads)
    assert weights.said == f"equal weights: {why}"
    np.testing.assert_array_equal(weights.to(5), np.full((2, 5), 0.5))


@pytest.mark.parametrize("order", [1, -1])
def test_one_member_that_was_trained_on_its_validation_windows_is_enough_for_equal_weights(order: int) -> None:
    kinds = [TailValidation(40), SampleValidation(20)][::order]
    each = [window_data(hourly_table(), validation=kind).load("float64", np.random.default_rng(0)) for kind in kinds]
    starts, why = mixture.weighing_starts(each, 1)
    assert (len(starts), why) == (0, "the validation windows are among those that are trained on")


def test_beyond_the_leads_the_weights_are_those_of_the_last() -> None:
    weights = MixtureWeights(np.array([[0.1, 0.2], [0.9, 0.8]]), "")
    np.testing.assert_array_equal(weights.to(4), [[0.1, 0.2, 0.2, 0.2], [0.9, 0.8, 0.8, 0.8]])
    np.testing.assert_array_equal(weights.to(1), [[0.1], [0.9]])


def test_a_lead_of_which_nothing_is_known_gives_equal_weights(splits: Splits) -> None:
    class Broken:
        def __call__(self, starts: Any, horizon: int) -> Any:
            return np.full((len(starts), horizon), np.inf)

    weights = fitted_weights([*two(splits), Member(splits, Broken())], 2)
    assert weights.said == "equal weights: of lead 1 there are no errors to weigh by"
    np.testing.assert_array_equal(weights.values, equal_weights(3, 2, "").values)


def test_a_planted_leak_of_the_weights_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = load_experiment(write_experiment(tmp_path))
    assert "ensemble weights" in check_no_leak(experiment, epochs=1).checked
    monkeypatch.setattr(mixture, "weighing_starts", lambda splits, leads: (splits[0].test.starts[:-leads], ""))
    with pytest.raises(AssertionError, match="the ensemble weights depend on the test part"):
        check_no_leak(experiment, epochs=1)
