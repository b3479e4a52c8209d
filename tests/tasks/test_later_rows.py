"""Rows after a window: what a model is given of them, by the role of their columns, wherever it is used."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import CONFIG, hourly_table, window_data, write_experiment

from minidl import (
    ConfigError,
    Dense,
    GRULayer,
    LastStep,
    Rollout,
    Sequential,
    StepsAhead,
)
from minidl.comparison.leaks import check_no_leak, find_leaks
from minidl.core.layer import Array
from minidl.data import Calendar, Change, TailValidation, WindowData
from minidl.data.later import Later
from minidl.experiment import load_experiment
from minidl.forecasting import assumptions, forecast_ahead, model_forecaster
from minidl.runs.run import Run

T, STEPS = 24, 4
ROLES: Any = [Calendar(["day"]), Change("pm", 2)]  # known ahead; made from the target
WAYS = ["hold_last", "same_hour_yesterday", "actual"]


def data() -> WindowData:
    return window_data(hourly_table(), time_steps=T, derived=ROLES, validation=TailValidation(60))


def parts_for(way: Any) -> Any:
    return data().load("float64", leads=STEPS, later_rows=STEPS - 1, covariates=way)


def rolled(parts: Any, later: bool = True) -> Rollout:
    features = parts.values.shape[1]
    layer = Sequential([GRULayer(4), LastStep(), Dense(1)])
    model = Rollout(layer, steps=STEPS, target=0, later=later)
    model.build((T + model.later_rows, features), 3, "float64")
    return model


def naive_rows(parts: Any, start: int, way: str) -> list[list[float]]:
    """The window, and the rows after it as a forecast knows them; the columns are named one by one."""
    names, values, end = parts.table.feature_names, parts.values, start + T
    rows = values[start:end].tolist()
    for lead in range(STEPS - 1):
        row = []
        for column, name in enumerate(names):
            held, came = values[end - 1, column], values[end + lead, column]
            yesterday = values[end + lead - 24, column]
            if name.startswith("time of day"):
                row.append(came)
            elif name == "pm":
                row.append(held)
            elif way == "same_hour_yesterday":
                row.append(yesterday)
            elif way == "actual" and name in ("temp", "wind"):
                row.append(came)
            else:
                row.append(held)
        rows.append(row)
    return rows


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("part", ["train", "validation"])
def test_windows_hold_what_is_known_of_the_rows_after_them(way: str, part: str) -> None:
    parts = parts_for(way)
    windows = getattr(parts, part)
    batch = windows.gather(np.array([3, 0, len(windows) - 1]))
    expected = [naive_rows(parts, int(start), way) for start in windows.starts[[3, 0, -1]]]
    assert batch.x.tolist() == expected
    filled = np.full((3, T + STEPS - 1, batch.x.shape[2]), np.nan)
    windows.gather(np.array([3, 0, len(windows) - 1]), x=filled)
    assert filled.tolist() == expected


@pytest.mark.parametrize("way", WAYS)
def test_scores_are_of_the_very_windows_that_training_sees(way: Any) -> None:
    parts = parts_for(way)
    model, starts = rolled(parts), parts.test.starts[[5, 0, 17]]
    expected = model(np.array([naive_rows(parts, int(start), way) for start in starts]))
    np.testing.assert_allclose(model_forecaster(parts, model, way)(starts, STEPS), expected, rtol=1e-12)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("horizon", [2, STEPS, 9])  # 9: beyond its leads, which are fed back
def test_forecasts_of_a_rollout_are_the_recursive_ones_of_its_layer(way: Any, horizon: int) -> None:
    parts, plain = parts_for(way), data().load("float64")
    model, starts = rolled(parts), parts.test.starts[:20]
    expected = model_forecaster(plain, model.layer, way)(starts, horizon)
    np.testing.assert_allclose(model_forecaster(parts, model, way)(starts, horizon), expected, rtol=1e-10)


def test_a_forecast_may_start_at_the_last_row() -> None:
    parts = parts_for("actual")
    model, last = rolled(parts), parts.test.starts[-1:]
    plain = model_forecaster(data().load("float64"), model.layer, "actual")(last, 1)
    np.testing.assert_allclose(model_forecaster(parts, model, "actual")(last, 1), plain, rtol=1e-10)


@pytest.mark.parametrize("way", ["hold_last", "same_hour_yesterday"])
@pytest.mark.parametrize("horizon", [2, STEPS, 9])
def test_a_prediction_is_the_forecast_that_is_scored_of_the_same_window(way: Any, horizon: int) -> None:
    # Caught here: a calendar that stands still, and the day before held where scores take yesterday's values.
    parts = parts_for(way)
    model, start = rolled(parts), parts.test.starts[20:21]
    scored = model_forecaster(parts, model, way)(start, horizon)[0]
    table, end = hourly_table(), int(start[0]) + T
    known = replace(table, values=table.values[:end], times=table.times[:end])  # type: ignore[index]
    more: Any = {"time_steps": T, "dtype": "float64", "derive": data().derive, "covariates": way}
    ahead = forecast_ahead(known, parts.scale, lambda x: model(x), horizon=horizon, later_rows=STEPS - 1, **more)
    np.testing.assert_allclose(ahead.values, parts.scale.unscale(scored, 0), rtol=1e-10)
    said = "take the latest known values of the same time of day" if way != "hold_last" else "keep their last values"
    assert ahead.assumption == f"other columns {said}; 2 columns known from the calendar"


def test_what_is_assumed_is_said_though_all_leads_are_forecast_at_once() -> None:
    words = assumptions(parts_for("hold_last"), "hold_last", STEPS)
    assert words == ["other columns keep their last values, as in predict", "2 columns known from the calendar"]


def test_baselines_do_not_see_later_rows() -> None:
    assert parts_for("actual").train.one_ahead().gather(slice(0, 2)).x.shape[1] == T


def test_windows_that_do_not_reach_back_to_yesterday_are_refused() -> None:
    short = window_data(hourly_table(), time_steps=6)
    with pytest.raises(Exception, match=r"a day has 24 rows, a window 6, .*; set data.time_steps to at least 24\."):
        short.load(leads=3, later_rows=2, covariates="same_hour_yesterday")


@pytest.mark.parametrize("way", WAYS)
def test_a_direct_forecast_reads_what_is_known_of_later_rows(way: Any) -> None:
    # Output j comes from the row before the one that it is of; caught here: one row off.
    parts = parts_for(way)
    stack = Sequential([GRULayer(4), Dense(1)])
    model = Sequential([*stack, StepsAhead(STEPS)])
    model.build((T + STEPS - 1, parts.values.shape[1]), 3, "float64")
    starts = parts.test.starts[[5, 0, 17]]
    every = Sequential([*stack])(np.array([naive_rows(parts, int(start), way) for start in starts]))
    expected = every[:, T - 1 :, 0]
    np.testing.assert_allclose(model_forecaster(parts, model, way)(starts, STEPS), expected, rtol=1e-12)


def test_beyond_its_leads_a_direct_forecast_holds_the_last_of_them() -> None:
    parts = window_data(hourly_table(), time_steps=T).load("float64", leads=STEPS, later_rows=STEPS - 1)
    model = Sequential([GRULayer(4), Dense(1), StepsAhead(STEPS)])
    model.build((T + STEPS - 1, 3), 3, "float64")
    start = int(parts.test.starts[7])
    rows = parts.values[start : start + T].tolist()
    made = model(np.array([rows + rows[-1:] * (STEPS - 1)]))[0].tolist()
    rows += [[y, *rows[-1][1:]] for y in made]
    made += model(np.array([rows[STEPS:] + rows[-1:] * (STEPS - 1)]))[0].tolist()
    forecast = model_forecaster(parts, model, "hold_last")(np.array([start]), 2 * STEPS)
    np.testing.assert_allclose(forecast[0], made, rtol=1e-10)


# --- from a config

ROLLED = CONFIG[: CONFIG.index("model:")] + (
    """\
