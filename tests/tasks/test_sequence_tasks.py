"""Classify, Label and Regress: what they refuse, how they score, their baselines, pictures and predictions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import ConfigError, CrossEntropy, Dense, HalfMSE, Sequential
from minidl.data import ArraySequences, FractionSplit, SequenceParts, Sequences, Waves
from minidl.experiment import Experiment, load_experiment
from minidl.metrics import class_scores, confusion, macro_f1
from minidl.runs.run import Run
from minidl.tasks import Classify, Label, Regress
from minidl.tasks.linear import AROUND, Ridge, around_steps, flattened
from minidl.tasks.sequence_task import outputs

LAST = "- {type: LastStep}"
CONFIG = """\
seed: 1
dtype: float64
data:
  type: Sequences
  source: {type: Waves, n_sequences: 60, learn: LEARN}
model:
  type: Sequential
  layers:
    - {type: RecurrentLayer, hidden_size: 4}
    - {type: LastStep}
    - {type: Dense, output_size: SIZE}
loss: CrossEntropy
optimizer: {type: Adam, learning_rate: 0.01}
training: {epochs: 2, batch_size: 16}
evaluation: {type: TASK, checkpoint: best}
"""
KINDS = {"Classify": ("shape", 3), "Label": ("half", 2), "Regress": ("numbers", 3)}


def config_of(task: str) -> str:
    learn, size = KINDS[task]
    text = CONFIG.replace("TASK", task).replace("LEARN", learn).replace("SIZE", str(size))
    text = text.replace(f"    {LAST}\n", "") if task == "Label" else text
    return text.replace("loss: CrossEntropy\n", "") if task == "Regress" else text


def experiment_of(folder: Path, task: str, change: tuple[str, str] = ("", "")) -> Experiment:
    path = folder / "waves.yaml"
    path.write_text(config_of(task).replace(*change))
    return load_experiment(path)


@pytest.mark.parametrize(
    ("task", "change", "message"),
    [
        ("Classify", ("loss: CrossEntropy\n", ""), r"waves.yaml:\d+:1: loss: Classify learns class labels, f"),
        (
            "Regress",
            ("optim", "loss: CrossEntropy\noptim"),
            r"waves.yaml:\d+:7: loss: Regress learns numbers, for which",
        ),
        (
            "Classify",
            ("learn: shape", "learn: numbers"),
            r"data.source: Classify needs at least two classes; name",
        ),
        ("Regress", ("learn: numbers", "learn: shape"), r"data.source: Regress needs numbers to learn; name them in t"),
        (
            "Classify",
            ("size: 3", "size: 4"),
            r"model: the model's output has shape \(4,\); Classify needs one number .* so it must be \(3,\)\.",
        ),
        ("Classify", (f"    {LAST}\n", ""), r"model: .* has shape \(time, 3\); .* must be \(3,\); LastStep passes on"),
        (
            "Label",
            ("    - {type: Dense", f"    {LAST}\n    - {{type: Dense"),
            r"model: .* must be \(time, 2\); leave out",
        ),
        (
            "Label",
            ("type: Label", "type: Forecast"),
            r"evaluation: Forecast needs windows of a series, which is Win",
        ),
        (
            "Label",
            ("source: {type: Waves, n_sequences: 60, learn: half}", "source: {type: Wave}"),
            "unknown sequence",
        ),
        (
            "Regress",
            ("learn: numbers}", "learn: numbers}\n  split: {validation: 0}"),
            "evaluation.checkpoint: is best, but",
        ),
    ],
)
def test_parts_that_do_not_go_together_are_refused_in_one_line(
    tmp_path: Path, task: str, change: tuple[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        experiment_of(tmp_path, task, change)
    assert len(caught.value.lines) == 1


@pytest.mark.parametrize("task", KINDS)
def test_a_run_is_scored_beside_its_baselines_and_its_scores_come_again(tmp_path: Path, task: str) -> None:
    experiment = experiment_of(tmp_path, task)
    parts = experiment.load_data()
    run = Run.create(experiment, tmp_path / "run")
    history = run.train(parts)
    kind = experiment.evaluation
    assert (history[0].validation_metrics or {}).keys() <= {metric.name for metric in kind.metrics}
    scores = run.evaluate(parts)
    assert scores[kind.table]["all"].keys() == {metric.name for metric in kind.metrics}
    assert {kind.reference, "linear"} == scores["baselines"].keys()
    assert scores["assumptions"][0].startswith("the sequences of the test part were drawn at random")
    again = Run.open(tmp_path / "run")
    assert json.dumps(again.evaluate(again.experiment.load_data())) == json.dumps(scores)  # NaN is not NaN


def test_accuracy_and_f1_are_those_of_plain_counting() -> None:
    rng = np.random.default_rng(3)
    target, predicted = rng.integers(0, 3, 50), rng.integers(0, 3, 50)
    counts = confusion(predicted, target, 4)  # the fourth class never occurs
    f1 = []
    for k in range(3):
        right = sum(p == t == k for p, t in zip(predicted, target, strict=True))
        precision, recall = right / sum(p == k for p in predicted), right / sum(t == k for t in target)
        f1.append(2 * precision * recall / (precision + recall))
    np.testing.assert_allclose(class_scores(counts)["f1"][:3], f1)
    assert macro_f1(counts) == pytest.approx(sum(f1) / 3)
    assert counts[target[0], predicted[0]] >= 1
    assert counts.sum(axis=1).tolist() == [*np.bincount(target, minlength=4)]


def parts_of(source: Any, **more: Any) -> SequenceParts:
    table = source.read()
    return Sequences(source, split=FractionSplit(stratified=False)).load("float64", table=table, **more)


def test_the_most_frequent_class_is_that_of_the_training_part() -> None:
    labels = [0] * 6 + [1] * 14
    source = ArraySequences([np.full((2, 1), float(k)) for k in range(20)], labels, labels=("a", "b"))
    parts = parts_of(source, labels=np.array(labels))
    scores = Classify().score(parts, Classify().baselines()["most_frequent"](parts))
    assert scores["scores"]["all"]["accuracy"] == np.mean(parts.test.target == 1)
    assert scores["classes"]["a"]["recall"] == 0


def test_ridge_minimises_its_sum_in_both_forms() -> None:
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((9, 4)), rng.standard_normal((9, 2))
    fitted = Ridge.fit(x, t, penalty=0.5)
    centred = x - x.mean(axis=0)
    expected = np.linalg.solve(centred.T @ centred + 0.5 * np.eye(4), centred.T @ (t - t.mean(axis=0)))
    np.testing.assert_allclose(fitted.weights, expected)
    wide = np.concatenate([x, np.zeros((9, 20))], axis=1)  # more columns than rows: the other form
    np.testing.assert_allclose(Ridge.fit(wide, t, penalty=0.5).weights[:4], expected)
    np.testing.assert_allclose(fitted(x).mean(axis=0), t.mean(axis=0))


def test_the_linear_baselines_see_sequences_as_they_say() -> None:
    parts = parts_of(Waves(n_sequences=10, learn="numbers"))
    start, length = int(parts.train.starts[1]), int(parts.train.lengths[1])
    own = parts.train.values[start : start + length, 0]
    flat = flattened(parts.train, 30)
    np.testing.assert_array_equal(flat[1], np.pad(own[:30], (0, max(0, 30 - length))))
    first = int(parts.train.lengths[0])
    around = around_steps(parts.train)[first : first + length]
    np.testing.assert_array_equal(around[:, AROUND], own)
    np.testing.assert_array_equal(around[0, :AROUND], np.zeros(AROUND))
    np.testing.assert_array_equal(around[3, AROUND - 3 : AROUND + 2], own[:5])


@pytest.mark.parametrize("task", ["Classify", "Label"])
def test_outputs_stand_in_the_order_of_the_sequences_and_are_those_of_each_alone(tmp_path: Path, task: str) -> None:
    # Caught here: outputs left in the order of the batch, longest first, or with steps of the padding.
    experiment = experiment_of(tmp_path, task)
    test = experiment.load_data().test
    found, row = outputs(experiment.model, test, every_step=task == "Label"), 0
    for i, (start, length) in enumerate(zip(test.starts, test.lengths, strict=True)):
        alone = experiment.model(test.values[None, start : start + length])[0]
        own = found[row : row + length] if task == "Label" else found[i]
        np.testing.assert_allclose(own, alone, rtol=1e-12, atol=1e-12)
        row += length


def test_regress_scores_each_number_in_its_own_units() -> None:
    parts = parts_of(Waves(n_sequences=40, learn="numbers"))
    target = parts.test.target
    scores = Regress().score(parts, target + 0.5)
    assert scores["scores"]["all"]["rmse"] == pytest.approx(0.5)
    for k, name in enumerate(("height", "period", "offset")):
        assert scores["outputs"][name]["mae"] == pytest.approx(0.5 * parts.scale.range[1 + k])
    assert Regress().score(parts, target)["scores"]["all"]["r2"] == 1
    mean = Regress().score(parts, Regress().baselines()["mean"](parts))
    assert mean["scores"]["all"]["r2"] <= 0


def test_outputs_that_are_not_finite_are_a_broken_score() -> None:
    parts = parts_of(Waves(n_sequences=20), labels=Waves(n_sequences=20).read().sequence_labels())
    y = np.full((len(parts.test), 3), np.nan)
    assert Classify().broken_score(Classify().score(parts, y)) == "accuracy of scores all is nan"


def test_a_baseline_that_would_be_too_large_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidl.tasks.linear.MAX_NUMBERS", 10)
    parts = parts_of(Waves(n_sequences=20, learn="numbers"))
    model = Sequential([Dense(3)])
    model.build((None, 1), np.random.default_rng(0), "float64")

    class Last(Regress):
        pass

    monkeypatch.setattr("minidl.tasks.sequence_task.outputs", lambda *_, **__: np.zeros((len(parts.test), 3)))
    scores = Last().evaluate(parts, model)
    assert scores["baselines"].keys() == {"mean"}
    assert scores["left_out"]["linear"].startswith("it would be fitted on 12 x ")


@pytest.mark.parametrize("task", KINDS)
def test_pictures_are_drawn_from_the_scores(tmp_path: Path, task: str) -> None:
    pytest.importorskip("matplotlib")
    experiment = experiment_of(tmp_path, task)
    parts = experiment.load_data()
    figures = experiment.evaluation.draw(
        experiment.model, parts, experiment.evaluation.evaluate(parts, experiment.model)
    )
    assert list(figures) == (["truth.png"] if task == "Regress" else ["confusion.png", "classes.png"])
    for figure in figures.values():
        figure.draw_without_rendering()
    if task == "Classify":
        texts = [text.get_text() for text in figures["confusion.png"].axes[0].texts]
        counts = experiment.evaluation.evaluate(parts, experiment.model)["confusion"]
        assert texts == [f"{n:,}" for row in counts for n in row]


def test_steps_beyond_the_end_of_a_sequence_are_not_scored() -> None:
    right = np.eye(2)[np.array([[0, 1, 1], [1, 0, 0]])]
    target = np.array([[0, 1, 0], [1, 1, 1]])
    assert Label().validate(right, target, np.array([2, 1])) == {"accuracy": 1, "macro_f1": 1}
    assert Label().validate(right, target)["accuracy"] == 0.5


def test_losses_and_tasks_know_what_is_learned() -> None:
    assert (Classify.labels, Label.every_step, Regress.labels) == (CrossEntropy.labels, True, HalfMSE.labels)
