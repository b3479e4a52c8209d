"""One run of a comparison: which weights are scored, what its record says, and that BLAS stays in one thread."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small import write_experiment
from threadpoolctl import threadpool_info

from minidl import ConfigError, Dense, MinidlError
from minidl.comparison import trials
from minidl.comparison.trials import Trial, digest_of, run_trial, set_weights, train_in_memory, without_nan
from minidl.experiment import load_experiment
from minidl.forecasting import model_forecaster, score
from minidl.training import EpochRecord, threads
from minidl.training.callbacks import Choice, KeepBest


def record(epoch: int, loss: float | None, train: float = 1.0, **metrics: float) -> EpochRecord:
    return EpochRecord(epoch, 3 * epoch, train, loss, metrics or None, 0.1, 0.0)


def test_the_best_weights_are_those_of_the_lowest_validation_loss() -> None:
    model = Dense(1)
    model.build((2,), np.random.default_rng(0), "float64")
    trainer: Any = SimpleNamespace(model=model)
    best = KeepBest(Choice())
    best.on_epoch_end(trainer, record(1, None))
    assert (best.epoch, best.score, best.weights) == (0, None, {})
    for epoch, loss, expected in ((2, 0.5, 2), (3, 0.5, 2), (4, 0.6, 2), (5, 0.4, 5), (6, math.inf, 5)):
        model.params["W"][...] = epoch
        best.on_epoch_end(trainer, record(epoch, loss))
        assert best.epoch == expected
        assert best.weights["W"].tolist() == [[expected]] * 2


def test_a_curve_is_the_log_by_column() -> None:
    history = [record(1, 0.5, r2=0.1), record(2, None, math.inf), record(3, math.nan, 2.0, r2=math.nan, mae=4.0)]
    assert trials._curve(history) == {
        "epoch": [1, 2, 3],
        "train_loss": [1.0, None, 2.0],
        "validation_loss": [0.5, None, None],
        "validation_r2": [0.1, None, None],
        "validation_mae": [None, None, 4.0],
    }


def test_nan_and_infinity_are_null() -> None:
    assert without_nan({"a": {"b": math.nan, "c": 1.0}, "d": -math.inf, "e": 3, "f": "x"}) == {
        "a": {"b": None, "c": 1.0},
        "d": None,
        "e": 3,
        "f": "x",
    }


def test_a_digest_is_of_names_dtypes_shapes_and_values() -> None:
    a, b = np.arange(6.0).reshape(2, 3), np.ones(2, np.float32)
    whole = hashlib.sha256(b"a float64 (2, 3) " + a.tobytes() + b"b float32 (2,) " + b.tobytes()).hexdigest()
    assert digest_of({"b": b, "a": a}) == whole
    assert digest_of({"a": np.asfortranarray(a), "b": b}) == whole
    assert len({digest_of(one) for one in ({"a": a}, {"b": a}, {"a": a.T}, {"a": a.astype("f4")}, {"a": a + 1})}) == 5


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_experiment(tmp_path)


def config_of(path: Path, *overrides: str) -> dict[str, Any]:
    config = load_experiment(path, [*overrides]).to_config()
    config.pop("seed")
    return config


@pytest.mark.parametrize("which", ["last", "best"])
def test_a_run_is_trained_and_scored_as_its_config_says(here: Path, which: str) -> None:
    overrides = ("training.epochs=4", f"evaluation.checkpoint={which}", "optimizer.learning_rate=0.5", "seed=3")
    experiment = load_experiment(here, [*overrides])
    parts = experiment.load_data()
    trained = train_in_memory(experiment, parts)
    losses = [one.validation_loss for one in trained.history]
    assert (len(losses), trained.engine) == (4, "numpy")
    assert trained.epoch == (4 if which == "last" else 1 + int(np.argmin(losses)))
    outcome = run_trial(Trial("net", config_of(here, *overrides), 3))
    found = outcome.record
    assert (found["label"], found["seed"], found["status"], found["error"]) == ("net", 3, "done", None)
    assert (found["epoch"], found["engine"]) == (trained.epoch, "numpy")
    assert found["curve"]["validation_loss"] == losses
    assert found["parameters"] == sum(value.size for value in experiment.model.params.values())
    assert found["data"] == parts.facts()
    task = experiment.evaluation
    forecaster = model_forecaster(parts, experiment.model, task.future_covariates)
    assert found["scores"] == without_nan(score(parts, forecaster, task.horizons))
    assert found["more"].keys() == {"covariates", "shifted"}
    for k, by_metric in found["stretches"].items():  # of which the scores are made
        assert by_metric.keys() == {"r2", "rmse"}
        for name, sums in by_metric.items():
            made = task.metric(name).of_sums(np.sum(sums, axis=0))
            assert made == pytest.approx(found["scores"]["block"][k][name], rel=1e-6)
    assert found["weights_sha256"] == digest_of(experiment.model.params) == digest_of(outcome.weights)
    assert found["seconds"].keys() == {"training", "scoring"}
    assert all(seconds >= 0 for seconds in found["seconds"].values())
    assert found["environment"] == trials.decisive_environment()
    other = load_experiment(here, [*overrides])
    other.build_model()
    set_weights(other.model, outcome.weights)
    assert digest_of(other.model.params) == found["weights_sha256"]


def test_a_training_that_breaks_is_recorded_and_nothing_else_of_it(here: Path) -> None:
    outcome = run_trial(Trial("net", config_of(here, "optimizer.learning_rate=1e9"), 0))
    found = outcome.record
    assert (found["status"], outcome.weights) == ("failed", {})
    assert found["error"].startswith("epoch ")
    assert found["seconds"].keys() == {"training"}
    assert not {"scores", "engine", "curve", "epoch"} & found.keys()


def test_scores_that_break_are_recorded_with_their_training(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidl.tasks.Forecast.broken_score", lambda task, scores: "rmse of block 4 is inf")
    outcome = run_trial(Trial("net", config_of(here), 0))
    found = outcome.record
    assert (found["status"], outcome.weights) == ("unscored", {})
    assert found["error"] == (
        "the training was finite, but rmse of block 4 is inf: the forecasts grow beyond all numbers."
    )
    assert found["seconds"].keys() == {"training"}
    assert "curve" in found
    assert "scores" not in found


def test_blas_keeps_one_thread_until_the_last_one_inside_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    limit = SimpleNamespace(restore_original_limits=lambda: events.append("restored"))
    monkeypatch.setattr(threads, "one_blas_thread", lambda: events.append("limited") or limit)
    one = threads._OneThread()
    with one:
        with one:
            assert events == ["limited"]
        assert events == ["limited"]
    assert events == ["limited", "restored"]
    with one:
        pass
    assert events == ["limited", "restored"] * 2


def test_a_fault_of_a_plugin_is_a_line_with_its_place_and_another_fault_stays_what_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault, own = ValueError("in a plugin"), MinidlError("known")
    places = {id(fault): ConfigError("own.py:3: ValueError: in a plugin")}
    monkeypatch.setattr("minidl.files.plugins.plugin_fault", lambda err: places.get(id(err)))
    trial: Any = None

    def failing(err: Exception) -> None:
        def outcome(trial: Any) -> None:
            raise err

        monkeypatch.setattr(trials, "_outcome", outcome)

    failing(fault)
    with pytest.raises(ConfigError, match=r"^own\.py:3: ValueError: in a plugin$") as caught:
        run_trial(trial)
    assert caught.value.__cause__ is fault
    for err in (KeyError("ours"), own):
        failing(err)
        with pytest.raises(type(err)) as same:
            run_trial(trial)
        assert same.value is err


def test_what_decides_the_last_bits_names_the_library_with_which_numpy_multiplies() -> None:
    # Also where it is called libscipy_openblas, as NumPy's own has been since version 2.
    (library,) = (info for info in threadpool_info() if "numpy" in info["filepath"])
    assert trials.decisive_environment()["blas"] == [f"openblas {library['version']} {library['architecture']}"]
