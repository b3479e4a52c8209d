"""Intervals of several targets: each target's against plain loops, all together, calibrated, predicted, refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import window_data
from two_targets import TARGETS, H, K, T, two_targets, written

from minidl import Dense, LastStep, Quantile, RecurrentLayer, Sequential
from minidl.cli import main
from minidl.comparison.leaks import check_no_leak, find_leaks
from minidl.core.errors import ConfigError, CorruptFileError
from minidl.data import Splits, TailValidation
from minidl.experiment import load_experiment
from minidl.forecasting import conformal
from minidl.losses.distributions import Quantiles
from minidl.metrics import mean_of_sums
from minidl.runs.run import Run
from minidl.tasks import Forecast, Intervals
from minidl.tasks.points import Points

LEVELS = [0.1, 0.5, 0.9]
CHANGES = [
    "model.layers.2.output_size=24",
    "loss={type: Quantile, levels: [0.1, 0.5, 0.9]}",
    "evaluation.intervals={coverage: 0.8, conformal: true}",
]


def points() -> Points:
    model = Sequential([RecurrentLayer(5), LastStep(), Dense(H * K * len(LEVELS))])
    model.build((T, 3), 5, "float64")
    return Points(model, Quantile(LEVELS))


def loaded(table: Any = None) -> Splits:
    data = window_data(table or two_targets(), validation=TailValidation(40))
    return data.load("float64", leads=H)


def told(parts: Splits, start: int, lead: int, target: int) -> list[float]:
    """The levels of a number, sorted, scaled: three numbers of each target, the targets of each lead side by side."""
    y = points().model(parts.values[None, start : start + T])[0]
    first = (lead * K + target) * len(LEVELS)
    return sorted(y[first : first + len(LEVELS)].tolist())


@pytest.mark.parametrize("target", [0, 1])
def test_intervals_of_a_target_are_those_of_its_outputs_in_its_units(target: int) -> None:
    parts = loaded(two_targets(filled=((200, 0), (220, 1))))
    scores = Forecast(horizons=[H], intervals=Intervals(0.8)).evaluate(parts, points())
    one = parts.of_targets()[target]
    column, name = one.table.target_index, one.table.target_name
    for lead in range(H):
        within, width = [], []
        for start in parts.test.starts[: len(parts.test) - H + 1].tolist():
            row = start + T + lead
            if not one.table.target_known[row]:
                continue
            low, _, high = parts.scale.unscale(np.array(told(parts, start, lead, target)), column)
            within.append(low <= one.table.values[row, column] <= high)
            width.append(high - low)
        own = scores["targets"][name]["lead"][str(lead + 1)]
        assert own["coverage"] == pytest.approx(np.mean(within))
        assert own["width"] == pytest.approx(np.mean(width))
    assert scores["targets"][name]["units"] == TARGETS[target].units
    assert scores["targets"][name]["intervals"]["coverage"] == 0.8


def test_scores_of_intervals_together_are_of_all_targets_in_standard_deviations() -> None:
    parts = loaded(two_targets(filled=((200, 0), (220, 1))))
    task, model = Forecast(horizons=[H], intervals=Intervals(0.8)), points()
    scores = task.evaluate(parts, model)
    crps, within = [], []
    for target, one in enumerate(parts.of_targets()):
        column = one.table.target_index
        spread = np.std(one.table.values[: 240 - 60, column])
        for start in parts.test.starts[: len(parts.test) // H * H : H].tolist():
            for lead in range(H):
                row = start + T + lead
                if one.table.target_known[row]:
                    levels = parts.scale.unscale(np.array(told(parts, start, lead, target)), column)
                    truth = one.table.values[row, column]
                    made = Quantiles(LEVELS, levels[None, None])
                    crps.append(float(made.crps(np.array([[truth]]))[0, 0]) / spread)
                    within.append(levels[0] <= truth <= levels[2])
    block = scores["block"][str(H)]
    assert block["crps"] == pytest.approx(np.mean(crps))
    assert block["coverage"] == pytest.approx(np.mean(within))
    sums = task.stretches(parts, model)[str(H)]
    for name in ("crps", "coverage"):
        assert mean_of_sums(np.array(sums[name]).sum(axis=0)) == pytest.approx(block[name])
    now = scores["baselines"]["persistence"]["block"][str(H)]
    assert now["crps"] == pytest.approx(now["mae"])
    assert np.isnan(now["width"])


@pytest.mark.parametrize("target", [0, 1])
def test_margins_of_a_target_hold_so_many_of_its_own_truths(target: int) -> None:
    parts, task = loaded(), Forecast(horizons=[H], intervals=Intervals(0.8, True))
    margins = task.margins(parts, points())
    assert margins.shape == (K, H)
    assert parts.validation is not None
    starts, column = parts.validation.starts.tolist(), TARGETS[target].column
    for lead in range(H):
        needed = []
        for start in starts:
            low, _, high = told(parts, start, lead, target)
            truth = parts.values[start + T + lead, column]
            needed.append(max(low - truth, truth - high))
        rank = int(np.ceil((len(starts) + 1) * 0.8 - 1e-9))
        assert margins[target, lead] == pytest.approx(sorted(needed)[rank - 1])


def test_predicted_ends_are_those_that_are_scored(tmp_path: Path, monkeypatch: Any) -> None:
    config = written(tmp_path, monkeypatch)
    words = [word for change in CHANGES for word in ("--set", change)]
    assert main(["train", str(config), "--run-dir", "run", *words]) == 0
    made = Run.open("run").predict()
    assert made.table()[0] == ["time", "temp [°C]", "temp lower", "temp upper", "pm [µg/m³]", "pm lower", "pm upper"]
    assert {"fan_1.png", "fan_2.png"} <= {path.name for path in Path("run/figures").iterdir()}
    run = Run.open("run")
    run.load_weights()
    parts, scores = run.experiment.load_data(), json.loads(Path("run/evaluation.json").read_text(encoding="utf-8"))
    y = run.experiment.model(parts.values[None, -T:])[0].reshape(4, K, 3)
    for k, ahead in enumerate(made.targets):
        own = scores["targets"][ahead.target]["intervals"]["margins"]
        levels = np.sort(y[:, k], axis=1)
        low, high = levels[:, 0] - own, levels[:, 2] + own
        middle = (low + high) / 2  # where a margin below 0 lets the ends cross
        scaled = np.minimum(low, middle), np.maximum(high, middle)
        expected = [parts.scale.unscale(end, TARGETS[k].column) for end in scaled]
        np.testing.assert_allclose(ahead.interval, expected, rtol=1e-9)
    del scores["targets"]["pm"]
    text = json.dumps(scores)
    with pytest.raises(CorruptFileError, match="damaged; its intervals are not those of the config"):
        run.experiment.evaluation.recalled(lambda: json.loads(text))


def test_calibration_does_not_depend_on_later_rows(tmp_path: Path, monkeypatch: Any) -> None:
    report = check_no_leak(load_experiment(written(tmp_path, monkeypatch), CHANGES), epochs=1)
    assert {"calibration", "ensemble calibration"} <= {*report.checked}


@pytest.mark.parametrize("target", ["temp", "pm"])
def test_a_calibration_of_one_target_on_the_test_part_is_found(tmp_path: Path, monkeypatch: Any, target: str) -> None:
    honest = conformal.calibration_starts

    def leaky(splits: Splits, coverage: float) -> Any:
        starts = honest(splits, coverage)
        return splits.test.starts[: len(starts)] if splits.table.target_name == target else starts

    experiment = load_experiment(written(tmp_path, monkeypatch), CHANGES)
    monkeypatch.setattr(conformal, "calibration_starts", leaky)
    assert any("calibration depends on the test part" in leak for leak in find_leaks(experiment, epochs=1).leaks)


def test_intervals_of_targets_that_are_fed_back_are_refused(tmp_path: Path, monkeypatch: Any) -> None:
    said = r"the model forecasts 1 lead at once; evaluation\.intervals needs all 4 that evaluation\.horizons scores\.$"
    with pytest.raises(ConfigError, match=said):
        load_experiment(written(tmp_path, monkeypatch), [*CHANGES, "model.layers.2.output_size=6"])
