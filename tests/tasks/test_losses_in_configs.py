"""A config that names a loss, and nothing else about it, trains with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from small import CONFIG, write_experiment

from minidl.experiment import load_experiment
from minidl.runs.run import Run


@pytest.mark.parametrize("loss", ["{type: Huber, delta: 0.1}", "Huber", "LogCosh"])
def test_a_forecast_learns_by_any_loss_of_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str) -> None:
    monkeypatch.chdir(tmp_path)
    config = CONFIG.replace("loss: HalfMSE", f"loss: {loss}").replace("{type: SGD, learning_rate: 0.05}", "Adam")
    config = config.replace("epochs: 3", "epochs: 12")
    experiment = load_experiment(write_experiment(tmp_path, config))
    parts = experiment.load_data()
    run = Run.create(experiment, tmp_path / "run")
    history = run.train(parts)
    assert history[-1].train_loss < 0.8 * history[0].train_loss
    assert run.evaluate(parts)["block"]["1"]["rmse"] > 0
    assert repr(Run.open(run.path).experiment.loss) == repr(experiment.loss)


def test_classes_are_learned_with_smoothed_and_weighted_labels() -> None:
    loss = "loss={type: CrossEntropy, label_smoothing: 0.1, class_weights: [1, 2, 0.5]}"
    changes = ["data.source.n_sequences=60", "training.epochs=5", "engine=numpy", loss]
    experiment = load_experiment("waves_classify", changes)
    parts = experiment.load_data()
    trainer = experiment.trainer()
    history = trainer.run(parts.train, parts.validation)
    assert history[-1].train_loss < history[0].train_loss
