"""Ensembles of runs of several targets: each target has its own weights and intervals, and is scored and predicted."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from two_targets import TARGETS, H, K, T, written

from minidl.cli import main
from minidl.comparison.leaks import check_no_leak
from minidl.core.errors import ConfigError
from minidl.experiment import load_experiment
from minidl.forecasting import mixture
from minidl.runs.ensemble import Ensemble
from minidl.runs.run import Run

QUANTILES = [
    "model.layers.2.output_size=24",
    "loss={type: Quantile, levels: [0.1, 0.5, 0.9]}",
    "evaluation.intervals={coverage: 0.8, conformal: true}",
]


def trained(config: Path, name: str, *changes: str) -> Run:
    words = [word for change in changes for word in ("--set", change)]
    assert main(["train", str(config), "--run-dir", name, *words]) == 0
    return Run.open(name)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return written(tmp_path, monkeypatch)


@pytest.fixture
def runs(config: Path) -> list[Run]:
    """Of losses and scalers that differ, so that the mean is one of numbers in units."""
    return [trained(config, "one"), trained(config, "two", "loss=MAE", "data.scaler=StandardScaler", "seed=5")]


def outputs(run: Run, splits: Any, starts: Any, levels: int = 1) -> Any:
    """(windows, leads, K, levels) of a run in units, one window after the other."""
    y = np.concatenate([run.experiment.model(splits.values[None, start : start + T]) for start in starts.tolist()])
    y = np.sort(y.reshape(len(starts), H, K, levels), axis=-1)
    return np.stack([splits.scale.unscale(y[:, :, k], TARGETS[k].column) for k in range(K)], axis=2)


def best_share(errors: Any) -> Any:
    """(leads,): the w in [0, 1] with the least Σ (w e_1 + (1 - w) e_2)², for each lead of (2, windows, leads)."""
    one, two = errors
    return np.clip((two * (two - one)).sum(axis=0) / ((one - two) ** 2).sum(axis=0), 0, 1)


def truth(splits: Any, starts: Any, k: int) -> Any:
    return splits.table.values[starts[:, None] + T + np.arange(H), TARGETS[k].column]


def test_each_target_is_the_mean_with_weights_of_its_own(runs: list[Run]) -> None:
    ensemble = Ensemble(runs)
    data = ensemble.load_data()
    scores, predicted = ensemble.evaluate(data), ensemble.predict()
    checked, starts = data[0].validation.starts, data[0].test.starts[: len(data[0].test) - H + 1]
    assert len({*starts.tolist()} & {*checked.tolist()}) == 0
    squares, plain = [], []
    for k, name in enumerate(("temp", "pm")):
        errors = [
            outputs(*pair, checked)[:, :, k, 0] - truth(pair[1], checked, k) for pair in zip(runs, data, strict=True)
        ]
        share = best_share(np.array(errors))
        own = scores["targets"][name]
        np.testing.assert_allclose(own["weights"]["by_lead"]["one"], share, atol=1e-6)
        np.testing.assert_allclose(own["weights"]["by_lead"]["two"], 1 - share, atol=1e-6)
        made = [outputs(*pair, starts)[:, :, k, 0] for pair in zip(runs, data, strict=True)]
        error = share * made[0] + (1 - share) * made[1] - truth(data[0], starts, k)
        assert own["lead"]["2"]["rmse"] == pytest.approx(np.sqrt(np.mean(error[:, 1] ** 2)), rel=1e-5)
        equal = (made[0] + made[1]) / 2 - truth(data[0], starts, k)
        assert own["equal_weights"]["lead"]["2"]["rmse"] == pytest.approx(np.sqrt(np.mean(equal[:, 1] ** 2)), rel=1e-5)
        spread = np.var(data[0].table.values[: 240 - 60, TARGETS[k].column])
        squares.append(np.mean(error[:, 1] ** 2) / spread)
        plain.append(np.mean(equal[:, 1] ** 2) / spread)
        ends = [run.predict().targets[k].values for run in runs]  # type: ignore[union-attr]
        np.testing.assert_allclose(predicted.targets[k].values, share * ends[0] + (1 - share) * ends[1], rtol=1e-5)
    assert scores["lead"]["2"]["rmse"] == pytest.approx(np.sqrt(np.mean(squares)), rel=1e-5)
    assert scores["equal_weights"]["lead"]["2"]["rmse"] == pytest.approx(np.sqrt(np.mean(plain)), rel=1e-5)
    of_each = [own["lead"]["2"]["r2"] for own in scores["targets"].values()]
    assert scores["lead"]["2"]["r2"] == pytest.approx(np.mean(of_each))
    assert len({str(own["weights"]["by_lead"]) for own in scores["targets"].values()}) == K


def test_members_stand_beside_with_the_scores_that_they_have_alone(runs: list[Run]) -> None:
    ensemble = Ensemble(runs)
    scores = ensemble.evaluate(ensemble.load_data())
    for run in runs:
        alone = json.loads((run.path / "evaluation.json").read_text(encoding="utf-8"))
        for found, expected in (
            (scores, alone),
            *zip(scores["targets"].values(), alone["targets"].values(), strict=True),
        ):
            for table in ("block", "lead"):
                for row, of in found["members"][str(run.path)][table].items():
                    assert of == pytest.approx(expected[table][row])
            assert found["baselines"].keys() == expected["baselines"].keys()


def test_intervals_of_each_target_are_calibrated_together_and_predicted(config: Path) -> None:
    runs = [trained(config, "one", *QUANTILES), trained(config, "two", *QUANTILES, "seed=5")]
    ensemble = Ensemble(runs)
    data = ensemble.load_data()
    scores, predicted = ensemble.evaluate(data), ensemble.predict()
    checked, starts = data[0].validation.starts, data[0].test.starts[: len(data[0].test) - H + 1]
    end = np.array([len(data[0].table) - T])
    for k, name in enumerate(("temp", "pm")):
        own, column = scores["targets"][name], TARGETS[k].column
        mean = [
            np.mean([outputs(*pair, at, 3)[:, :, k] for pair in zip(runs, data, strict=True)], axis=0)
            for at in (checked, starts, end)
        ]  # equal weights: they differ in the seed alone
        y = truth(data[0], checked, k)
        needed = np.sort(np.maximum(mean[0][..., 0] - y, y - mean[0][..., 2]), axis=0)
        margin = needed[math.ceil(0.8 * (len(checked) + 1)) - 1]
        assert own["intervals"]["margins"] == pytest.approx(margin / data[0].scale.range[column], rel=1e-5)
        y = truth(data[0], starts, k)
        within = (mean[1][..., 0] - margin <= y) & (y <= mean[1][..., 2] + margin)
        assert [own["lead"][str(j + 1)]["coverage"] for j in range(H)] == pytest.approx(within.mean(axis=0))
        lower, upper = predicted.targets[k].interval
        np.testing.assert_allclose(lower, mean[2][0, :, 0] - margin, rtol=1e-5)
        np.testing.assert_allclose(upper, mean[2][0, :, 2] + margin, rtol=1e-5)
    both = np.mean([own["block"]["4"]["coverage"] for own in scores["targets"].values()])
    assert scores["block"]["4"]["coverage"] == pytest.approx(both)
    assert scores["members"]["one"]["block"]["4"]["crps"] > 0


def test_what_a_user_sees(runs: list[Run], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--ensemble", "one", "two"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "all targets: R² ensemble equal weights one two persistence seasonal_24h linear" in lines
    assert "pm: RMSE, µg/m³ ensemble equal weights one two persistence seasonal_24h linear" in lines
    assert "temp: weights 1 h ahead 2 h ahead 4 h ahead" in lines
    assert "ensemble: pm: weights by lead from 31 windows of the validation part" in lines
    assert main(["evaluate", "--ensemble", "one", "two", "--by", "lead", "--json"]) == 0
    by_lead = json.loads(capsys.readouterr().out)
    assert main(["evaluate", "--ensemble", "one", "two", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    for name in ("temp", "pm"):
        rmse = scores["targets"][name]["lead"]["3"]["rmse"]
        assert by_lead[name]["3"]["ensemble"]["rmse"] == pytest.approx(rmse)
    assert main(["predict", "--ensemble", "one", "two", "--horizon", "2", "--output", "next.csv"]) == 0
    assert Path("next.csv").read_text(encoding="utf-8").splitlines()[0] == "time,temp [°C],pm [µg/m³]"


@pytest.mark.parametrize("target", ["[pm, temp]", "[temp, wind]"])
def test_runs_of_other_targets_are_refused(config: Path, target: str) -> None:
    runs = [trained(config, "one"), trained(config, "two", f"data.series.target={target}")]
    with pytest.raises(ConfigError, match=r"two: differs from one in data\.series\.target"):
        Ensemble(runs)


def test_weights_of_one_target_from_the_test_part_are_found(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = mixture.weighing_starts

    def careless(splits: Any, leads: int) -> Any:
        peeks = splits[0].table.target_name == "pm"
        return (splits[0].test.starts[:-leads], "") if peeks else honest(splits, leads)

    experiment = load_experiment(config)
    assert "ensemble weights" in check_no_leak(experiment, epochs=1).checked
    monkeypatch.setattr(mixture, "weighing_starts", careless)
    with pytest.raises(AssertionError, match="the ensemble weights depend on the test part"):
        check_no_leak(experiment, epochs=1)
