"""Block and lead scores as the textbook and issue 2 define them, in plain loops over the test hours."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from plain_scores import Naive, naive_forecasts
from small import hourly_rows, window_data
from weighted import KEYS, TEST, T, Weighted, splits

from minidl import INFERENCE, ConfigError, DataError, Layer, NumericalError
from minidl.core.layer import Array
from minidl.data import Filling, Gaps, MinMaxScaler, Splits, StandardScaler, Table, TailValidation
from minidl.forecasting import (
    Forecaster,
    Persistence,
    Rows,
    assumptions,
    baselines,
    block_scores,
    lead_scores,
    model_forecaster,
    score,
    score_shifted,
)
from minidl.tasks import Forecast, Published


def assert_scores(actual: dict[str, float], expected: dict[str, float]) -> None:
    assert actual.keys() == KEYS
    for key, value in expected.items():
        assert actual[key] == pytest.approx(value, rel=1e-10), key


# 54 windows: 4 and 8 leave a remainder, 1 and 2 do not; 8 is longer than a window.
@pytest.mark.parametrize("horizon", [1, 2, 4, 8, 54])
@pytest.mark.parametrize("name", ["model", "persistence", "seasonal_24h"])
@pytest.mark.parametrize("target_index", [0, 1])
def test_block_scores_are_those_of_the_definition(name: str, horizon: int, target_index: int) -> None:
    if name == "seasonal_24h" and horizon > 24:
        horizon = 24
    parts = splits(target_index)
    forecasters = {"model": model_forecaster(parts, Weighted()), **baselines(parts)}
    naive = Naive(parts)
    assert_scores(block_scores(parts, forecasters[name], horizon), naive.block(horizon, naive_forecasts(naive)[name]))


# The blocks are those of the block score, also where the last one is not full: 54 windows have six of 8.
@pytest.mark.parametrize("horizon", [1, 2, 4, 7, 8])
@pytest.mark.parametrize("name", ["model", "persistence", "seasonal_24h"])
def test_the_score_of_a_shifted_plot_is_of_the_same_blocks_against_the_row_before(name: str, horizon: int) -> None:
    parts = splits()
    forecasters = {"model": model_forecaster(parts, Weighted()), **baselines(parts)}
    naive = Naive(parts)
    forecast = naive_forecasts(naive)[name]
    pairs = []
    for b in range(54 // horizon):
        first = naive.starts[b * horizon]
        pairs += [(value, first + j + T - 1) for j, value in enumerate(forecast(first, horizon))]
    assert_scores(score_shifted(parts, forecasters[name], horizon), naive.scores(pairs))


@pytest.mark.parametrize("horizon", [1, 3, 8])
@pytest.mark.parametrize("name", ["model", "persistence", "seasonal_24h"])
def test_lead_scores_are_over_all_origins_with_enough_following_hours(name: str, horizon: int) -> None:
    parts = splits()
    forecasters = {"model": model_forecaster(parts, Weighted()), **baselines(parts)}
    naive = Naive(parts)
    actual = lead_scores(parts, forecasters[name], horizon)
    expected = naive.lead(horizon, naive_forecasts(naive)[name])
    assert list(actual) == [str(j + 1) for j in range(horizon)]
    for lead, scores in expected.items():
        assert_scores(actual[lead], scores)


def test_the_linear_baseline_learns_from_the_training_windows_only() -> None:
    parts = splits(validation=TailValidation(40))
    naive = Naive(parts)
    rows = naive.scaled[: 240 - TEST - 40]  # neither validation nor test rows
    A = np.array([np.r_[np.ravel(rows[s : s + T]), 1.0] for s in range(len(rows) - T)])
    y = np.array([rows[s + T][0] for s in range(len(rows) - T)])
    below = math.sqrt(1e-3) * np.eye(3 * T, 3 * T + 1)
    w = np.linalg.lstsq(np.vstack([A, below]), np.r_[y, np.zeros(3 * T)], rcond=None)[0]

    def forecast(start: int, k: int) -> list[float]:
        return naive.recursive(start, k, lambda window: float(np.ravel(window) @ w[:-1] + w[-1]))

    linear = baselines(parts)["linear"]
    actual, expected = block_scores(parts, linear, 4), naive.block(4, forecast)
    for key in KEYS:
        assert actual[key] == pytest.approx(expected[key], rel=1e-7), key  # two ways to solve one system


class Truth:
    """What really comes, `late` hours late."""

    def __init__(self, parts: Splits, late: int = 0) -> None:
        self.values, self.late = parts.values[:, parts.table.target_index], late

    def __call__(self, starts: Array, horizon: int) -> Array:
        rows = starts[:, None] + T + np.arange(horizon) - self.late
        return self.values[np.minimum(rows, len(self.values) - 1)]


def test_the_truth_scores_perfectly_and_an_hour_late_it_does_not() -> None:
    parts = splits()
    perfect = {"loss": 0.0, "r2": 1.0, "mae": 0.0, "rmse": 0.0}
    truth: Forecaster = Truth(parts)
    assert block_scores(parts, truth, 4) == perfect
    assert lead_scores(parts, truth, 4) == dict.fromkeys("1234", perfect)
    for late in (1, -1):
        scores = [block_scores(parts, Truth(parts, late), 4), *lead_scores(parts, Truth(parts, late), 4).values()]
        for found in scores:
            assert found["r2"] < 0.98
            assert found["mae"] > 3  # µg/m³


@dataclass(eq=False)
class NextOfLine(Layer):
    """The next value of a straight line: 2 x_T - x_{T-1}, of the first feature."""

    def forward(self, x: Array, ctx: Any = INFERENCE) -> tuple[Array, Any]:
        return 2 * x[:, -1, :1] - x[:, -2, :1], None

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        raise AssertionError("scores need no gradients")


def test_a_model_that_knows_the_rule_is_perfect_at_every_lead() -> None:
    rows = hourly_rows()
    rows[:, 0] = 3 * np.arange(len(rows)) + 7
    parts = window_data(Table(rows, None, ("pm", "temp", "wind"), 0)).load("float64")
    model, now = model_forecaster(parts, NextOfLine()), Persistence(Rows(parts.values, T, 0))
    for lead, found in lead_scores(parts, model, 8).items():
        assert found["rmse"] < 1e-10
        assert lead_scores(parts, now, 8)[lead]["mae"] == pytest.approx(3.0 * int(lead))


def test_scores_in_units_do_not_depend_on_the_scaling() -> None:
    by_range, by_deviation = (splits(scaler=scaler) for scaler in (MinMaxScaler(), StandardScaler()))
    for name in ("persistence", "seasonal_24h"):
        one, two = (block_scores(parts, baselines(parts)[name], 4) for parts in (by_range, by_deviation))
        assert one["mae"] == pytest.approx(two["mae"], rel=1e-12)
        assert one["r2"] == pytest.approx(two["r2"], rel=1e-12)
        assert one["loss"] != pytest.approx(two["loss"], rel=0.1)


def test_evaluate_has_every_score_of_the_model_and_of_three_baselines() -> None:
    parts = splits()
    scores = Forecast(horizons=[4, 1]).evaluate(parts, Weighted())
    about = {"parameters", "units", "future_covariates", "assumptions", "left_out"}
    assert scores.keys() == {"block", "lead", "baselines"} | about
    assert scores["assumptions"] == ["other columns keep their last values, as in predict"]
    assert (scores["parameters"], scores["units"]) == (0, "µg/m³")
    assert list(scores["baselines"]) == ["persistence", "seasonal_24h", "linear"]
    for part in (scores, *scores["baselines"].values()):
        assert list(part["block"]) == ["4", "1"]
        assert list(part["lead"]) == ["1", "2", "3", "4"]
        assert all(score.keys() == KEYS for kind in ("block", "lead") for score in part[kind].values())
    assert scores["block"]["4"] == block_scores(parts, model_forecaster(parts, Weighted(), "hold_last"), 4)


def test_what_scores_assume_is_said_with_gaps_and_scaling() -> None:
    rows = hourly_rows()
    where = np.zeros(rows.shape, bool)
    where[10, 0] = where[200:203, 0] = where[190, 1] = True  # one before the test part
    table = Table(rows, None, ("pm", "temp", "wind"), 0, gaps=Gaps(where))
    parts = window_data(table, MinMaxScaler(fit_on="all")).load("float64")
    assert assumptions(parts, "actual", 8) == [
        "later values of other columns are taken as known; predict, which cannot know them, keeps the last",
        "4 gaps in the test part were filled by the last known value; 3 of them would be truth and are not scored",
        "the scaling was fitted on all rows, the test part included",
    ]
    ahead = replace(table, gaps=Gaps(where, Filling(test_lines=True, labels=True)))
    assert assumptions(window_data(ahead).load(), "actual", 4)[1].endswith("; 3 of them are scored as truth")
    assert (
        "filled by straight lines to the next known value, which look ahead"
        in assumptions(window_data(ahead).load("float64"), "hold_last", 8)[1]
    )
    alone = Table(rows[:, :1], None, ("pm",), 0)
    assert assumptions(window_data(alone).load("float64"), "actual", 8) == [
        "the target is the only column, so that nothing of the future is assumed"
    ]


def test_a_test_part_that_never_changes_has_no_r2() -> None:
    rows = hourly_rows()
    rows[-TEST:, 0] = 50.0
    parts = window_data(Table(rows, None, ("pm", "temp", "wind"), 0)).load("float64")
    score = block_scores(parts, baselines(parts)["persistence"], 4)
    assert math.isnan(score["r2"])
    assert score["rmse"] == pytest.approx(0.0, abs=1e-12)


def test_undefined_is_not_broken_and_infinite_is() -> None:
    parts = splits()
    whole = score(parts, model_forecaster(parts, Weighted()), [4, 1])
    assert Forecast().broken_score(whole) is None
    whole["block"]["1"]["r2"] = math.nan
    assert Forecast().broken_score(whole) is None
    for kind, key, name, value in (("lead", "3", "mae", math.nan), ("block", "1", "r2", -math.inf)):
        whole[kind][key][name] = value
        assert Forecast().broken_score(whole) == f"{name} of {kind} {key} is {value}"
    with pytest.raises(
        NumericalError, match=r"^here: the training was finite, but the scores are not \(r2 of block 1 is"
    ):
        Forecast().check_finite(whole, "here")


@dataclass(eq=False)
class Growing(Layer):
    """A million times the last value: fed back, beyond all numbers after 52 hours."""

    def forward(self, x: Array, ctx: Any = INFERENCE) -> tuple[Array, Any]:
        return 1e6 * x[:, -1, :1] + 1, None

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        raise AssertionError("scores need no gradients")


def test_forecasts_that_grow_beyond_all_numbers_are_scored_without_a_warning() -> None:
    parts = splits()
    scores = Forecast(horizons=[54]).evaluate(parts, Growing())
    assert scores["block"]["54"]["loss"] == math.inf
    assert Forecast().broken_score(scores) == "loss of block 54 is inf"


def test_a_horizon_beyond_the_test_part_is_refused_with_both_numbers() -> None:
    parts = splits()
    assert Forecast(horizons=[54]).evaluate(parts, Weighted())["lead"].keys() == {str(j) for j in range(1, 55)}
    message = r"^evaluation\.horizons: 55 rows ahead need at least 55 test windows; data\.test_size gives 54\.$"
    with pytest.raises(DataError, match=message):
        Forecast(horizons=[1, 55]).evaluate(parts, Weighted())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"horizons": []}, "Forecast: horizons: expected `array` of length >= 1"),
        ({"horizons": [0]}, "Forecast: horizons: expected `int` >= 1"),
        ({"horizons": [2, 2]}, r"Forecast: horizons: expected different numbers, got \[2, 2\]\."),
        ({"checkpoint": "init"}, "Forecast: checkpoint: unknown value 'init'; known: best, last"),
        (
            {"published": Published("p", [0.5], [0.1, 0.1, 0.1, 0.1])},
            r"Forecast: published\.r2: expected one value for each of the 4 horizons, got 1; or set published",
        ),
    ],
)
def test_evaluation_settings_that_cannot_be_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        Forecast(**arguments)
