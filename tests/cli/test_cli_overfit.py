"""minidl train --overfit-batch: whether a model can learn a few examples, by the exit code and in words."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from command_line import Cli
from small import hourly_table, window_data

from minidl import Adam, Dense, HalfMSE, LastStep, RecurrentLayer, Sequential
from minidl.data import ArraySequences, Sequences
from minidl.experiment import Experiment
from minidl.losses import CrossEntropy, GaussianNLL
from minidl.optimizers import StepDecay
from minidl.runs import overfitting
from minidl.runs.overfitting import Known, overfit
from minidl.tasks import Classify
from minidl.training import EarlyStopping, Training

FAST = ("--set", "optimizer={type: Adam, learning_rate: 0.05}")


def experiment(outputs: int = 1, **arguments: object) -> Experiment:
    made = Experiment(
        model=Sequential([RecurrentLayer(6), LastStep(), Dense(outputs)]),
        data=window_data(hourly_table()),
        optimizer=Adam(0.03),
        dtype="float64",
        **{"loss": HalfMSE(), **arguments},  # type: ignore[arg-type]
    )
    made.evaluation.horizons = [4, 1]
    made.build_model()
    return made


def test_a_model_that_can_learn_knows_the_examples_in_the_end(cli: Cli, folder: Path) -> None:
    before = set(folder.iterdir())
    outcome = cli("train", "small.yaml", "--overfit-batch", "4", *FAST)
    assert outcome.code == 0
    first, *_, last, verdict, following = outcome.out.splitlines()
    losses = [float(re.findall(r"loss (\S+)", line)[0]) for line in (first, last)]
    assert losses[1] < 0.05 * losses[0]
    assert verdict.startswith("learned: the model knows 4 windows by heart after ")
    assert following == "next: minidl train small.yaml --set 'optimizer={type: Adam, learning_rate: 0.05}'"
    assert set(folder.iterdir()) == before


def test_a_model_that_cannot_learn_is_told_so_by_the_exit_code(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overfitting, "STEPS", 120)
    outcome = cli("train", "small.yaml", "--overfit-batch", "4", "--set", "optimizer.learning_rate=1e-12")
    assert outcome.code == 1
    lines = outcome.out.splitlines()
    assert [int(line.split()[1].replace(",", "")) for line in lines[:-2]] == [*[0, 1, 2, 5, 10, 20, 50, 100, 120]]
    assert lines[-2].startswith("not learned: after 120 steps the loss of 4 windows is ")


def test_what_would_hide_the_answer_is_left_out() -> None:
    # Caught here: a rate that is a tenth after each epoch, which is one step; patience; an average that is behind.
    hiding = Training(schedule=StepDecay(every=1), moving_average=0.9999, callbacks=[EarlyStopping(patience=1)])
    made = experiment(training=hiding)
    assert overfit(made, made.load_data(), 4).learned


def test_the_examples_are_spread_over_the_training_part() -> None:
    made = experiment()
    parts, asked = made.load_data(), []
    source = parts.train
    kept = type(source).gather

    class Noted(type(source)):  # type: ignore[misc]
        def gather(self, indices: np.ndarray, *buffers: object) -> object:
            asked.append(indices)
            return kept(self, indices, *buffers)

    object.__setattr__(parts, "train", Noted(source.values, source.starts, source.time_steps, source.target_index))
    made.training = Training()
    overfit(made, parts, 3)
    n = len(source)
    assert {int(i) for indices in asked for i in indices} == {0, round((n - 1) / 2), n - 1}


def test_without_a_score_the_loss_decides_where_it_can_be_negative_too() -> None:
    told: list[Known] = []
    made = experiment(outputs=2, loss=GaussianNLL())
    found = overfit(made, made.load_data(), 1, told.append)  # R² of one number is undefined
    assert np.isnan(found.end.score)
    assert found.learned
    assert found.end.loss <= 0.01 * found.start.loss
    assert (told[0], told[-1]) == (found.start, found.end)


def test_labels_that_are_just_right_are_not_learned_yet() -> None:
    # Caught here: the accuracy of a few examples is 1 after some steps, by chance, while the loss is as it was.
    rng = np.random.default_rng(2)
    source = ArraySequences(list(rng.standard_normal((40, 6, 1))), np.arange(40) % 2, labels=["a", "b"])
    made = Experiment(
        model=Sequential([RecurrentLayer(6), LastStep(), Dense(2)]),
        data=Sequences(source),
        optimizer=Adam(0.02),
        loss=CrossEntropy(),
        evaluation=Classify(),
        dtype="float64",
    )
    made.build_model()
    told: list[Known] = []
    found = overfit(made, made.load_data(), 4, told.append)
    assert found.learned
    assert found.end.loss <= 0.1 * found.start.loss
    assert any(known.score == 1.0 for known in told[:-1])


def test_more_examples_than_there_are_are_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overfitting, "STEPS", 3)
    made = experiment(training=Training(batch_size=64))
    parts = made.load_data()
    found = overfit(made, parts, 10_000)
    assert (found.examples, found.end.step) == (len(parts.train), 3)  # a step takes 64


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        (("0",), "--overfit-batch: expected `int` >= 1, got 0"),
        (("8", "--dry-run"), "--dry-run leaves no run and no scores; leave out --overfit-batch."),
        (("8", "--run-dir", "out"), "--overfit-batch leaves no run and no scores; leave out --run-dir."),
    ],
)
def test_what_makes_no_sense_is_refused(cli: Cli, folder: Path, extra: tuple[str, ...], line: str) -> None:
    outcome = cli("train", "small.yaml", "--overfit-batch", *extra)
    assert (outcome.code, outcome.line) == (2, f"minidl train: {line}")
