"""Calibrated intervals: the margin by its definition, on which rows it is fitted, and where it is stored and used."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import hourly_table, window_data, write_experiment
from test_intervals import LEVELS, WITH, H, T, direct

from minidl import ConfigError, DataError, GaussianNLL, Quantile
from minidl.cli import main
from minidl.comparison.leaks import check_no_leak
from minidl.data import Gaps, SampleValidation, TailValidation
from minidl.experiment import load_experiment
from minidl.forecasting import conformal
from minidl.forecasting.conformal import calibration_starts, trained_on
from minidl.losses.distributions import Gaussian, Quantiles
from minidl.tasks import Forecast, Intervals

CALIBRATED = WITH.replace("coverage: 0.8", "coverage: 0.8, conformal: true")
LOSSES = pytest.mark.parametrize("loss", [Quantile(LEVELS), GaussianNLL()], ids=["quantile", "gaussian"])


@LOSSES
def test_the_margin_of_a_lead_is_the_smallest_that_holds_enough_of_the_validation_truths(loss: Any) -> None:
    data = window_data(hourly_table(), validation=TailValidation(40))
    parts, points = data.load("float64", leads=H), direct(loss)
    margins = Forecast(horizons=[H], intervals=Intervals(0.8, True)).margins(parts, points)
    starts = range(180 - 40, 180 - T - H + 1)
    n = len(starts)
    for lead in range(H):
        needed = []
        for start in starts:
            y, truth = points.model(parts.values[start : start + T][None])[0], parts.values[start + T + lead, 0]
            if isinstance(loss, Quantile):
                levels = sorted(y[5 * lead : 5 * lead + 5])
                needed.append(max(levels[0] - truth, truth - levels[-1]))
            else:
                deviation = math.sqrt(math.exp(y[2 * lead + 1]) + 1e-6)
                needed.append(abs(truth - y[2 * lead]) / deviation - 1.2815515655446004)
        assert margins[lead] == pytest.approx(sorted(needed)[math.ceil(0.8 * (n + 1)) - 1], rel=1e-9)


def test_the_margin_of_a_lead_is_of_the_windows_in_which_it_is_known() -> None:
    # Caught here: ranks of all windows, and filled truths among the errors.
    where = np.zeros((240, 3), bool)
    where[[148, 149, 155, 166, 178], 0] = True
    table = replace(hourly_table(), gaps=Gaps(where))
    parts = window_data(table, validation=TailValidation(40)).load("float64", leads=H)
    points = direct(Quantile(LEVELS))
    task = Forecast(horizons=[H], intervals=Intervals(0.8, True))
    margins, counts = task.margins(parts, points), []
    for lead in range(H):
        needed = []
        for start in range(180 - 40, 180 - T - H + 1):
            if not where[start + T + lead, 0]:
                y, truth = points.model(parts.values[start : start + T][None])[0], parts.values[start + T + lead, 0]
                levels = sorted(y[5 * lead : 5 * lead + 5])
                needed.append(max(levels[0] - truth, truth - levels[-1]))
        counts.append(len(needed))
        assert margins[lead] == pytest.approx(sorted(needed)[math.ceil(0.8 * (len(needed) + 1)) - 1], rel=1e-9)
    assert len({*counts}) > 1
    said = [line for line in task.evaluate(parts, points)["assumptions"] if "calibrated" in line]
    assert said == [
        "the intervals were calibrated on 31 windows of the validation part, lead by lead; of each lead "
        f"{min(counts)} to {max(counts)} of their labels are known"
    ]


def test_too_few_known_truths_of_a_lead_are_refused() -> None:
    where = np.zeros((240, 3), bool)
    where[149:174, 0] = True  # of the 31 truths of the last lead
    table = replace(hourly_table(), gaps=Gaps(where))
    parts = window_data(table, validation=TailValidation(40)).load("float64", leads=H)
    with pytest.raises(DataError, match=r"a lead is known in 6 of 9 validation windows, too few for 0"):
        calibration_starts(parts, 0.9)


@LOSSES
def test_calibrated_intervals_hold_as_many_of_the_truths_that_calibrated_them(loss: Any) -> None:
    # Scored on the validation windows themselves; caught here: a margin with the wrong sign, or of another lead.
    parts = window_data(hourly_table(), validation=TailValidation(60)).load("float64", leads=H)
    assert parts.validation is not None
    points, starts = direct(loss), parts.validation.starts
    there = replace(parts, test=replace(parts.validation, leads=1))
    n, enough = len(starts), math.ceil(0.8 * (len(starts) + 1))
    for conformal_too in (False, True):
        task = Forecast(horizons=[H], intervals=Intervals(0.8, conformal_too))
        spread = Intervals(0.8, conformal_too).spreads([there], points, "hold_last")[0]
        assert spread is not None
        lower, upper = spread.interval(spread.distributions(starts, H), H)
        truth = np.array([parts.values[s + T : s + T + H, 0] for s in starts])
        held = ((lower <= truth) & (truth <= upper)).sum(axis=0)
        assert (held == enough).all() == conformal_too, (held, n)
        assert task.tables_of(parts, points)["lead"].keys() == {"1", "2", "3", "4"}


def test_an_interval_that_is_narrowed_below_nothing_is_its_middle() -> None:
    lower, upper = Quantiles([0.1, 0.9], np.array([[[1.0, 3.0]]])).interval(0.8, np.array([-5.0]))
    np.testing.assert_array_equal([lower, upper], [[[2]], [[2]]])
    lower, upper = Gaussian(np.array([[2.0]]), np.array([[1.0]])).interval(0.8, np.array([-5.0]))
    np.testing.assert_array_equal([lower, upper], [[[2]], [[2]]])


@pytest.mark.parametrize(
    ("validation", "kind", "said"),
    [
        (None, ConfigError, "data.validation is not set"),
        (SampleValidation(50), ConfigError, "among those that are trained on"),
        (TailValidation(T + H + 2), DataError, "3 validation windows are too few for 0.8; at least 4 are needed"),
    ],
)
def test_rows_that_training_has_seen_or_too_few_calibrate_nothing(validation: Any, kind: Any, said: str) -> None:
    data = window_data(hourly_table(), validation=validation)
    parts = data.load("float64", np.random.default_rng(0), leads=H)
    with pytest.raises(kind, match=said):
        calibration_starts(parts, 0.8)


@pytest.mark.parametrize("after", range(H + 1))
def test_one_label_in_common_is_enough_to_have_been_seen(after: int) -> None:
    parts = window_data(hourly_table(), validation=TailValidation(40)).load("float64", leads=H)
    close = replace(parts.train, starts=parts.train.starts[-1:] + after)  # its last label is `after` rows later
    assert trained_on(replace(parts, validation=close)) == (after < H)


def test_test_rows_calibrate_nothing() -> None:
    parts = window_data(hourly_table(), validation=TailValidation(40)).load("float64", leads=H)
    stolen = replace(parts, validation=replace(parts.test, starts=parts.test.starts[:-H], leads=H))
    with pytest.raises(ConfigError, match="or tested"):
        calibration_starts(stolen, 0.8)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  validation: {type: TailValidation, size: 40}\n", "", "but data.validation is not set"),
        ("batch_size: 16", "batch_size: 16, refit: true", "with training.refit the validation part is trained on"),
        ("checkpoint: best", "checkpoint: last", ""),
    ],
)
def test_a_config_that_cannot_be_calibrated_is_refused_before_training(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    config = CALIBRATED.replace("checkpoint: best", "checkpoint: last") if "validation" in old else CALIBRATED
    path = write_experiment(tmp_path, config.replace(old, new))
    if not said:
        load_experiment(path)
        return
    with pytest.raises(ConfigError) as caught:
        load_experiment(path)
    (line,) = caught.value.lines
    assert said in line


def test_the_calibration_has_no_leak_and_a_planted_one_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = load_experiment(write_experiment(tmp_path, CALIBRATED))
    assert "calibration" in check_no_leak(experiment, epochs=1).checked
    monkeypatch.setattr(
        conformal, "calibration_starts", lambda splits, coverage: splits.test.starts[: 1 - splits.leads]
    )
    with pytest.raises(AssertionError, match="the calibration depends on the test part"):
        check_no_leak(experiment, epochs=1)


def test_a_prediction_has_the_interval_that_is_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_experiment(tmp_path, CALIBRATED)
    assert main(["train", "small.yaml", "--run-dir", "run"]) == 0
    assert "calibrated on 31 windows of the validation part" in capsys.readouterr().out
    margins = json.loads(Path("run/evaluation.json").read_text())["intervals"]["margins"]
    assert main(["predict", "run", "--output", "ahead.csv"]) == 0
    assert "lower and upper are the ends of intervals of 80 %, calibrated on the" in capsys.readouterr().err
    with open("ahead.csv", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["time", "pm [µg/m³]", "lower", "upper"]

    experiment = load_experiment("run/config.yaml")
    parts = experiment.load_data()
    from minidl.runs.run import Run

    run = Run.open("run")
    run.load_weights()
    y = run.experiment.model(parts.values[-T:][None])[0].reshape(H, 5)
    for lead, row in enumerate(rows):
        levels, margin = np.sort(y[lead]), margins[lead]
        ends = parts.scale.unscale(np.array([levels[0] - margin, levels[-1] + margin]), 0)
        np.testing.assert_allclose([float(cell) for cell in row[2:]], ends, rtol=1e-9)
    found = run.predict(horizon=2).found()
    assert [len(found[name]) for name in ("values", "lower", "upper")] == [2, 2, 2]
    assert found["upper"][1] == pytest.approx(float(rows[1][3]))


def test_a_prediction_without_its_calibration_or_beyond_its_leads_is_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_experiment(tmp_path, CALIBRATED)
    assert main(["train", "small.yaml", "--run-dir", "run"]) == 0
    capsys.readouterr()
    assert main(["predict", "run", "--checkpoint", "init"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "not calibrated yet; do so with: minidl evaluate run --checkpoint init" in line
    assert main(["evaluate", "run", "--checkpoint", "init"]) == 0
    assert main(["predict", "run", "--checkpoint", "init"]) == 0
    capsys.readouterr()
    assert main(["predict", "run", "--horizon", "5"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--horizon: 5 is beyond the 4 leads" in line


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["intervals"].pop("margins"),
        lambda found: found["intervals"]["margins"].pop(),
        lambda found: found["intervals"].update(margins=["1", 2, 3, 4]),
        lambda found: found["intervals"].update(margins=None),
        lambda found: found["intervals"].update(coverage=0.9),
        lambda found: found.pop("intervals"),
    ],
)
def test_a_stored_calibration_that_is_none_of_the_config_is_refused_in_a_line(
    change: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from minidl.runs.run import Run

    monkeypatch.chdir(tmp_path)
    write_experiment(tmp_path, CALIBRATED)
    assert main(["train", "small.yaml", "--run-dir", "run", "--set", "training.epochs=1"]) == 0
    found = json.loads(Path("run/evaluation.json").read_text())
    change(found)
    Run.open("run").write("evaluation.json", json.dumps(found))
    capsys.readouterr()
    assert main(["predict", "run"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert "evaluation.json" in line
