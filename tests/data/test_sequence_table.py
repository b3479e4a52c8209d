"""Rows of sequences: what does not fit together, labels and numbers, and where a wrong value stands."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from minidl import DataError
from minidl.data import SequenceTable, Waves
from minidl.data.sequence_table import joined
from minidl.data.tables.plain import LARGEST

LENGTHS = np.array([2, 1, 3])


def table(**more: Any) -> SequenceTable:
    """Three sequences of two features, of 2, 1 and 3 rows."""
    values = np.arange(12.0).reshape(6, 2)
    given = {"values": values, "lengths": LENGTHS, "feature_names": ("a", "b"), "source": "here", **more}
    return SequenceTable(**given)


def with_value(row: int, column: int, *values: float) -> np.ndarray[Any, Any]:
    rows = np.arange(12.0).reshape(6, 2)
    for i, value in enumerate(values):
        rows[row + i, column] = value
    return rows


def refused(message: str, **more: Any) -> None:
    with pytest.raises(DataError, match=f"^{re.escape('here: ' + message)}$"):
        table(**more)


def test_a_table_knows_its_sequences() -> None:
    found = table()
    assert (len(found), found.starts.tolist()) == (3, [0, 2, 3])
    assert repr(found) == "SequenceTable(3 sequences of 1 to 3 rows, a, b)"
    assert (found.name(1), found.called(1)) == ("1", "sequence 1 (counted from 0)")
    named = table(names=("x", "y", "z"))
    assert (named.name(1), named.called(1)) == ("y", "sequence y")


def test_parts_that_do_not_fit_are_refused() -> None:
    refused("rows of shape (2,); expected 3 features: a, b, c.", feature_names=("a", "b", "c"))
    refused("rows of shape (); expected 2 features: a, b.", values=np.arange(6.0))
    refused("there are no sequences.", values=np.zeros((0, 2)), lengths=np.zeros(0, int))
    refused("sequence 1 (counted from 0) is empty.", lengths=np.array([3, 0, 3]))
    refused("the lengths are 5 rows in all, but there are 6.", lengths=np.array([2, 1, 2]))
    refused("the lengths are 7 rows in all, but there are 6.", lengths=np.array([2, 1, 4]))
    for what in ("names", "groups", "times"):
        refused(f"2 {what} for 3 sequences.", **{what: ("x", "y")})


@pytest.mark.parametrize(
    ("row", "column", "values", "message"),
    [
        (0, 0, [np.nan], "sequence 0 (counted from 0), step 0 (counted from 0), feature a: nan is not a finite number"),
        (1, 1, [np.inf], "sequence 0 (counted from 0), step 1 (counted from 0), feature b: inf is not a finite number"),
        (2, 1, [-2e140], "sequence 1 (counted from 0), step 0 (counted from 0), feature b: -2e+140 is too large"),
        (4, 0, [np.nan, 1e300], "sequence 2 (counted from 0), step 1 (counted from 0), feature a: nan is not a finite"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_place(row: int, column: int, values: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"^{re.escape('here: ' + message)}") as caught:
        table(values=with_value(row, column, *values))
    many = "2 such values in all." if len(values) > 1 else "the only such value."
    assert str(caught.value).endswith(f"; {many}")


def test_the_largest_value_is_taken() -> None:
    assert table(values=with_value(0, 0, LARGEST)).values[0, 0] == 1e140
    refused(
        "sequence 0 (counted from 0), step 0 (counted from 0), feature a: 1.1e+140 is too large (at most 1e+140); "
        "the only such value.",
        values=with_value(0, 0, 1.1e140),
    )


def numbers(*rows: list[float]) -> dict[str, Any]:
    return {"targets": np.array(rows), "target_names": ("height", "width")}


def test_numbers_to_learn_are_one_row_a_sequence() -> None:
    given = numbers([1, 2], [3, 4], [5, LARGEST])
    assert table(**given).known_targets() is given["targets"]
    refused("targets have shape (2, 2), expected (3, 2): height, width of each sequence.", **numbers([1, 2], [3, 4]))
    refused("targets have shape (3, 1), expected (3, 2): height, width of each sequence.", **numbers([1], [3], [5]))
    refused(
        "sequence 1 (counted from 0), target width: nan is not a finite number; 2 such values in all.",
        **numbers([1, 2], [3, np.nan], [np.inf, 1]),
    )
    with pytest.raises(DataError, match=r"^here: there are no numbers to learn; name them in data\.source\.targets\.$"):
        table().known_targets()


def labelled(*labels: int, **more: Any) -> SequenceTable:
    return table(labels=np.array(labels), label_names=("up", "down"), **more)


def test_labels_are_one_a_sequence_or_one_a_row() -> None:
    assert labelled(0, 1, 1).sequence_labels().tolist() == [0, 1, 1]
    assert labelled(0, 0, 1, 1, 1, 1).sequence_labels().tolist() == [0, 1, 1]
    assert labelled(0, 1, 1, 0, 0, 1).step_labels().tolist() == [0, 1, 1, 0, 0, 1]
    with pytest.raises(DataError, match=r"^here: \(4,\) labels; expected one a sequence, \(3,\), or one a row, \(6,\)"):
        labelled(0, 1, 1, 0)
    with pytest.raises(
        DataError, match=r"^here: there is one label a sequence, which Classify learns; Label needs one a step\.$"
    ):
        labelled(0, 1, 1).step_labels()
    for ask in (table().sequence_labels, table().step_labels):
        with pytest.raises(DataError, match=r"^here: there are no labels; name them in data\.source\.$"):
            ask()


@pytest.mark.parametrize(
    ("labels", "sequence", "two"),
    [
        ((0, 1, 0, 1, 1, 1), 0, "up and down"),
        ((0, 0, 0, 1, 1, 0), 2, "down and up"),
        ((1, 1, 0, 0, 1, 1), 2, "up and down"),
    ],
)
def test_a_sequence_of_two_labels_is_named_with_them(labels: Any, sequence: int, two: str) -> None:
    message = (
        f"here: sequence {sequence} (counted from 0) has the labels {two}; Classify learns one a sequence, Label all."
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        labelled(*labels).sequence_labels()


def test_a_label_that_is_none_of_the_classes_is_named_with_its_place() -> None:
    none = "is none of the classes, which are 0 to 1."
    for labels, place in (
        ((0, 2, 1), "sequence 1 (counted from 0): the label 2"),
        ((0, 1, -1), "sequence 2 (counted from 0): the label -1"),
        ((0, 1, 1, 0, 2, 1), "sequence 2 (counted from 0), step 1 (counted from 0): the label 2"),
    ):
        with pytest.raises(DataError, match=f"^{re.escape(f'here: {place} {none}')}$"):
            labelled(*labels)


def test_facts_are_a_digest_of_everything() -> None:
    one = labelled(0, 1, 1, **numbers([1, 2], [3, 4], [5, 6]))
    assert one.facts()["rows"] == 6
    others = [
        labelled(0, 1, 0, **numbers([1, 2], [3, 4], [5, 6])),
        labelled(0, 1, 1, **numbers([1, 2], [3, 4], [5, 7])),
        labelled(0, 1, 1),
        table(**numbers([1, 2], [3, 4], [5, 6])),
        table(lengths=np.array([1, 2, 3])),
        table(values=with_value(0, 0, 9.0)),
        table(feature_names=("a", "c")),
        table(),
    ]
    assert len({other.facts()["sha256"] for other in (one, *others)}) == 9
    assert table(names=("x", "y", "z")).facts() == table().facts()


def test_sequences_are_joined_row_after_row() -> None:
    values, lengths = joined([[[1, 2]], np.array([[3.0, 4.0], [5.0, 6.0]])], 2, "here")
    assert (values.tolist(), lengths.tolist()) == ([[1, 2], [3, 4], [5, 6]], [1, 2])
    for given, message in (
        ([], "there are no sequences"),
        ([[[1, 2]], np.zeros((0, 2))], r"sequence 1 \(counted from 0\) is empty"),
        ([[[1, 2]], [[1, 2, 3]]], r"sequence 1 \(counted from 0\) has shape \(1, 3\); expected \(time, 2\)"),
        ([[1, 2]], r"sequence 0 \(counted from 0\) has shape \(2,\); expected \(time, 2\)"),
        ([[[1, 2], [3]]], r"sequence 0 \(counted from 0\): not rows of numbers, all as long: "),
    ):
        with pytest.raises(DataError, match=f"^here: {message}"):
            joined(given, 2, "here")


def test_waves_are_what_they_say() -> None:
    # Without noise each is the curve of its numbers; its phase is found by trying.
    for learn in ("numbers", "shape", "half"):
        found = Waves(n_sequences=60, learn=learn, noise=0.0, seed=4).read()
        assert (len(found), found.feature_names) == (60, ("x",))
        assert found.lengths.min() >= 20
        assert found.lengths.max() <= 60
        assert len(set(found.lengths.tolist())) > 15
    made = Waves(n_sequences=60, learn="numbers", noise=0.0, seed=4).read()
    kinds = Waves(n_sequences=60, learn="shape", noise=0.0, seed=4).read().sequence_labels()
    halves = Waves(n_sequences=60, learn="half", noise=0.0, seed=4).read().step_labels()
    assert made.target_names == ("height", "period", "offset")
    targets = made.known_targets()
    for column, (low, high) in enumerate(((0.5, 1.5), (6, 16), (-1, 1))):
        assert low <= targets[:, column].min() < low + 0.2 * (high - low)
        assert high - 0.2 * (high - low) < targets[:, column].max() <= high
    assert set(kinds.tolist()) == {0, 1, 2}
    for i in range(60):
        rows = slice(int(made.starts[i]), int(made.starts[i] + made.lengths[i]))
        x, half = made.values[rows, 0], halves[rows]
        height, period, offset = targets[i]
        assert np.abs(x - offset).max() <= height + 1e-12
        turns = np.arange(len(x)) / period
        wave = (
            lambda p: np.sin(2 * np.pi * p),
            lambda p: np.where(p % 1 < 0.5, 1.0, -1.0),
            lambda p: 2 * (p % 1) - 1,
        )[kinds[i]]
        errors = [
            np.abs(offset + height * wave(turns + phase) - x).mean() + np.mean(((turns + phase) % 1 >= 0.5) != half)
            for phase in np.linspace(0, 1, 401)
        ]
        assert min(errors) < 0.02 * height + 0.01


def test_noise_is_added_to_waves() -> None:
    clean, noisy = (Waves(n_sequences=30, noise=noise, seed=1).read() for noise in (0.0, 0.5))
    assert clean.lengths[0] == noisy.lengths[0]
    first = slice(0, int(clean.lengths[0]))
    assert 0.2 < np.std(noisy.values[first] - clean.values[first]) < 0.8


def test_a_wave_begins_at_its_phase_and_goes_on_from_there() -> None:
    # The same numbers from the same generator, in the order in which they are drawn: a phase that is taken away
    # and not added would be as random, but another wave.
    (x, *_), (numbers, *_) = Waves(n_sequences=1, learn="numbers", noise=0.0).generate(np.random.default_rng(5))
    rng = np.random.default_rng(5)
    length, kind = int(rng.integers(20, 61)), int(rng.integers(3))
    period, height, offset = rng.uniform(6, 16), rng.uniform(0.5, 1.5), rng.uniform(-1, 1)
    assert numbers == (height, period, offset)
    assert len(x) == length
    start = (rng.uniform() + np.arange(length) / period) % 1
    shapes = (np.sin(2 * np.pi * start), np.where(start < 0.5, 1.0, -1.0), 2 * start - 1)
    np.testing.assert_allclose(x[:, 0], offset + height * shapes[kind], atol=1e-12)
