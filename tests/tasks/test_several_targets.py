"""Several targets of one table: labels, forecasts, held against plain loops, and predictions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import window_data
from two_targets import TARGETS, F, H, K, T, loaded, stack, two_targets, written

from minidl import SGD, Dense, RecurrentLayer, Sequential, StepsAhead
from minidl.compiled.examples import examples
from minidl.core.layer import Array
from minidl.experiment import Experiment, load_experiment
from minidl.fitting import run_training
from minidl.forecasting import Recursive, Rows, baselines, forecast_ahead, model_forecaster
from minidl.forecasting.ahead import AheadOfTargets
from minidl.forecasting.intervals import model_distributions
from minidl.losses.distributions import Quantiles
from minidl.tasks import Forecast

# --- labels


@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize("leads", [1, 3])
def test_labels_of_a_window_are_the_targets_of_its_leads_row_after_row(leads: int, every_step: bool) -> None:
    parts = loaded(leads, every_step=every_step)
    batch, values = parts.train.gather(slice(None)), parts.values
    for i, start in enumerate(parts.train.starts.tolist()):
        ends = range(start + 1, start + T + 1) if every_step else [start + T]
        expected = [[values[end + j, target.column] for j in range(leads) for target in TARGETS] for end in ends]
        np.testing.assert_array_equal(batch.target[i], expected if every_step else expected[0])


@pytest.mark.parametrize("every_step", [False, True])
def test_compiled_code_reads_the_same_labels(every_step: bool) -> None:
    windows = loaded(3, every_step=every_step).train
    order = np.array([7, 0, 30])
    found, expected = examples(windows, order, 3), windows.gather(order).target
    assert found.target == expected.shape[1:]
    for i, first in enumerate(found.target_starts):
        for t, numbers in enumerate(expected[i].reshape(-1, 3 * K)):
            begin = first + t * found.target_step
            np.testing.assert_array_equal(found.targets[begin : begin + 3 * K], numbers)


@pytest.mark.parametrize("every_step", [False, True])
def test_a_label_counts_where_its_target_is_known_in_numpy_and_in_compiled_code(every_step: bool) -> None:
    known = np.ones((240, K), bool)
    known[[60, 100, 101, 101, 200], [1, 0, 0, 1, 1]] = False  # of temp and pm
    table = two_targets(filled=((60, 0), (100, 1), (101, 1), (101, 0), (200, 0)))
    parts = loaded(2, table, every_step=every_step)
    windows, order = parts.train, np.arange(len(parts.train))
    assert len(windows) == 240 - 60 - T - 1
    batch, found = windows.gather(order), examples(windows, order, len(order))
    assert batch.weight is not None
    assert found.weights is not None
    time, number = found.weights.steps(batch.target.shape[1:])
    for i, start in enumerate(windows.starts.tolist()):
        for t, end in enumerate(range(start + 1, start + T + 1) if every_step else [start + T]):
            expected = known[end : end + 2].reshape(-1)
            np.testing.assert_array_equal(batch.weight[i, t] if every_step else batch.weight[i], expected)
            first = found.weights.starts[i] + t * time
            np.testing.assert_array_equal(found.weights.values[first : first + 2 * K : number], expected)
    assert windows.lost("training")[-1].endswith("labels of training windows were gaps: they count nothing")
    assert "5 of them in the targets: they are neither trained on nor scored" in parts.notes()


def test_the_windows_of_one_target_are_those_in_which_it_is_known() -> None:
    parts = loaded(1, two_targets(filled=((60, 0), (100, 1), (200, 0))))
    temp, pm = parts.of_targets()
    every = {*range(240 - 60 - T)}
    assert {*parts.train.starts.tolist()} == every
    assert {*temp.train.starts.tolist()} == every - {100 - T}
    assert {*pm.train.starts.tolist()} == every - {60 - T}
    assert [int((~one.table.target_known).sum()) for one in (temp, pm)] == [1, 2]


# --- forecasts


def naive(model: Sequential, values: Array, start: int, hold: bool) -> list[list[float]]:
    """Rows that are not known have the forecasts of both targets, and the last known or the true wind."""
    made: list[list[float]] = []
    while len(made) < H:
        window = []
        for row in range(start + len(made), start + len(made) + T):
            later = row - (start + T)
            numbers = list(values[start + T - 1 if hold and later >= 0 else row])
            if later >= 0:
                numbers[1], numbers[0] = made[later]
            window.append(numbers)
        y = model(np.array([window]))[0]
        made += np.reshape(y[-1] if y.ndim == 2 else y, (-1, K)).tolist()
    return made[:H]


@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize("leads", [1, H])
@pytest.mark.parametrize("covariates", ["hold_last", "actual"])
def test_forecasts_of_all_targets_are_fed_back_together(leads: int, every_step: bool, covariates: Any) -> None:
    parts, model = loaded(leads), stack(leads, every_step)
    starts = parts.test.starts[[3, 0, 40]]
    expected = np.array([naive(model, parts.values, start, covariates == "hold_last") for start in starts.tolist()])
    for k, one in enumerate(parts.of_targets()):
        made = model_forecaster(one, model, covariates)(starts, H)
        np.testing.assert_allclose(made, expected[:, :, k], rtol=1e-12)


@pytest.mark.parametrize("leads", [1, H])
def test_a_prediction_is_the_forecast_that_is_scored_of_the_same_window(leads: int) -> None:
    table, model = two_targets(), stack(leads)
    parts = loaded(leads)
    start = parts.test.starts[20:21]
    known = replace(table, values=table.values[: start[0] + T], times=table.times[: start[0] + T])  # type: ignore[index]
    ahead = forecast_ahead(known, parts.scale, lambda x: model(x), time_steps=T, horizon=H, dtype="float64")
    assert isinstance(ahead, AheadOfTargets)
    assert ahead.table()[0] == ["time", "temp [°C]", "pm [µg/m³]"]
    for k, one in enumerate(parts.of_targets()):
        scored = model_forecaster(one, model, "hold_last")(start, H)[0]
        expected = parts.scale.unscale(scored, one.table.target_index)
        np.testing.assert_allclose([row[1 + k] for row in ahead.table()[1:]], expected, rtol=1e-12)
        assert ahead.found()["targets"][one.table.target_name]["values"] == pytest.approx(expected)


@pytest.mark.parametrize("other", [0, 1])
def test_a_baseline_of_a_target_is_never_given_later_values_of_another(other: int) -> None:
    cut, parts = 200, loaded()
    spoilt = parts.values.copy()
    spoilt[cut:, TARGETS[other].column] = np.nan
    start, one = np.array([cut - T]), parts.of_targets()[1 - other]
    pair = [baselines(replace(one, values=values), "actual")["linear"](start, H) for values in (parts.values, spoilt)]
    np.testing.assert_array_equal(*pair)
    assert Rows.of(one.table, spoilt, T).given_later("actual") == [2]


def test_a_model_that_reads_later_rows_forecasts_all_targets() -> None:
    model = Sequential([RecurrentLayer(4), Dense(K), StepsAhead(H)])
    data, task = window_data(two_targets()), Forecast(horizons=[H])
    experiment = Experiment(model=model, data=data, optimizer=SGD(learning_rate=0.1), evaluation=task, dtype="float64")
    assert experiment.build_model() == (H * K,)
    parts = experiment.load_data()
    x = parts.train.gather(slice(0, 1)).x
    assert x.shape == (1, T + H - 1, F)
    np.testing.assert_array_equal(x[0, T:], np.tile(x[0, T - 1], (H - 1, 1)))


@pytest.mark.parametrize("way", ["hold_last", "same_hour_yesterday", "actual"])
def test_later_rows_have_the_last_known_values_of_all_targets(way: Any) -> None:
    """In training, scores and intervals alike; other columns have yesterday's, or those that came."""
    day = 24
    data = window_data(two_targets(), time_steps=day)
    parts = data.load("float64", leads=H, later_rows=H - 1, covariates=way)
    windows, values = parts.train, parts.values
    x, starts = windows.gather(slice(None)).x, windows.starts
    pairs = zip(x, starts.tolist(), strict=True)
    for window, end in [(window, start + day) for window, start in pairs]:
        back = {"hold_last": [end - 1] * (H - 1), "same_hour_yesterday": [*range(end - day, end - day + H - 1)]}
        came = [*range(end, end + H - 1)]
        np.testing.assert_array_equal(window[day:, [1, 0]], np.tile(values[end - 1, [1, 0]], (H - 1, 1)))
        np.testing.assert_array_equal(window[day:, 2], values[back.get(way, came), 2])
    seen: list[Array] = []

    def next_rows(x: Array) -> Array:
        seen.append(x.copy())
        return np.zeros((len(x), H * K))

    rows = Rows.of(parts.table, values, day, H - 1)
    Recursive(rows, next_rows, way, together=True)(starts[:9], H)
    model_distributions(parts.of_targets(), next_rows, lambda y: Quantiles([0.5], y[:, :, None]), way)[1](starts[:9], H)
    for scored in seen:
        np.testing.assert_array_equal(scored, x[:9])
    assert len(seen) == 2


@pytest.mark.slow
def test_compiled_training_is_that_of_numpy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With gaps in both targets, so that labels have weights."""
    config, weights = written(tmp_path, monkeypatch), {}
    lines = (tmp_path / "air.csv").read_text(encoding="utf-8").splitlines()
    for row, column in ((40, 1), (60, 2), (61, 1), (61, 2)):
        cells = lines[row].split(",")
        lines[row] = ",".join("" if i == column else cell for i, cell in enumerate(cells))
    (tmp_path / "air.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for engine in ("numpy", "compiled"):
        experiment = load_experiment(config, [f"engine={engine}", "data.series.gaps=interpolate"])
        parts = experiment.load_data()
        assert parts.train.uneven
        run_training(experiment.trainer(), parts.train, parts.validation, engine=experiment.engine)
        weights[engine] = {name: value.copy() for name, value in experiment.model.params.items()}
    for name, value in weights["numpy"].items():
        np.testing.assert_allclose(weights["compiled"][name], value, rtol=1e-9, atol=1e-11)
