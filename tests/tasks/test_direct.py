"""Forecasts of several leads at once: direct, as many as are scored, or a few that are fed back together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import CONFIG, hourly_table, window_data, write_experiment

from minidl import Dense, GaussianNLL, HalfMSE, LastStep, Quantile, RecurrentLayer, Sequential
from minidl.comparison.leaks import check_no_leak
from minidl.core.layer import Array
from minidl.data import SampleValidation, TailValidation, Validation, WindowData
from minidl.data.validation import window_starts
from minidl.experiment import load_experiment
from minidl.forecasting import Recursive, Rows, assumptions, baselines, forecast_ahead, model_forecaster
from minidl.forecasting.rivals.rival import starts_for
from minidl.metrics import usual_metrics
from minidl.runs.run import Run
from minidl.tasks import Forecast
from minidl.tasks.points import Points
from minidl.training.selection import joined

T, F, H = 6, 3, 8


def direct(leads: int, every_step: bool = False, several: int = 1) -> Sequential:
    model = Sequential([RecurrentLayer(5), *([] if every_step else [LastStep()]), Dense(leads * several)])
    model.build((T, F), 5, "float64")
    return model


def naive(model: Sequential, values: Array, start: int, horizon: int, hold: bool) -> list[float]:
    """Output j stands for the row j + 1 after the window; rows that are not known take their own forecasts."""
    made: list[float] = []
    while len(made) < horizon:
        window = []
        for row in range(start + len(made), start + len(made) + T):
            later = row - (start + T)  # from 0: not known at the origin
            numbers = list(values[start + T - 1 if hold and later >= 0 else row])
            if later >= 0:
                numbers[0] = made[later]
            window.append(numbers)
        y = model(np.array([window]))[0]
        made += (y[-1] if y.ndim == 2 else y).tolist()
    return made[:horizon]


@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize("leads", [1, 3, 4, 8])  # 3: of the last three, two are wanted; 8: nothing is fed back
@pytest.mark.parametrize("covariates", ["hold_last", "actual"])
def test_forecasts_are_as_many_at_once_as_the_model_puts_out(leads: int, every_step: bool, covariates: Any) -> None:
    parts, model = window_data(hourly_table()).load("float64", leads=leads), direct(leads, every_step)
    starts = parts.test.starts[[3, 0, 40]]
    expected = [naive(model, parts.values, start, H, covariates == "hold_last") for start in starts.tolist()]
    made = model_forecaster(parts, model, covariates)(starts, H)
    np.testing.assert_allclose(made, expected, rtol=1e-12)


@pytest.mark.parametrize("leads", [1, 3, 8, 11])  # 11: more than are asked for
def test_a_prediction_is_the_forecast_that_is_scored_of_the_same_window(leads: int) -> None:
    table = hourly_table()
    parts, model = window_data(table).load("float64", leads=leads), direct(leads)
    start = parts.test.starts[20:21]
    scored = model_forecaster(parts, model, "hold_last")(start, H)[0]
    known = replace(table, values=table.values[: start[0] + T], times=table.times[: start[0] + T])  # type: ignore[index]
    ahead = forecast_ahead(known, parts.scale, lambda x: model(x), time_steps=T, horizon=H, dtype="float64")
    np.testing.assert_allclose(ahead.values, parts.scale.unscale(scored, 0), rtol=1e-12)
    at_once = ["all leads are forecast at once, from known rows: nothing of later rows is assumed"]
    assert ahead.found()["assumptions"] == (at_once if leads >= H else ["other columns keep their last values"])


def test_a_direct_forecast_depends_on_known_rows_only_whatever_the_config_says_is_known() -> None:
    parts, model = window_data(hourly_table()).load("float64", leads=H), direct(H)
    start = parts.test.starts[10:11]
    spoilt = parts.values.copy()
    spoilt[start[0] + T :] = np.nan
    one, other = (
        Recursive(Rows(values, T, 0), lambda x: model(x), "actual")(start, H) for values in (parts.values, spoilt)
    )
    assert one.tobytes() == other.tobytes()


# --- what a score says of itself


def test_assumptions_say_what_is_taken_for_granted_and_of_which_forecasts() -> None:
    data = window_data(hourly_table())
    held = "other columns keep their last values, as in predict"
    recursive, few, all_leads = (data.load("float64", leads=leads) for leads in (1, 3, H))
    assert assumptions(recursive, "hold_last", H) == [held]
    assert assumptions(recursive, "hold_last", 1) == [held]
    assert assumptions(few, "hold_last", H) == [held, "3 leads are forecast at once, then fed back for the next ones"]
    at_once = "all leads are forecast at once, from known rows: nothing of later rows is assumed"
    assert assumptions(all_leads, "hold_last", H) == [at_once, f"of the linear baseline, which is recursive: {held}"]
    assert assumptions(few, "hold_last", 3)[0] == at_once
    alone = replace(hourly_table(), values=hourly_table().values[:, :1], feature_names=("pm",))
    assert assumptions(window_data(alone).load("float64", leads=H), "hold_last", H) == [at_once]


def test_the_validation_score_is_named_by_the_leads_that_it_is_of() -> None:
    data = window_data(hourly_table())
    assert [Forecast().validated(data.load(leads=leads)) for leads in (1, 5)] == ["one step ahead", "5 leads together"]
    assert [data.load(leads=leads).notes() for leads in (1, 5)] == [[], ["5 leads are forecast at once"]]


def test_r2_of_the_validation_is_of_all_leads_together() -> None:
    y, target = np.array([[1.0, 5.0], [2.0, 0.0]]), np.array([[1.0, 3.0], [4.0, 0.0]])
    assert Forecast().validate(y, target) == {"r2": pytest.approx(1 - (4 + 4) / (1 + 1 + 4 + 4))}  # the mean is 2


def test_the_baselines_are_the_same_beside_a_direct_forecast() -> None:
    data = window_data(hourly_table(), validation=TailValidation(40))
    one, other = (baselines(data.load("float64", leads=leads)) for leads in (1, H))
    starts = data.load("float64").test.starts[:9]
    for name in one:
        assert one[name](starts, 4).tobytes() == other[name](starts, 4).tobytes()


# --- training


def test_labels_of_sampled_windows_lie_in_the_training_part() -> None:
    data = window_data(hourly_table(), validation=SampleValidation(170))
    parts = data.load(rng=np.random.default_rng(0), leads=5)
    assert (len(parts.train), parts.train.starts.max() + T + 5) == (170, 180)
    assert parts.validation is not None
    assert parts.validation.starts.max() + T + 5 <= 180


@pytest.mark.parametrize("leads", [1, 5])
def test_windows_of_both_parts_are_joined_with_those_that_lie_across_the_border(leads: int) -> None:
    data = window_data(hourly_table(), validation=TailValidation(40))
    parts, plain = data.load(leads=leads), window_data(hourly_table()).load(leads=leads)
    assert parts.validation is not None
    both: Any = joined(parts.train, parts.validation)
    assert both.starts.tolist() == plain.train.starts.tolist()


class Careless(Validation):
    """Its windows lie in the training part, but their last labels do not."""

    def divide(self, n_rows: int, span: int, rng: Any) -> Any:
        return window_starts(0, n_rows, T + 1), window_starts(n_rows - 30, n_rows, T + 1)


def test_no_label_is_taken_from_the_test_part() -> None:
    data = window_data(hourly_table(), validation=Careless())
    data.load()
    with pytest.raises(Exception, match="Careless: windows from row 0 to row 183 reach out of the training part"):
        data.load(leads=5)


DIRECT = CONFIG.replace("{type: Dense, output_size: 1}", "{type: Dense, output_size: 4}")


def trained(folder: Path, config: str, *overrides: str) -> tuple[Run, Any]:
    experiment = load_experiment(write_experiment(folder, config), overrides)
    made = Run.create(experiment, folder / f"run{len(list(folder.glob('run*')))}")
    parts = experiment.load_data()
    made.train(parts)
    return made, parts


def test_a_direct_forecast_from_config_to_prediction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made, parts = trained(tmp_path, DIRECT)
    scores = made.evaluate(parts)
    assert scores["block"].keys() == {"4", "2", "1"}
    assert scores["lead"].keys() == {"1", "2", "3", "4"}
    assert scores["assumptions"][0].startswith("all leads are forecast at once")
    x = parts.values[-T:].astype("float64")
    expected = made.experiment.model(x[None])[0] * parts.scale.range[0] + parts.scale.offset[0]
    np.testing.assert_allclose(made.predict().values, expected, rtol=1e-9)
    assert made.predict().said().endswith("nothing of later rows is assumed")
    assert made.predict(horizon=9).said().endswith("other columns keep their last values")
    losses = [record.validation_loss for record in made.log()]
    y, target = (
        made.experiment.model(parts.validation.gather(slice(None)).x),
        parts.validation.gather(slice(None)).target,
    )
    assert min(x for x in losses if x is not None) == pytest.approx(np.mean((y - target) ** 2) / 2)  # all leads


@pytest.mark.parametrize("loss", [Quantile([0.2, 0.5, 0.7]), GaussianNLL()])
def test_outputs_of_a_lead_stand_side_by_side(loss: Any) -> None:
    # Caught here: all medians first, or lead j taken for level j.
    parts, model = window_data(hourly_table()).load("float64", leads=4), direct(4, several=loss.per_target)
    start = parts.test.starts[:1]
    y = model(parts.test.gather(slice(0, 1)).x)[0]
    place = {3: 1, 2: 0}[loss.per_target]
    expected = [y[lead * loss.per_target + place] for lead in range(4)]
    np.testing.assert_allclose(model_forecaster(parts, Points(model, loss))(start, 4)[0], expected, rtol=1e-12)
    batch = parts.train.gather(slice(0, 5))
    value, dy = loss(model(batch.x), batch.target)
    alone = [
        loss(model(batch.x)[:, lead * loss.per_target : (lead + 1) * loss.per_target], batch.target[:, lead : lead + 1])
        for lead in range(4)
    ]
    assert value == pytest.approx(np.mean([one for one, _ in alone]))
    np.testing.assert_allclose(dy, np.concatenate([one for _, one in alone], axis=1) / 4, rtol=1e-12)


@pytest.mark.parametrize("way", ["hold_last", "actual"])
def test_a_direct_forecast_has_no_leak_and_assumes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_experiment(tmp_path, DIRECT)
    report = check_no_leak(load_experiment(path, [f"evaluation.future_covariates={way}"]), epochs=1)
    assert report.checked[-1] == "forecasts"
    assert not report.assumes_known_covariates


def test_labels_that_reach_into_the_test_part_are_a_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    honest = WindowData.load

    def careless(self: Any, *arguments: Any, **keywords: Any) -> Any:
        splits = honest(self, *arguments, **keywords)
        return replace(splits, train=replace(splits.train, starts=splits.train.starts + 41))  # one row too far

    monkeypatch.setattr(WindowData, "load", careless)
    with pytest.raises(AssertionError, match="the training windows depend on the test part"):
        check_no_leak(load_experiment(write_experiment(tmp_path, DIRECT)), epochs=1)


def test_the_loss_of_a_direct_forecast_is_the_mean_over_leads() -> None:
    parts, model = window_data(hourly_table()).load("float64", leads=4), direct(4)
    batch = parts.train.gather(slice(0, 7))
    by_lead = [np.mean((model(batch.x)[:, j] - parts.values[parts.train.starts[:7] + T + j, 0]) ** 2) for j in range(4)]
    assert HalfMSE()(model(batch.x), batch.target)[0] == pytest.approx(np.mean(by_lead) / 2)


@pytest.mark.parametrize("lead", [1, 3])
def test_rivals_learn_from_the_same_windows_beside_a_direct_forecast(lead: int) -> None:
    data = window_data(hourly_table(), validation=TailValidation(40))
    parts = [data.load(leads=leads) for leads in (1, H)]
    one, other = (starts_for(part.table, part.train, lead).tolist() for part in parts)
    assert one == other


def test_r2_of_the_validation_is_of_known_labels_alone() -> None:
    # Caught here: weights that are not looked at, or that the log's own score of arrays forgets.
    y, target = np.array([[1.0, 5.0], [2.0, 7.0]]), np.array([[1.0, 3.0], [4.0, np.nan]])
    weight = np.array([[1.0, 1.0], [1.0, 0.0]])
    expected = pytest.approx(1 - (0 + 4 + 4) / (25 / 9 + 1 / 9 + 16 / 9))  # the mean is 8/3
    assert Forecast().validate(y, target, None, weight) == {"r2": expected}
    assert usual_metrics(y, target, None, weight) == {"r2": expected}
    assert usual_metrics(y, np.ones((2, 2)), None, np.array([0.0, 1.0]))["r2"] is not None  # of examples: of the loss
