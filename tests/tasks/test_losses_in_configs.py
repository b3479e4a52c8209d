"""A config that names a loss, and nothing else about it, trains with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import CONFIG, write_experiment

from minidl import ConfigError, HalfMSE, register
from minidl.data import GeneratedSequences, ScaleFit
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
        (
            "GaussianNLL",
            10,
            r"model: counting the 2 outputs that GaussianNLL needs for each target as one, the model's",
        ),
        ("{type: Quantile, levels: [0.5, 0.1]}", 2, r"yaml:\d+:\d+: loss.levels: expected increasing numbers"),
        ("{type: Quantile, levels: [0.5, 1]}", 2, r"yaml:\d+:\d+: loss.levels.1: expected `float` < 1.0, got 1"),
        ("{type: SumOfLosses, losses: [MSE, Quantile]}", 1, r"loss.losses: MSE and Quantile take other targets, or an"),
        (
            "{type: SumOfLosses, losses: [GaussianNLL, {type: Quantile, levels: [0.1, 0.9]}]}",
            2,
            r"yaml:\d+:\d+: loss.losses: GaussianNLL and Quantile mean something else by the same outputs\.$",
        ),
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


ONE = ["loss=BinaryCrossEntropy", "data.source.n_sequences=60", "dtype=float64", "engine=numpy", "training.epochs=2"]
TWO_CLASSES = {
    "waves_label": ["model.layers.1.output_size=1"],
    "waves_classify": ["model.layers.3.output_size=1", "data.source={type: Drifts, n_sequences: 60}"],
}


@register
@dataclass(eq=False)
class Drifts(GeneratedSequences):
    """Up or down."""

    feature_names = ("x",)
    label_names = ("down", "up")

    def generate(self, rng: np.random.Generator) -> tuple[list[Any], Any]:
        labels = rng.integers(0, 2, self.n_sequences)
        x = [rng.normal(2 * k - 1, 2, (int(rng.integers(3, 9)), 1)) for k in labels]
        return x, labels


def two_outputs(experiment: Experiment, changes: list[str]) -> Experiment:
    """The same model with an output for each class, of which the first is 0."""
    changes = [change.replace("output_size=1", "output_size=2") for change in changes]
    other = load_experiment(experiment.name, [*ONE, *changes, "loss=CrossEntropy"])
    other.build_model()
    for name, value in other.model.params.items():
        found = experiment.model.params[name]
        if found.shape == value.shape:
            value[...] = found
        else:
            value[..., 0], value[..., 1] = 0, found[..., 0]
    return other


@pytest.mark.parametrize("name", TWO_CLASSES)
def test_one_output_tells_of_two_classes_as_two_do(tmp_path: Path, name: str) -> None:
    # softmax([0, y]) = [1 - σ(y), σ(y)]. Caught here: scores, baselines or validation of the one column's argmax.
    experiment = load_experiment(name, [*ONE, *TWO_CLASSES[name]])
    parts = experiment.load_data()
    run = Run.create(experiment, tmp_path / "run")
    history = run.train(parts)
    scores = run.evaluate(parts)
    assert history[1].train_loss < history[0].train_loss
    run.load_weights("last")
    other = two_outputs(experiment, TWO_CLASSES[name])
    theirs = other.load_data()
    assert parts.train.target.shape == (*theirs.train.target.shape, 1)
    batches = [of.validation.gather(slice(None)) for of in (parts, theirs)]
    y, pair = experiment.model(batches[0].x), other.model(batches[1].x)
    found = other.evaluation.validate(pair, batches[1].target, batches[1].lengths)
    assert history[-1].validation_metrics == pytest.approx(found)
    assert 0.5 < found["accuracy"] < 1
    if not experiment.evaluation.every_step:
        one, two = experiment.loss(y, batches[0].target), other.loss(pair, batches[1].target)
        assert one[0] == pytest.approx(two[0])
        np.testing.assert_allclose(one[1][..., 0], two[1][..., 1], rtol=1e-9, atol=1e-12)
    run.load_weights()  # the best, which are scored
    assert two_outputs(experiment, TWO_CLASSES[name]).evaluation.terms().truth(theirs) == (
        experiment.evaluation.terms().truth(parts)
    )
    other = two_outputs(experiment, TWO_CLASSES[name])
    expected = other.evaluation.evaluate(theirs, other.scored_model)
    for key in expected.keys() - {"parameters"}:
        assert str(scores[key]) == str(expected[key]), key  # NaN is not NaN


def test_what_one_output_predicts_are_both_probabilities(tmp_path: Path) -> None:
    source = "data.source={type: NPZSequences, path: PATH, features: [x], labels: [down, up]}".replace(
        "PATH", str(tmp_path / "a.npz")
    )
    for name, labels in (("waves_label", [1, 0, 1, 1, 0]), ("waves_classify", [0, 1])):
        np.savez(tmp_path / "a.npz", x=np.array([[2.0], [0.5], [-1], [90], [-900]]), lengths=[3, 2], y=labels)
        changes = [source, *TWO_CLASSES[name][:1]]
        experiment = load_experiment(name, [*ONE, *changes])
        experiment.build_model()
        other = two_outputs(experiment, changes)
        pair = [
            each.evaluation.predict(each, ScaleFit(np.zeros(1), np.ones(1)), None, tmp_path / "a.npz", None).rows
            for each in (experiment, other)
        ]
        assert pair[0] == [[cell if isinstance(cell, str) else pytest.approx(cell) for cell in row] for row in pair[1]]
        assert pair[0][0][-2:] == ["p(down)", "p(up)"]


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (
            "waves_classify",
            [],
            r"loss: Classify learns class labels of 3 classes, for which there is CrossEntropy; got B",
        ),
        (
            "waves_label",
            [],
            r"has shape \(time, 2\); Label needs one number at every step for second and against first with B",
        ),
    ],
)
def test_one_output_for_more_than_two_classes_is_refused(name: str, changes: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_experiment(name, ["loss=BinaryCrossEntropy", *changes])
    assert len(caught.value.lines) == 1
