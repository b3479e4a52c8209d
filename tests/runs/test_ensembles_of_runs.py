"""Ensembles of runs: what is mixed, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from small_runs import trained

from minidl import ConfigError
from minidl.forecasting.mixture import fitted_weights
from minidl.runs.ensemble import Ensemble
from minidl.runs.run import Run

DIRECT = "model.layers.2.output_size=4"


def test_a_prediction_is_the_weighted_mean_of_the_members(folder: Path) -> None:
    runs = [trained(f"seed={seed}", f"loss={loss}")[0] for seed, loss in enumerate(("HalfMSE", "MAE", "Huber"), 1)]
    ensemble = Ensemble.open([run.path for run in runs])
    made = ensemble.predict(None, 6)
    weights = ensemble.weights(ensemble.load_data()).to(6)
    expected = sum(w * run.predict(None, 6).values for w, run in zip(weights, runs, strict=True))
    np.testing.assert_allclose(made.values, expected, rtol=1e-12)
    assert made.times() == runs[0].predict(None, 6).times()
    assert made.found()["weights"] == {str(run.path): w.tolist() for run, w in zip(runs, weights, strict=True)}
    assert made.said().startswith("the mean of 3 runs, weights by lead from 31 windows of the validation part; each ")
    assert len(np.unique(weights)) > 3


def test_runs_that_differ_in_the_seed_alone_share_one_weight(folder: Path) -> None:
    seeds, other = [trained(f"seed={seed}")[0] for seed in (1, 2)], trained("loss=MAE")[0]
    alone = Ensemble(seeds)
    weights = alone.weights(alone.load_data())
    assert weights.said == "equal weights: they differ in the seed alone"
    np.testing.assert_array_equal(weights.values, np.full((2, 4), 0.5))
    mixed = Ensemble([seeds[0], other, seeds[1]])
    weights = mixed.weights(mixed.load_data())
    assert weights.said.endswith("of the validation part, shared equally among runs that differ in the seed alone")
    np.testing.assert_array_equal(weights.values[0], weights.values[2])
    np.testing.assert_allclose(weights.values.sum(axis=0), 1)
    assert ((weights.values[1] > 0) & (weights.values[1] < 1)).any()


def test_scores_are_those_of_the_mean_and_each_member_stands_beside(folder: Path) -> None:
    runs = [trained()[0], trained(DIRECT)[0]]
    alone = [run.evaluate(run.experiment.load_data()) for run in runs]
    ensemble = Ensemble(runs)
    data = ensemble.load_data()
    scores = ensemble.evaluate(data)
    for run, one in zip(runs, alone, strict=True):
        assert scores["members"][str(run.path)] == {table: one[table] for table in ("block", "lead")}
    assert scores["baselines"].keys() == {"persistence", "seasonal_24h", "linear"}
    assert scores["parameters"] == sum(one["parameters"] for one in alone)
    assert scores["assumptions"][:2] == [
        "of 1 of the 2 runs: other columns keep their last values, as in predict",
        "of 1 of the 2 runs: all leads are forecast at once, from known rows: nothing of later rows is assumed",
    ]
    # By hand: RMSE of lead 2 over all origins that have four rows to come.
    starts = data[0].test.starts[:-3]
    weights = np.array([scores["weights"]["by_lead"][str(run.path)] for run in runs])[:, 1]
    forecasts = [member.values(starts, 4)[:, 1] for member in ensemble.members(data)]
    truth = data[0].table.values[starts + 7, 0]
    for found, w in ((scores, weights), (scores["equal_weights"], np.array([0.5, 0.5]))):
        error = w @ np.array(forecasts) - truth
        assert found["lead"]["2"]["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-9)


def test_after_a_refit_the_weights_are_of_what_the_validation_part_had_not_taught(folder: Path) -> None:
    runs = [trained(f"loss={loss}", "training.refit=true")[0] for loss in ("HalfMSE", "MAE")]
    ensemble = Ensemble(runs)
    data = ensemble.load_data()
    before = fitted_weights(ensemble.members(data, lambda run: "best"), 4).values
    after = fitted_weights(ensemble.members(data), 4).values
    assert (before != after).any()
    np.testing.assert_array_equal(ensemble.weights(data).values, before)
    made = [run.predict(None, 4).values for run in runs]  # of the refitted weights
    np.testing.assert_allclose(ensemble.predict(None, 4).values, np.sum(before * made, axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["data.test_size=50"], "data.test_size (60 there, 50 here)"),
        (["data.series.units=''"], "data.series.units (µg/m³ there, none here)"),
        (["evaluation.horizons=[4]"], "evaluation.horizons ([4, 2, 1] there, [4] here)"),
        (["data.series.target=temp", "data.time_steps=5"], "data.series.target (pm there, temp here) and data.time_s"),
        (["evaluation.future_covariates=actual"], "evaluation.future_covariates (hold_last there, actual here)"),
    ],
)
def test_runs_that_forecast_something_else_are_refused_with_what_differs(
    folder: Path, overrides: list[str], said: str
) -> None:
    runs = [trained("training.epochs=1")[0], trained("training.epochs=1", *overrides)[0]]
    with pytest.raises(
        ConfigError, match=re.escape(f"{runs[1].path}: differs from {runs[0].path} in {said}")
    ) as caught:
        Ensemble(runs)
    assert len(caught.value.lines) == 1


def test_other_columns_scalers_and_losses_are_mixed(folder: Path) -> None:
    own = ["data.series.features=[pm, temp]", "data.series.categories={}", "data.scaler=StandardScaler", "loss=MAE"]
    Ensemble([trained("training.epochs=1")[0], trained("training.epochs=1", *own)[0]]).predict()


def test_one_run_and_a_run_twice_are_refused(folder: Path) -> None:
    run, _ = trained("training.epochs=1")
    with pytest.raises(ConfigError, match="an ensemble is of at least two runs"):
        Ensemble([run])
    with pytest.raises(ConfigError, match="stands there twice; an ensemble is of different runs"):
        Ensemble([run, Run.open(folder / run.path)])


def test_rows_of_the_target_that_are_not_the_same_are_refused(folder: Path) -> None:
    runs = [trained("training.epochs=1")[0] for _ in range(2)]
    ensemble = Ensemble(runs)
    read = runs[1].experiment.data.series.read
    table = read()
    table.values[3, 0] += 1
    runs[1].experiment.data.series.read = lambda path=None: table  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match=f"{runs[1].path}: its rows of the target are not those of {runs[0].path}"):
        ensemble.load_data()
