"""What tasks on sequences say of outputs: rows of classes or numbers, by column for JSON, and details of scores."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minidl import MSE, ConfigError, CrossEntropy, DataError, HalfMSE, Loss
from minidl.data import ArraySequences, FractionSplit, ScaleFit, Sequences, SequenceTable, Waves
from minidl.tasks import Classify, Label, Regress
from minidl.tasks.linear import AROUND, around_steps
from minidl.tasks.sequence_task import Predicted, SequenceTask


def test_a_validation_of_fewer_sequences_than_classes_is_scored() -> None:
    scores = Classify().validate(np.eye(3)[[2]], np.array([2]))
    assert scores == {"accuracy": 1, "macro_f1": 1}


def test_a_matrix_may_have_as_many_numbers_as_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Waves(n_sequences=10, learn="numbers")
    parts = Sequences(source, split=FractionSplit(stratified=False)).load("float64", table=source.read())
    rows = int(parts.train.lengths.sum())
    width = 2 * AROUND + 1
    monkeypatch.setattr("minidl.tasks.linear.MAX_NUMBERS", rows * width)
    assert around_steps(parts.train).shape == (rows, width)
    monkeypatch.setattr("minidl.tasks.linear.MAX_NUMBERS", rows * width - 1)
    with pytest.raises(
        DataError, match=f"^it would be fitted on {rows:,} x {width} numbers; at most {rows * width - 1:,}"
    ):
        around_steps(parts.train)


def test_what_is_predicted_stands_in_rows_and_by_column_for_json() -> None:
    found = Predicted([["sequence", "p(a)"], ["x", 0.25], ["y", 0.75]], {"classes": ["a"]}, "2 sequences of here")
    assert found.table() == [["sequence", "p(a)"], ["x", 0.25], ["y", 0.75]]
    assert found.found() == {"classes": ["a"], "sequence": ["x", "y"], "p(a)": [0.25, 0.75]}
    assert (found.where(), found.said()) == ("2 sequences of here", "2 sequences of here, scaled as in training")


SEQUENCES = SequenceTable(
    np.zeros((3, 1)), np.array([2, 1]), ("x",), names=("one", "two"), source="here", labels=None, label_names=("a", "b")
)
SCALE = ScaleFit(np.array([0.0, 10.0, -1.0]), np.array([1.0, 2.0, 4.0]))


def test_the_class_of_each_sequence_is_said_with_its_probabilities() -> None:
    y = np.log([[0.2, 0.8], [0.25, 0.75]]) + 3.0
    found = Classify().described(SEQUENCES, y, ("a", "b"), SCALE)
    assert found.rows[0] == ["sequence", "class", "p(a)", "p(b)"]
    assert found.rows[1:] == [["one", "b", pytest.approx(0.2), pytest.approx(0.8)], ["two", "b", 0.25, 0.75]]
    assert (found.about, found.said_of) == ({"classes": ["a", "b"]}, "2 sequences of here")


def test_the_class_of_each_step_is_said_with_its_probabilities() -> None:
    y = np.log([[0.2, 0.8], [0.75, 0.25], [0.5, 0.5]])
    found = Label().described(SEQUENCES, y, ("a", "b"), SCALE)
    assert found.rows[0] == ["sequence", "step", "class", "p(a)", "p(b)"]
    assert [row[:3] for row in found.rows[1:]] == [["one", "0", "b"], ["one", "1", "a"], ["two", "0", "a"]]
    np.testing.assert_allclose([row[3:] for row in found.rows[1:]], [[0.2, 0.8], [0.75, 0.25], [0.5, 0.5]])
    assert (found.about, found.said_of) == ({"classes": ["a", "b"]}, "3 steps of 2 sequences of here")


def test_numbers_are_said_in_their_own_units() -> None:
    found = Regress().described(SEQUENCES, np.array([[0.5, 1.0], [0.0, 0.0]]), ("h", "w"), SCALE)
    assert found.rows == [["sequence", "h", "w"], ["one", 11.0, 3.0], ["two", 10.0, -1.0]]
    assert (found.about, found.said_of) == ({}, "2 sequences of here")


def test_details_are_a_row_a_class_or_a_number() -> None:
    nan = float("nan")
    classes = {
        "a": {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "n": 4},
        "b": dict.fromkeys(("precision", "recall", "f1"), nan) | {"n": 0},
    }
    assert Classify().details({"classes": classes}) == [
        ["class", "precision", "recall", "F1", "of it"],
        ["  a", "0.500", "0.250", "0.333", "4"],
        ["  b", "-", "-", "-", "0"],
    ]
    outputs = {"height": {"r2": 0.123456, "rmse": 12.3456, "mae": 1234.56}}
    assert Regress().details({"outputs": outputs}) == [
        ["number", "R²", "RMSE", "MAE"],
        ["  height", "0.1235", "12.35", "1235"],
    ]


def check(task: SequenceTask, loss: Loss, **learned: Any) -> None:
    """Of sequences from Python, of which this is learned."""
    source = ArraySequences([np.ones((2, 1))] * 2, **learned)
    experiment: Any = SimpleNamespace(data=Sequences(source), loss=loss)
    task.check(experiment)


def test_two_classes_are_the_least_to_tell_apart_and_one_number_the_least_to_learn() -> None:
    labels, numbers = {"y": [0, 0], "labels": ("a",)}, {"y": [[1.0], [2.0]], "targets": ("h",)}
    check(Regress(), HalfMSE(), **numbers)
    check(Classify(), CrossEntropy(), y=[0, 1], labels=("a", "b"))
    for task, loss, learned, message in (
        (Classify(), CrossEntropy(), labels, "data.source: Classify needs at least two classes; name them in labels."),
        (Regress(), HalfMSE(), labels, "data.source: Regress needs numbers to learn; name them in targets."),
        (
            Regress(),
            CrossEntropy(),
            numbers,
            "loss: Regress learns numbers, for which there is HalfMSE and others (minidl list losses); "
            "got CrossEntropy.",
        ),
        (
            Classify(),
            MSE(),
            {"y": [0, 1], "labels": ("a", "b")},
            "loss: Classify learns class labels, for which there is CrossEntropy; got MSE.",
        ),
    ):
        with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
            check(task, loss, **learned)