model:
  type: Rollout
  steps: 4
  target: pm
  later: true
  layer:
    type: Sequential
    layers: [{type: RecurrentLayer, hidden_size: 3}, LastStep, {type: Dense, output_size: 1}]
"""
    + CONFIG[CONFIG.index("loss:") :]
)


def test_a_config_trains_scores_and_predicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = load_experiment(write_experiment(tmp_path, ROLLED), ["evaluation.future_covariates=actual"])
    assert (experiment.output_shape(), experiment.input_shape[0]) == ((4,), 6 + 3)
    made, parts = Run.create(experiment, tmp_path / "run"), experiment.load_data()
    made.train(parts)
    scores = made.evaluate(parts)
    assert scores["assumptions"][0].startswith("later values of other columns are taken as known")
    assert len(made.predict().values) == 4
    assert made.predict().said().endswith("other columns keep their last values")


def test_a_model_that_does_not_forecast_what_follows_the_rows_it_reads_is_refused(tmp_path: Path) -> None:
    inner = "{type: Sequential, layers: [LastStep, {type: Dense, output_size: 1}]}"
    rollout = f"{{type: Rollout, steps: 4, target: pm, later: true, layer: {inner}}}"
    model = f"model: {{type: Sequential, layers: [{rollout}, {{type: Dense, output_size: 2}}]}}\n"
    config = ROLLED[: ROLLED.index("model:")] + model + ROLLED[ROLLED.index("loss:") :]
    said = "model: the model reads 3 rows after its window, so it must put out at least 4 leads at once, (4,); its"
    with pytest.raises(ConfigError, match=re.escape(said)):
        load_experiment(write_experiment(tmp_path, config))


# --- leaks, from the file on


STACK = "{type: GRULayer, hidden_size: 2}, {type: Dense, output_size: 1}, {type: StepsAhead, steps: 4}"
AHEAD = f"model={{type: Sequential, layers: [{STACK}]}}"


@pytest.mark.parametrize("model", [[], [AHEAD]], ids=["rollout", "direct"])
@pytest.mark.parametrize("way", ["hold_last", "actual"])
def test_later_rows_are_no_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, model: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = load_experiment(write_experiment(tmp_path, ROLLED), [f"evaluation.future_covariates={way}", *model])
    experiment.data.derived = [Change("pm")]  # type: ignore[attr-defined]
    experiment.build_model()
    report = check_no_leak(experiment, epochs=1)
    assert report.from_file
    assert report.assumes_known_covariates == (way == "actual")


def as_they_came(self: Later, x: Array, values: Array, ends: Any, upto: int) -> None:
    pass


def too_late(self: Later, x: Array, values: Array, ends: Any, upto: int) -> None:
    x[:, -upto:] = values[np.minimum(ends + upto + 2, len(values) - 1)][:, None]


@pytest.mark.parametrize(
    ("planted", "leak"),
    [
        (
            as_they_came,
            "the forecasts issued before the cut depend on rows after it, although the config says hold_last",
        ),
        (too_late, "the validation windows depend on the test part"),
        (too_late, "the forecasts of rows before the cut depend on rows after it"),
    ],
)
def test_later_values_that_nobody_knows_are_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted: Any, leak: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Later, "hide", planted)
    found = find_leaks(load_experiment(write_experiment(tmp_path, ROLLED)), epochs=1).leaks
    assert any(line.startswith(leak) for line in found), found


def test_later_values_of_the_target_are_caught_where_other_columns_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The change of the target from row to row gives it away; that of the weather may be known.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Later, "hide", as_they_came)
    derived = ["data.derived=[{type: Change, column: pm}]", "evaluation.future_covariates=actual"]
    found = find_leaks(load_experiment(write_experiment(tmp_path, ROLLED), derived), epochs=1).leaks
    assert any(line.startswith("the forecasts issued before the cut depend on later values of the") for line in found)
