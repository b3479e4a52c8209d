"""Scores of several targets: of each against those of the same table with this target alone, and of all together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import window_data
from two_targets import TARGETS, F, H, K, T, loaded, stack, two_targets, written

from minidl import Dense, LastStep, Quantile, RecurrentLayer, Sequential
from minidl.core.layer import Array
from minidl.data import MinMaxScaler, RootScaler, Splits, StandardScaler, Table, TailValidation
from minidl.experiment import load_experiment
from minidl.forecasting import DirectRidge, baselines, model_forecaster, score
from minidl.forecasting.several_targets import deviations
from minidl.metrics import r2, r2_of_sums, root_of_sums
from minidl.tasks import Forecast, Intervals
from minidl.tasks.points import Points


def scored(model: Sequential, table: Table | None = None, **arguments: Any) -> tuple[Splits, dict[str, Any]]:
    parts = loaded(model.output_shape((T, F))[-1] // K, table)  # type: ignore[operator]
    return parts, Forecast(horizons=[H, 1], **arguments).evaluate(parts, model)


@pytest.mark.parametrize("k", [0, 1])
def test_a_target_is_scored_as_if_it_were_the_only_one_beside_its_own_baselines(k: int) -> None:
    filled = ((60, 0), (100, 1), (200, 0), (201, 0), (220, 1))
    parts, found = scored(stack(H), two_targets(filled), rivals=[DirectRidge()])
    one = parts.of_targets()[k]
    name, forecaster = one.table.target_name, model_forecaster(one, stack(H), "hold_last")
    alone = window_data(replace(two_targets(filled), target_index=TARGETS[k].column, targets=())).load("float64")
    own = found["targets"][name]
    assert own["units"] == TARGETS[k].units
    assert {"block": own["block"], "lead": own["lead"]} == score(alone, forecaster, [H, 1])
    for baseline, expected in baselines(alone, "hold_last").items():
        made = score(alone, expected, [H, 1])
        for table in ("block", "lead"):
            for row, values in made[table].items():
                assert own["baselines"][baseline][table][row] == pytest.approx(values, rel=1e-9), baseline
    assert {"persistence", "seasonal_24h", "linear", "direct_linear"} == own["baselines"].keys()


def test_scores_together_are_the_mean_r2_and_errors_in_standard_deviations_of_all_targets() -> None:
    parts, found = scored(stack(H), two_targets(filled=((100, 1), (200, 0), (220, 1))))
    scaled, errors = [], []
    for one in parts.of_targets():
        forecast, column = model_forecaster(one, stack(H), "hold_last"), one.table.target_index
        before = one.table.values[: 240 - 60, column][one.table.target_known[: 240 - 60]]
        for start in parts.test.starts[: len(parts.test) // H * H : H].tolist():
            for j, value in enumerate(forecast(np.array([start]), H)[0]):
                row = start + T + j
                if one.table.target_known[row]:
                    scaled.append(value - parts.values[row, column])
                    error = parts.scale.unscale(value, column) - one.table.values[row, column]
                    errors.append(error / np.std(before))
    e, block = np.array(errors), found["block"][str(H)]
    assert len(e) == 2 * (len(parts.test) // H * H) - 2
    assert block["loss"] == pytest.approx(np.mean(np.square(scaled)) / 2, rel=1e-9)
    assert block["rmse"] == pytest.approx(np.sqrt(np.mean(e * e)), rel=1e-9)
    assert block["mae"] == pytest.approx(np.mean(np.abs(e)), rel=1e-9)
    for table, row in (("block", str(H)), ("block", "1"), ("lead", "3")):
        of_each = [own[table][row]["r2"] for own in found["targets"].values()]
        assert found[table][row]["r2"] == pytest.approx(np.mean(of_each), rel=1e-12)
        of_each = [own["baselines"]["linear"][table][row]["r2"] for own in found["targets"].values()]
        assert found["baselines"]["linear"][table][row]["r2"] == pytest.approx(np.mean(of_each), rel=1e-12)
    assert found["units"] == "scaled"


@pytest.mark.parametrize("scaler", [StandardScaler(), RootScaler(columns=["pm"])])
def test_errors_together_do_not_depend_on_the_scaler(scaler: Any) -> None:
    """Caught here: errors of scaled values, by which "same as now" was not itself."""
    task, model = Forecast(horizons=[H, 1], intervals=Intervals(0.8)), stack(H)
    found = []
    for own in (MinMaxScaler(), scaler):
        parts = window_data(two_targets(filled=((200, 0),)), scaler=own).load("float64", leads=H)
        found.append(task.evaluate(parts, model)["baselines"]["persistence"])
    for table in ("block", "lead"):
        for row, scores in found[0][table].items():
            for name in ("rmse", "mae", "crps"):
                assert scores[name] == pytest.approx(found[1][table][row][name], rel=1e-9), (table, row, name)


def test_deviations_are_of_what_was_measured_in_each_series() -> None:
    one = two_targets(filled=((100, 1),))
    table = Table.joined([replace(one, series=("a",)), replace(one, values=10 * one.values, series=("b",))])
    rows = np.arange(480) % 240 < 180
    there = np.arange(240) < 180
    temp = np.std(one.values[there & (np.arange(240) != 100), 1])
    pm = np.std(one.values[there, 0])
    np.testing.assert_allclose(deviations(table, rows), [[temp, 10 * temp], [pm, 10 * pm]], rtol=1e-12)
    assert deviations(replace(one, values=np.ones((240, F))), rows[:240]).tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize("intervals", [None, Intervals(0.8, True)])
def test_an_evaluation_of_two_targets_runs_the_model_as_often_as_one_of_one(
    monkeypatch: pytest.MonkeyPatch, intervals: Any
) -> None:
    n_windows = []
    for table, targets in ((two_targets(), K), (replace(two_targets(), targets=()), 1)):
        levels = [0.1, 0.5, 0.9]
        model = Sequential([RecurrentLayer(5), LastStep(), Dense(H * targets * (3 if intervals else 1))])
        model.build((T, F), 5, "float64")
        parts = window_data(table, validation=TailValidation(40)).load("float64", leads=H)
        honest, seen = model.forward, list[int]()

        def counted(x: Array, ctx: Any, honest: Any = honest, seen: list[int] = seen) -> Any:
            seen.append(len(x))
            return honest(x, ctx)

        monkeypatch.setattr(model, "forward", counted)
        scored: Any = Points(model, Quantile(levels)) if intervals else model
        Forecast(horizons=[H, 1], intervals=intervals).evaluate(parts, scored)
        n_windows.append(sum(seen))
    assert n_windows[0] <= n_windows[1]  # with intervals less: two scores of one target may ask for the same windows


def test_scores_together_are_those_of_the_sums_of_stretches() -> None:
    model, task = stack(H), Forecast(horizons=[H, 1])
    parts, found = scored(model, two_targets(filled=((200, 0), (201, 0), (220, 1))))
    for row, sums in task.stretches(parts, model).items():
        whole = {name: np.array(values).sum(axis=0) for name, values in sums.items()}
        assert r2_of_sums(whole["r2"]) == pytest.approx(found["block"][row]["r2"], rel=1e-9)
        assert root_of_sums(whole["rmse"]) == pytest.approx(found["block"][row]["rmse"], rel=1e-9)


def test_r2_of_the_validation_is_the_mean_over_the_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load_experiment(written(tmp_path, monkeypatch)).evaluation
    rng = np.random.default_rng(1)
    target = rng.standard_normal((30, H, K)) * [1, 100]
    y = target + rng.standard_normal((30, H, K)) * [0.1, 50]
    expected = np.mean([r2(y[:, :, k].reshape(-1), target[:, :, k].reshape(-1)) for k in range(K)])
    assert task.validate(y.reshape(30, -1), target.reshape(30, -1)) == {"r2": pytest.approx(expected)}
