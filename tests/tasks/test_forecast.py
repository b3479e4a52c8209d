"""The task of a forecast and its terms: what is refused, what is drawn and scored beside, and the words."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small import hourly_table, window_data

from minidl import ConfigError, DataError, Dense, HalfMSE, LastStep, Quantile, RecurrentLayer, Sequential, ShapeError
from minidl.data import MinMaxScaler, Table
from minidl.forecasting import assumptions, model_forecaster, score, score_shifted
from minidl.tasks import Forecast, Intervals, forecast_terms
from minidl.tasks.forecast import forecast_task
from minidl.tasks.forecast_terms import ForecastTerms
from minidl.tasks.published import Published
from minidl.tasks.series_data import MAX_HORIZON, check_step

HOURS = {"step": "h", "units": "µg/m³"}


def terms(*horizons: int, covariates: Any = "hold_last") -> ForecastTerms:
    return ForecastTerms(Forecast(horizons=list(horizons), future_covariates=covariates))


def model() -> Sequential:
    net = Sequential([RecurrentLayer(3), LastStep(), Dense(1)])
    net.build((6, 3), 4, np.float64)
    return net


# --- the task


def test_published_numbers_are_one_for_each_horizon() -> None:
    numbers = {"source": "me", "r2": [0.1, 0.2], "loss": [0.3, 0.4]}
    task = Forecast(horizons=[2, 1], published=Published(**numbers))
    assert [task.beside(name) for name in ("r2", "loss")] == [("me", [0.1, 0.2]), ("me", [0.3, 0.4])]
    assert [task.beside(name) for name in ("rmse", "nothing")] == [None, None]
    assert Forecast().beside("r2") is None
    for name in ("r2", "loss"):
        message = f"Forecast: published.{name}: expected one value for each of the 2 horizons, got 1;"
        with pytest.raises(ConfigError, match=re.escape(message)):
            Forecast(horizons=[2, 1], published=Published(**{**numbers, name: [0.1]}))


def test_horizons_are_different_numbers() -> None:
    with pytest.raises(ConfigError, match=re.escape("horizons: expected different numbers, got [2, 1, 2].")):
        Forecast(horizons=[2, 1, 2])


@pytest.mark.parametrize("output", [(1,), (6, 1), (2,), (8,), (6, 8)])
def test_a_forecast_is_one_number_or_one_for_each_lead_at_the_last_step_or_at_each(output: tuple[int, ...]) -> None:
    experiment: Any = SimpleNamespace(model=Dense(1))
    Forecast(horizons=[2, 8, 1]).check_output(output, experiment)


@pytest.mark.parametrize("output", [(9,), (0,), (6, 9), (2, 6, 1), (2, 6, 8)])
def test_what_is_no_forecast_is_refused_with_both_possibilities(output: tuple[int, ...]) -> None:
    experiment: Any = SimpleNamespace(model=Dense(1))
    message = (
        f"the model's output has shape {output}; a forecast is one number, which is fed back, so (1,) or (time, 1), "
        "or one for each lead, of which evaluation.horizons scores 8: (8,) or (time, 8)."
    )
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        Forecast(horizons=[2, 8, 1]).check_output(output, experiment)


@pytest.mark.parametrize(("furthest", "fits"), [(54, True), (55, False)])
def test_the_largest_horizon_is_at_most_the_number_of_test_windows(furthest: int, fits: bool) -> None:
    parts = window_data(hourly_table()).load("float64")  # 60 test rows, windows of 6
    task = Forecast(horizons=[1, furthest])
    if fits:
        assert list(task.evaluate(parts, model())["block"]) == ["1", "54"]
    else:
        with pytest.raises(DataError, match=r"55 rows ahead need at least 55 test windows; data\.test_size gives 54"):
            task.evaluate(parts, model())


def test_what_is_evaluated_has_everything_by_its_name() -> None:
    parts = window_data(hourly_table()).load("float64")
    found = Forecast(horizons=[3, 1]).evaluate(parts, model())
    expected = score(parts, model_forecaster(parts, model(), "hold_last"), [3, 1])
    assert {name: found[name] for name in ("block", "lead")} == expected
    assert list(found["baselines"]) == ["persistence", "seasonal_24h", "linear"]
    # 3 · 3 + 3 · 3 + 3, and 3 + 1
    assert (found["parameters"], found["units"], found["future_covariates"]) == (25, "µg/m³", "hold_last")
    assert (found["assumptions"], found["left_out"]) == (assumptions(parts, "hold_last", 3), {})


def predict(table: Table, step: str | None, horizon: int | None, task: Forecast | None = None) -> Any:
    """From windows of 6 rows of a table."""
    data = window_data(table)
    experiment: Any = SimpleNamespace(data=data, model=model(), loss=HalfMSE(), dtype="float64")
    task = task or Forecast(horizons=[2, 4, 1])
    return task.predict(experiment, MinMaxScaler().fit(table.values), step, None, horizon)


def test_a_prediction_goes_to_the_largest_horizon_unless_one_is_named() -> None:
    table = hourly_table()
    assert len(predict(table, "h", None).values) == 4
    assert len(predict(table, None, 1).values) == 1
    assert len(predict(table, "h", 7).values) == 7
    assert MAX_HORIZON == 10_000


@pytest.mark.parametrize("horizon", [0, -1, 10_001])
def test_a_horizon_that_nobody_can_mean_is_refused(horizon: int) -> None:
    message = f"--horizon: expected a number of rows from 1 to 10,000, got {horizon}."
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        predict(hourly_table(), "h", horizon)


def every(minutes: int) -> Table:
    table = hourly_table()
    assert table.times is not None
    times = table.times[0] + np.arange(len(table)) * np.timedelta64(60 * minutes, "s")
    return Table(table.values, times, table.feature_names, 0)


@pytest.mark.parametrize(
    ("table", "trained", "problem"),
    [
        (every(30), "h", "its rows are 30 min apart, those that the run was trained on were 1 h apart"),
        (every(60), "30 min", "its rows are 1 h apart, those that the run was trained on were 30 min apart"),
        (every(60), "step", "its rows are 1 h apart, those that the run was trained on had none"),
        (
            Table(hourly_table().values, None, ("pm", "temp", "wind"), 0),
            "h",
            "its rows have no even step, those that the run was trained on were 1 h apart",
        ),
    ],
)
def test_rows_of_another_step_are_refused(table: Table, trained: str, problem: str) -> None:
    message = f"the run's series: {problem}; a forecast needs the same step."
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        check_step(table, trained, "the run's series")
    check_step(table, table.step_name(), "")
    check_step(table, None, "")


def test_only_a_forecast_is_one() -> None:
    task = Forecast()
    assert forecast_task(task) is task
    with pytest.raises(ConfigError, match=r"^evaluation: expected Forecast, got SimpleNamespace\."):
        forecast_task(SimpleNamespace())  # type: ignore[arg-type]


# --- its terms


def test_rows_and_leads_are_named_by_the_step() -> None:
    of = terms(4, 2)
    assert list(of.rows_of("block")) == ["4", "2"]
    assert list(of.rows_of("lead")) == ["1", "2", "3", "4"]
    assert (of.row_short("4", HOURS), of.row_title("4", HOURS)) == ("4 h", "blocks of 4 h")
    assert (of.rows_title(HOURS), of.scored_on(HOURS)) == ("blocks of k hours", "hours")
    assert of.where(["4", "2"], HOURS) == " at 4 and 2 hours"
    assert of.where(["1"], HOURS) == " at 1 hour"
    assert of.everywhere() == " at every horizon"
    assert of.table_words("block", HOURS) == "By block, all statistics of R²:"
    assert of.table_words("lead", HOURS) == "By lead: the error at exactly so many hours ahead."
    assert (of.baseline_short("persistence"), of.baseline_words("persistence")) == (
        "same as now",
        "persistence (same as now)",
    )


@pytest.mark.parametrize(
    ("mine", "other", "skill"), [(1.0, 2.0, 0.75), (2.0, 1.0, -3.0), (0.0, 2.0, 1.0), (2.0, None, None)]
)
def test_skill_is_one_minus_the_ratio_of_squared_errors(mine: float, other: float | None, skill: float | None) -> None:
    assert terms(1).skill({"rmse": mine}, {"rmse": other}) == skill


@pytest.mark.parametrize(("step", "right"), [("h", True), ("30 min", True), ("h; rm", False), ("", False)])
def test_a_step_is_one_that_a_table_may_give(step: str, right: bool) -> None:
    if right:
        terms(1).check_facts({"step": step})
    else:
        with pytest.raises(ValueError, match="its step is none"):
            terms(1).check_facts({"step": step})


@pytest.mark.parametrize("asked", ["actual", "hold_last", "same_hour_yesterday"])
def test_a_run_is_scored_by_every_other_way_to_know_the_future_and_by_a_shifted_plot(asked: Any) -> None:
    parts, net = window_data(hourly_table()).load("float64"), model()
    of = terms(2, 1, covariates=asked)
    found = of.more_scores(parts, net)
    others = {"actual", "hold_last", "same_hour_yesterday"} - {asked}
    assert found["covariates"].keys() == others
    for way in others:
        assert found["covariates"][way] == score(parts, model_forecaster(parts, net, way), [2, 1])["block"]
    own = model_forecaster(parts, net, asked)
    assert found["shifted"] == {str(k): score_shifted(parts, own, k) for k in (2, 1)}
    of.check_more_scores(found)


def test_without_a_day_yesterday_is_no_way_to_know_the_future() -> None:
    table = hourly_table()
    parts = window_data(Table(table.values, None, table.feature_names, 0)).load("float64")
    assert terms(1, covariates="actual").more_scores(parts, model())["covariates"].keys() == {"hold_last"}


ONE = {"r2": 0.5, "rmse": 1.0, "mae": 1.0, "loss": 0.1}


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"covariates": {}, "shifted": {"2": ONE, "1": ONE}, "x": 1}, "something else"),
        ({"covariates": {"x": {"2": ONE, "1": ONE}}, "shifted": {"2": ONE, "1": ONE}}, "something else"),
        ({"covariates": {}, "shifted": {"2": ONE}}, "other horizons"),
        ({"covariates": {}, "shifted": {"2": ONE, "1": {"r2": 0.5}}}, "other horizons"),
        ({"covariates": {"actual": {"2": ONE}}, "shifted": {"2": ONE, "1": ONE}}, "other horizons"),
    ],
)
def test_scores_that_a_run_does_not_give_are_refused(more: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        terms(2, 1).check_more_scores(more)


def test_all_ways_to_know_the_future_may_be_there() -> None:
    block = {"2": ONE, "1": ONE}
    ways = dict.fromkeys(("actual", "hold_last", "same_hour_yesterday"), block)
    terms(2, 1).check_more_scores({"covariates": ways, "shifted": block})


def test_facts_have_the_step_beside_the_units() -> None:
    found = terms(1).describe(window_data(hourly_table()).load("float64"), model())
    assert found["facts"] == {"units": "µg/m³", "step": "h"}
    assert list(found["baselines"]) == ["persistence", "seasonal_24h", "linear"]
    assert list(found["baselines"]["linear"]) == ["block", "lead"]


def test_the_truth_is_that_of_the_test_part_and_its_times() -> None:
    def truth(table: Table) -> str:
        return terms(1).truth(window_data(table).load("float64"))

    table = hourly_table()
    assert table.times is not None
    other = table.values.copy()
    other[-1, 0] += 1  # a row of the test part
    same = table.values.copy()
    same[0, 0], same[-1, 1] = same[0, 0] + 1, 0.0  # a row before it, and another column
    known = truth(table)
    assert truth(Table(same, table.times, table.feature_names, 0)) == known
    assert truth(Table(other, table.times, table.feature_names, 0)) != known
    assert truth(Table(table.values, table.times + np.timedelta64(1, "h"), table.feature_names, 0)) != known
    assert truth(Table(table.values, None, table.feature_names, 0)) != known


def test_runs_over_time_go_to_the_largest_horizon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast_terms, "over_time", lambda *asked: list(asked))
    result, open_run = {"a": 1}, object()
    found = terms(2, 4, 1).more_from_runs(result, open_run)  # type: ignore[arg-type]
    assert found == {"over_time": [result, open_run, 4, "hold_last"]}


def test_ends_without_a_calibration_are_those_that_the_model_says() -> None:
    levels, x = [0.1, 0.5, 0.9], np.random.default_rng(0).normal(size=(1, 6, 3))
    model = Sequential([LastStep(), Dense(4 * 3)])
    model.build((6, 3), 1, "float64")
    setting: Any = SimpleNamespace(loss=Quantile(levels), model=model)
    told = np.sort(model(x).reshape(4, 3), axis=1)
    (ends,) = Intervals(0.8).ahead(setting, None, 2)
    _, (lower, upper) = ends(x)
    assert (lower.tolist(), upper.tolist()) == (told[:2, 0].tolist(), told[:2, 2].tolist())
    (ends,) = Intervals(0.8).ahead(setting, [np.array([0.5, 0.25, 9.0, 9.0])], 2)
    _, (lower, upper) = ends(x)
    assert lower == pytest.approx(told[:2, 0] - [0.5, 0.25])
    assert upper == pytest.approx(told[:2, 2] + [0.5, 0.25])
