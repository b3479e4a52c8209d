"""A config that names a loss, and nothing else about it, trains with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small import CONFIG, write_experiment

from minidl import ConfigError, HalfMSE
from minidl.experiment import Experiment, load_experiment
from minidl.forecasting import model_forecaster
from minidl.runs.run import Run

SUM = "{type: SumOfLosses, losses: [HalfMSE, {type: Huber, delta: 0.1}], weights: [1, 0.5]}"


@pytest.mark.parametrize("loss", ["{type: Huber, delta: 0.1}", "Huber", "LogCosh", SUM])
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


SEVERAL = {"{type: Quantile, levels: [0.2, 0.4, 0.9]}": (3, 1), "Quantile": (3, 1), "GaussianNLL": (2, 0)}


def forecast_by(folder: Path, monkeypatch: pytest.MonkeyPatch, loss: str, outputs: int) -> Experiment:
    monkeypatch.chdir(folder)
    config = CONFIG.replace("loss: HalfMSE", f"loss: {loss}").replace("{type: SGD, learning_rate: 0.05}", "Adam")
    config = config.replace("output_size: 1", f"output_size: {outputs}").replace("epochs: 3", "epochs: 12")
    return load_experiment(write_experiment(folder, config))


@pytest.mark.parametrize("loss", SEVERAL)
def test_a_forecast_with_several_outputs_is_scored_by_its_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    # Caught here: the first output scored whatever it is, in the log, in scores or in predictions.
    outputs, point = SEVERAL[loss]
    experiment = forecast_by(tmp_path, monkeypatch, loss, outputs)
    parts = experiment.load_data()
    run = Run.create(experiment, tmp_path / "run")
    history = run.train(parts)
    assert history[-1].train_loss < history[0].train_loss - 0.1 * abs(history[0].train_loss)
    scores, predicted = run.evaluate(parts), run.predict(horizon=2)
    run.load_weights("last")
    batch = parts.validation.gather(slice(None))
    y = experiment.model(batch.x)[:, [point]]
    r2 = 1 - np.sum((y - batch.target) ** 2) / np.sum((batch.target - batch.target.mean()) ** 2)
    assert (history[-1].validation_metrics or {})["r2"] == pytest.approx(r2)
    run.load_weights()  # the best, which are scored
    alone = forecast_by(tmp_path, monkeypatch, "HalfMSE", 1)
    for name, value in alone.model.params.items():
        found = experiment.model.params[name]
        value[...] = found[..., point : point + 1] if name in ("2.W", "2.b") else found
    assert alone.evaluation.evaluate(parts, alone.model)["block"]["4"] == pytest.approx(scores["block"]["4"])
    starts = parts.test.starts[:5]
    own = model_forecaster(parts, experiment.scored_model, "hold_last")(starts, 3)
    np.testing.assert_allclose(own, model_forecaster(parts, alone.model, "hold_last")(starts, 3), rtol=1e-9)
    expected = alone.evaluation.predict(alone, run.scale(), None, None, 2)
    np.testing.assert_allclose(predicted.values, expected.values, rtol=1e-9)
    assert type(alone.loss) is HalfMSE


@pytest.mark.parametrize(
    ("loss", "outputs", "message"),
    [
        ("Quantile", 1, r"model: the model's output has shape \(1,\); Quantile needs 3 numbers for each target\.$"),
        ("GaussianNLL", 4, r"model: counting the 2 outputs that GaussianNLL needs for each target as one, the model's"),
        ("{type: Quantile, levels: [0.5, 0.1]}", 2, r"yaml:\d+:\d+: loss.levels: expected increasing numbers"),
        ("{type: Quantile, levels: [0.5, 1]}", 2, r"yaml:\d+:\d+: loss.levels.1: expected `float` < 1.0, got 1"),
        ("{type: SumOfLosses, losses: [MSE, Quantile]}", 1, r"loss.losses: MSE and Quantile take other targets, or an"),
        (
            "{type: SumOfLosses, losses: [MSE], weights: [1, 2]}",
            1,
            r"loss.weights: expected one for each of the 1 losses",
        ),
        ("{type: SumOfLosses, losses: []}", 1, r"loss.losses: expected at least one"),
        ("CrossEntropy", 1, r"yaml:\d+:7: loss: Forecast learns numbers; CrossEntropy is a loss of class labels"),
    ],
)
def test_a_loss_that_does_not_fit_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str, outputs: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        forecast_by(tmp_path, monkeypatch, loss, outputs)
    assert len(caught.value.lines) == 1


def test_weights_of_classes_are_as_many_as_the_classes() -> None:
    with pytest.raises(ConfigError, match=r"loss: CrossEntropy: class_weights: expected one for each of the 3 classes"):
        load_experiment("waves_classify", ["loss={type: CrossEntropy, class_weights: [1, 2]}"])


def test_several_numbers_are_learned_with_their_spread() -> None:
    changes = ["data.source.n_sequences=60", "training.epochs=3", "engine=numpy", "loss=GaussianNLL"]
    experiment = load_experiment("waves_regress", [*changes, "model.layers.3.output_size=6"])
    parts = experiment.load_data()
    history = experiment.trainer().run(parts.train, parts.validation)
    assert history[-1].train_loss < history[0].train_loss
    scores = experiment.evaluation.evaluate(parts, experiment.scored_model)
    assert scores["outputs"].keys() == {"height", "period", "offset"}
