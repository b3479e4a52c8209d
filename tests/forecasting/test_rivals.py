"""Rivals: their numbers against plain loops, what they know of later rows, and when they are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small import hourly_rows, hourly_table, window_data

from minidl.core.errors import ConfigError, DataError, MissingPackageError
from minidl.data import Calendar, Change, SampleValidation, Splits, Table, TailValidation
from minidl.forecasting import DirectRidge, Drift, LightGBM, Rival, Rows, SameSeason, rival_forecaster, score
from minidl.forecasting.rivals.drift import DriftForecaster
from minidl.forecasting.rivals.rival import direct_inputs
from minidl.tasks import Forecast
from minidl.training.selection import joined

T, HORIZON = 6, 4
SMALL = LightGBM(trees=20, leaves=4, patience=3)


def loaded(*features: Any, **more: Any) -> Splits:
    return window_data(hourly_table(), derived=[*features], **more).load("float64", np.random.default_rng(0))


def forecasts(splits: Splits, rival: Rival, covariates: Any = "hold_last", horizon: int = HORIZON) -> Any:
    return rival_forecaster(splits, rival, covariates, horizon)(splits.test.starts[:-HORIZON], horizon)


def test_drift_goes_on_with_the_mean_slope_since_the_series_began() -> None:
    splits = loaded()
    y = splits.values[:, 0]
    for start, row in zip(splits.test.starts, forecasts(splits, Drift()), strict=False):
        last = start + T - 1
        np.testing.assert_allclose(row, [y[last] + k * (y[last] - y[0]) / last for k in range(1, HORIZON + 1)])


@pytest.mark.parametrize(("season", "rows"), [("day", 24), ("week", 168), (5, 5)])
def test_the_same_season_is_so_many_rows_ago(season: Any, rows: int) -> None:
    splits = loaded()
    found = forecasts(splits, SameSeason(season), horizon=7)
    for start, row in zip(splits.test.starts, found, strict=False):
        origin = start + T
        expected = [splits.values[origin + k - rows * (k // rows + 1), 0] for k in range(7)]
        np.testing.assert_array_equal(row, expected)


def plain_inputs(splits: Splits, start: int, lead: int, later: list[int]) -> list[float]:
    row = [value for t in range(T) for value in splits.values[start + t]]
    return row + [splits.values[start + T + j, k] for j in range(lead - 1) for k in later]


@pytest.mark.parametrize(
    ("covariates", "later"),
    [("hold_last", [3, 4]), ("same_hour_yesterday", [3, 4]), ("actual", [1, 2, 3, 4])],
)
def test_rivals_know_of_later_rows_what_a_recursive_model_is_given(covariates: Any, later: list[int]) -> None:
    splits = loaded(Calendar(["day"]), Change("pm"))
    rows = Rows.of(splits.table, splits.values, T)
    for lead in (1, 2, 4):
        found = direct_inputs(rows, splits.test.starts[:3], lead, covariates)
        expected = [plain_inputs(splits, start, lead, later) for start in splits.test.starts[:3]]
        np.testing.assert_array_equal(found, expected)


def test_the_direct_ridge_is_least_squares_for_each_lead() -> None:
    splits = loaded(Calendar(["day"]))
    found = forecasts(splits, DirectRidge(ridge=1e-9))
    y, train = splits.values[:, 0], [int(start) for start in splits.train.starts if start + T + HORIZON - 1 < 180]
    for lead in range(1, HORIZON + 1):
        x = np.array([[1.0, *plain_inputs(splits, start, lead, [3, 4])] for start in train])
        weights, *_ = np.linalg.lstsq(x, [y[start + T + lead - 1] for start in train], rcond=None)
        test = np.array([[1.0, *plain_inputs(splits, start, lead, [3, 4])] for start in splits.test.starts[:-HORIZON]])
        np.testing.assert_allclose(found[:, lead - 1], test @ weights, atol=1e-5)


def test_a_strong_ridge_forecasts_the_mean() -> None:
    splits = loaded()
    y = splits.values[:, 0]
    mean = [np.mean([y[s + T + k] for s in splits.train.starts if s + T + HORIZON - 1 < 180]) for k in range(HORIZON)]
    np.testing.assert_allclose(forecasts(splits, DirectRidge(ridge=1e9))[0], mean, rtol=1e-4)


@pytest.mark.parametrize("rival", [DirectRidge(), SMALL, Drift(), SameSeason("day")], ids=lambda rival: rival.name)
def test_nothing_that_a_rival_says_depends_on_rows_after_its_origin(rival: Rival) -> None:
    _needs(rival)
    data = window_data(hourly_table(), derived=[Calendar(["day"])], validation=TailValidation(40))
    splits = data.load("float64")
    cut = 215
    values = hourly_rows()
    values[cut:] = 1e4 * np.random.default_rng(1).standard_normal((len(values) - cut, 3))
    other = window_data(
        replace(hourly_table(), values=values), derived=[Calendar(["day"])], validation=TailValidation(40)
    )
    starts = splits.test.starts[splits.test.origin_rows <= cut]
    one, two = (rival_forecaster(each, rival, "hold_last", 3)(starts, 3) for each in (splits, other.load("float64")))
    np.testing.assert_array_equal(one, two)


def _needs(rival: Rival) -> None:
    if rival is SMALL:
        pytest.importorskip("lightgbm", reason="needs lightgbm: pip install lightgbm")


def test_boosted_trees_stop_where_the_validation_part_says_and_use_all_where_there_is_none() -> None:
    _needs(SMALL)
    counts = {}
    for name, validation in {
        "none": None,
        "seen": SampleValidation(30),
        "unseen": TailValidation(40),
    }.items():
        splits = loaded(validation=validation)
        found: Any = rival_forecaster(
            splits, LightGBM(trees=60, leaves=4, least=5, patience=3, learning_rate=0.5), "hold_last", 2
        )
        counts[name] = [len(model.trees.dump_model()["tree_info"]) for model in found.models]
        assert found(splits.test.starts[:5], 1).shape == (5, 1)
    assert counts["none"] == counts["seen"] == [60, 60]
    assert max(counts["unseen"]) < 60


def _shares(share: float) -> dict[str, Any]:
    return {"feature_fraction": share, "bagging_fraction": share, "bagging_freq": 1}


@pytest.mark.parametrize(
    ("rival", "trees", "settings", "patience"),
    [
        (LightGBM(), 1000, {"learning_rate": 0.03, "num_leaves": 31, "min_data_in_leaf": 20, **_shares(0.5)}, 30),
        (
            LightGBM(trees=9, learning_rate=0.3, leaves=3, least=7, share=0.8, patience=2),
            9,
            {"learning_rate": 0.3, "num_leaves": 3, "min_data_in_leaf": 7, **_shares(0.8)},
            2,
        ),
    ],
    ids=["as they are", "as said"],
)
@pytest.mark.parametrize("again", [False, True], ids=["", "refit"])
def test_boosted_trees_are_those_that_lightgbm_makes_of_the_windows(
    rival: LightGBM, trees: int, settings: dict[str, Any], patience: int, again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lightgbm = pytest.importorskip("lightgbm", reason="needs lightgbm: pip install lightgbm")
    monkeypatch.setattr("minidl.forecasting.rivals.light_gbm.CHUNK", 7)
    splits = loaded(Calendar(["day"]), validation=TailValidation(40))
    y, of_train, starts = splits.values[:, 0], splits.train.starts, splits.test.starts[:20]
    assert splits.validation is not None
    both = joined(splits.train, splits.validation)
    asked = replace(splits, refit=both) if again else splits
    found = rival_forecaster(asked, rival, "hold_last", 3)(starts, 3)
    always = {"objective": "regression", "verbosity": -1, "num_threads": 1, "deterministic": True}
    for lead in (1, 2, 3):

        def line(of: Any, lead: int = lead) -> Any:
            of = of[of + lead - 1 <= of.max()]
            return np.polyfit(y[of + T - 1], y[of + T + lead - 1], 1)

        def examples(of: Any, through: Any, reference: Any = None, lead: int = lead) -> Any:
            last = int(of.max()) + T  # of the part, which the label of no example lies beyond
            of = [int(start) for start in of if start + T + lead - 1 <= last]
            x = np.array([plain_inputs(splits, start, lead, [3, 4]) for start in of])
            label = [y[start + T + lead - 1] - np.polyval(through, y[start + T - 1]) for start in of]
            return lightgbm.Dataset(x, label, reference=reference)

        through = line(of_train)
        train = examples(of_train, through)
        stop = lightgbm.early_stopping(patience, verbose=False)
        checked = examples(splits.validation.starts, through, train)
        model = lightgbm.train(
            {**always, **settings, "force_row_wise": True}, train, trees, valid_sets=[checked], callbacks=[stop]
        )
        if again:
            through = line(both.starts)
            known = examples(both.starts, through)
            model = lightgbm.train({**always, **settings, "force_row_wise": True}, known, model.best_iteration)
        x = np.array([plain_inputs(splits, start, lead, [3, 4]) for start in starts])
        expected = np.polyval(through, y[starts + T - 1]) + model.predict(x)
        np.testing.assert_allclose(found[:, lead - 1], expected, rtol=1e-6)


def test_forecasts_do_not_depend_on_how_many_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    splits = loaded(Calendar(["day"]))
    whole = forecasts(splits, DirectRidge())
    monkeypatch.setattr("minidl.forecasting.rivals.direct_ridge.CHUNK", 7)
    np.testing.assert_allclose(forecasts(splits, DirectRidge()), whole, rtol=1e-9)
    few = rival_forecaster(splits, DirectRidge(), "hold_last", HORIZON)(splits.test.starts[:3], 2)
    np.testing.assert_allclose(few, whole[:3, :2], rtol=1e-9)


def test_the_penalty_is_of_the_weights_alone_and_as_large_as_it_says() -> None:
    splits = loaded()
    y, train = splits.values[:, 0], [int(start) for start in splits.train.starts]
    x = np.array([[1.0, *plain_inputs(splits, start, 1, [])] for start in train])
    for given, ridge in ((DirectRidge(), 1e-3), (DirectRidge(ridge=2.0), 2.0)):
        # As more rows: √λ for each weight, whose label is 0.
        more = np.sqrt(ridge) * np.eye(x.shape[1])[1:]
        labels = np.r_[[y[start + T] for start in train], np.zeros(len(more))]
        weights, *_ = np.linalg.lstsq(np.concatenate([x, more]), labels, rcond=None)
        found = rival_forecaster(splits, given, "hold_last", 1)(splits.test.starts, 1)
        test = np.array([[1.0, *plain_inputs(splits, start, 1, [])] for start in splits.test.starts])
        np.testing.assert_allclose(found[:, 0], test @ weights, rtol=1e-8)


def test_drift_of_one_row_is_none() -> None:
    values = np.array([[3.0], [5.0], [9.0]])
    rows = Rows.of(Table(values, None, ("y",), 0), values, 1)
    found = DriftForecaster(rows)(np.array([0, 1, 2]), 2)
    np.testing.assert_array_equal(found, [[3, 3], [7, 9], [12, 15]])


def test_boosted_trees_learn_what_no_line_can() -> None:
    _needs(SMALL)
    rng = np.random.default_rng(2)
    z = rng.choice([-1.0, 1.0], (600, 2))
    y = np.r_[0, z[:-1, 0] * z[:-1, 1]]  # the product of the row before
    parts = window_data(Table(np.stack([y, *z.T], axis=1), None, ("y", "a", "b"), 0), test_size=200).load("float64")
    trees, line = (
        score(parts, rival_forecaster(parts, one, "hold_last", 1), [1])
        for one in (LightGBM(share=1.0, learning_rate=0.1), DirectRidge())
    )
    assert trees["block"]["1"]["r2"] > 0.95
    assert line["block"]["1"]["r2"] < 0.2


def test_without_lightgbm_its_rival_is_refused_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidl.forecasting.rivals.light_gbm.find_spec", lambda name: None)
    with pytest.raises(
        MissingPackageError, match=r"evaluation\.rivals: LightGBM needs lightgbm: pip install lightgbm$"
    ):
        LightGBM().check(loaded())


@pytest.mark.parametrize(
    ("season", "message"),
    [
        ("year", r"SameSeason\('year'\): a year is 8760 rows; the table has 186 before the first forecast\."),
        (500, r"SameSeason\(500\): a season is to be 500 rows; the table has 186 before the first forecast\."),
    ],
)
def test_a_season_that_the_table_does_not_have_is_refused(season: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        SameSeason(season).check(loaded())


def test_rivals_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="Forecast: rivals: expected different ones, got LightGBM, drift, LightGBM"):
        Forecast(rivals=[LightGBM(), Drift(), LightGBM(trees=3)])
    assert [rival.name for rival in (SameSeason("week"), SameSeason(12))] == ["seasonal_7d", "seasonal_12_rows"]
