"""Predictions for the sequences of another file: what they are, and what they refuse; when a model's shape fits."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from minidl import ConfigError, CrossEntropy, Dense, HalfMSE, LastStep, Sequential, ShapeError
from minidl.data import ArraySequences, NPZSequences, ScaleFit, Sequences, SequenceSet
from minidl.tasks import Classify, Label, Regress
from minidl.tasks.sequence_task import Predicted, SequenceTask, outputs

# (x - 1) / 2 and (x - 10) / 5; numbers to learn are 100 + 7 y.
SCALE = ScaleFit(np.array([1.0, 10.0, 100.0, 100.0]), np.array([2.0, 5.0, 7.0, 7.0]))
SEQUENCES = [np.array([[3.0, 10.0], [5.0, 20.0]]), np.array([[1.0, 0.0]]), np.array([[9.0, 5.0], [1.0, 15.0]])]
WEIGHTS = np.array([[1.0, -1.0], [0.5, 2.0]])


def experiment_of(folder: Path, *, last: bool) -> Any:
    """A model whose weights are known, for a source whose own file is not there; and another file, with SEQUENCES."""
    model = Sequential([LastStep(), Dense(2)]) if last else Sequential([Dense(2)])
    model.build((None, 2), np.random.default_rng(0), "float64")
    dense = model.layers[-1]
    dense.params["W"][:], dense.params["b"][:] = WEIGHTS, 0.25
    lengths = np.array([len(x) for x in SEQUENCES])
    np.savez(folder / "other.npz", x=np.concatenate(SEQUENCES), lengths=lengths)
    return SimpleNamespace(data=None, model=model, loss=HalfMSE(), dtype="float64")


def predicted(folder: Path, task: SequenceTask) -> Predicted:
    experiment = experiment_of(folder, last=not task.every_step)
    learned: dict[str, Any] = {"labels": ["low", "high"]} if task.labels else {"targets": ["h", "w"]}
    source = NPZSequences(str(folder / "not there.npz"), features=["a", "b"], **learned)
    experiment.data = Sequences(source)
    return task.predict(experiment, SCALE, None, folder / "other.npz", None)


def by_hand(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The model's outputs for one row."""
    return ((x - [1, 10]) / [2, 5]) @ WEIGHTS + 0.25


def test_a_sequence_of_another_file_is_scaled_as_in_training_and_classified(tmp_path: Path) -> None:
    found = predicted(tmp_path, Classify())
    assert found.said_of == f"3 sequences of {tmp_path / 'other.npz'}"
    for row, x in zip(found.rows[1:], SEQUENCES, strict=True):
        y = by_hand(x[-1])
        assert row[1] == ("low", "high")[int(y[1] > y[0])]
        assert row[2] == pytest.approx(1 / (1 + np.exp(y[1] - y[0])))
    assert {row[1] for row in found.rows[1:]} == {"low", "high"}


def test_every_step_of_another_file_is_labelled(tmp_path: Path) -> None:
    # It was an IndexError where sequences are not all as long.
    found = predicted(tmp_path, Label())
    assert found.said_of == f"5 steps of 3 sequences of {tmp_path / 'other.npz'}"
    for row, x in zip(found.rows[1:], np.concatenate(SEQUENCES), strict=True):
        y = by_hand(x)
        assert row[3] == pytest.approx(1 / (1 + np.exp(y[1] - y[0])))


def test_numbers_for_another_file_are_in_their_own_units(tmp_path: Path) -> None:
    found = predicted(tmp_path, Regress())
    assert found.rows[0] == ["sequence", "h", "w"]
    for row, x in zip(found.rows[1:], SEQUENCES, strict=True):
        assert row[1:] == pytest.approx((100 + 7 * by_hand(x[-1])).tolist())


def test_outputs_that_overflow_are_predicted_without_a_warning(tmp_path: Path) -> None:
    experiment = experiment_of(tmp_path, last=True)
    experiment.model.layers[-1].params["W"][:] = 1.7e308
    experiment.model.layers[-1].params["b"][:] = 1e308
    experiment.data = Sequences(NPZSequences("none.npz", features=["a", "b"], targets=["h", "w"]))
    found = Regress().predict(experiment, SCALE, None, tmp_path / "other.npz", None)
    assert found.rows[1][1] == np.inf


def test_predictions_need_a_file_and_have_no_horizon(tmp_path: Path) -> None:
    experiment = experiment_of(tmp_path, last=True)
    experiment.data = Sequences(NPZSequences("none.npz", features=["a", "b"], labels=["low", "high"]))
    message = "--horizon: Classify looks at what is there, and at nothing ahead; leave it out."
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        Classify().predict(experiment, SCALE, None, tmp_path / "other.npz", 3)
    message = "--input: Classify needs a file with sequences, of the form of the run's own."
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        Classify().predict(experiment, SCALE, None, None, None)


def test_steps_of_sequences_that_are_all_as_long_are_real(tmp_path: Path) -> None:
    model = experiment_of(tmp_path, last=False).model
    table = ArraySequences([np.ones((3, 2))] * 2, [[0, 0, 1], [1, 0, 1]], labels=("a", "b")).read()
    whole = SequenceSet(table.values, table.starts, table.lengths, table.step_labels(), True)
    assert outputs(model, whole, every_step=True).shape == (6, 2)


@pytest.mark.parametrize(
    ("task", "shape", "needs"),
    [
        (Classify(), (None, 9), "one number at the last step for each of a0, a1, a2, so it must be (3,)."),
        (
            Classify(),
            (None, 3),
            "one number at the last step for each of a0, a1, a2, so it must be (3,); "
            "LastStep passes on the last step alone.",
        ),
        (Classify(), (2,), "one number at the last step for each of a0, a1, a2, so it must be (3,)."),
        (
            Label(),
            (3,),
            "one number at every step for each of a0, a1, a2, so it must be (time, 3); leave out LastStep.",
        ),
        (Label(), (None, 2), "one number at every step for each of a0, a1, a2, so it must be (time, 3)."),
    ],
)
def test_an_output_of_another_shape_is_refused(task: SequenceTask, shape: Any, needs: str) -> None:
    data = Sequences(ArraySequences([np.ones((2, 1))], labels=("a0", "a1", "a2")))
    shown = str(shape).replace("None", "time")
    message = f"the model's output has shape {shown}; {type(task).__name__} needs {needs}"
    experiment: Any = SimpleNamespace(data=data, loss=CrossEntropy())
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        task.check_output(shape, experiment)
    task.check_output((None, 3) if task.every_step else (3,), experiment)


def test_of_many_classes_eight_are_named() -> None:
    for n, said in ((8, "c0, c1, c2, c3, c4, c5, c6, c7, so"), (9, "c0, c1, c2, c3, c4, c5, c6, c7, ..., so")):
        data = Sequences(ArraySequences([np.ones((2, 1))], labels=[f"c{i}" for i in range(n)]))
        with pytest.raises(ShapeError, match=re.escape(f"for each of {said} it must be ({n},).")):
            Classify().check_output((1,), cast("Any", SimpleNamespace(data=data, loss=CrossEntropy())))
