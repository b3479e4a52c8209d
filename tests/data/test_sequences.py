"""Sequences become scaled batches, padded and longest first; each source gives the same, or says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import ConfigError, DataError
from minidl.data import (
    ArraySequences,
    CSVSequences,
    MinMaxScaler,
    NPZSequences,
    Sequences,
    SequenceSet,
    SequenceTable,
    StandardScaler,
    Waves,
)

X = [np.arange(6.0).reshape(3, 2), np.full((1, 2), 7.0), np.arange(8.0).reshape(4, 2) + 10]
NAMES = ("up", "down")
LONG = """\
id,t,a,b,kind,person
one,1,2,3,up,x
two,0,7,7,down,y
one,0,0,1,up,x
three,0,10,11,up,x
one,2,4,5,up,x
three,1,12,13,up,x
three,3,16,17,up,x
three,2,14,15,up,x
"""
COLUMNS: dict[str, Any] = {"sequence": "id", "time": "t", "features": ["a", "b"]}
LABELLED: dict[str, Any] = {**COLUMNS, "label": "kind", "labels": ["up", "down"]}


def long_form(folder: Path, text: str = LONG, **arguments: Any) -> CSVSequences:
    (folder / "long.csv").write_text(text)
    return CSVSequences(path=str(folder / "long.csv"), **(arguments or {**LABELLED, "group": "person"}))


def check(table: SequenceTable) -> None:
    """The sequences of X, with their labels."""
    assert table.lengths.tolist() == [3, 1, 4]
    np.testing.assert_array_equal(table.values, np.concatenate(X))
    assert table.sequence_labels().tolist() == [0, 1, 0]


def test_rows_in_long_form_are_put_together_by_sequence_and_in_order_of_time(tmp_path: Path) -> None:
    table = long_form(tmp_path).read()
    check(table)
    assert (table.names, table.groups) == (("one", "two", "three"), ("x", "y", "x"))


def test_without_a_time_rows_are_in_the_order_of_the_file(tmp_path: Path) -> None:
    table = long_form(tmp_path, sequence="id", features=["a"]).read()
    assert table.values[:3, 0].tolist() == [2, 0, 4]


@pytest.mark.parametrize("padded", [True, False])
def test_an_npz_file_holds_padded_or_joined_sequences(tmp_path: Path, padded: bool) -> None:
    x = np.full((3, 5, 2), np.nan)
    for i, sequence in enumerate(X):
        x[i, : len(sequence)] = sequence
    arrays = {"x": x if padded else np.concatenate(X), "lengths": [3, 1, 4], "y": ["up", "down", "up"]}
    np.savez(tmp_path / "x.npz", **arrays)
    check(NPZSequences(str(tmp_path / "x.npz"), features=["a", "b"], labels=list(NAMES)).read())


def test_arrays_in_python_are_the_same(tmp_path: Path) -> None:
    check(ArraySequences(X, ["up", "down", "up"], labels=NAMES).read())
    check(ArraySequences(X, [0, 1, 0], labels=NAMES, features=("a", "b")).read())
    steps = ArraySequences(X, [[0, 1, 0], [1], [0, 0, 1, 1]], labels=NAMES).read()
    assert steps.step_labels().tolist() == [0, 1, 0, 1, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("id,t", "no,t"), r"long.csv:1: no column 'id'"),
        (("2,3,up", "nan,3,up"), r"long.csv:2: column a: 'nan' is not a finite number; sequences have no gaps\.$"),
        (("2,3,up", "2,,up"), r"long.csv:2: column b: '' is not a finite number"),
        (("one,1,2,3,up,x", "one,1,2,3,up"), r"long.csv:2: 5 cells, but the header has 6"),
        (("7,7,down", "7,7,dwn"), r"long.csv:3: column kind: unknown label 'dwn'; did you mean down\?$"),
        (("two,0", ",0"), r"long.csv:3: column id: an empty cell; every row belongs to a sequence\.$"),
        (("one,0", "one,1"), r"long.csv:4: column t: the sequence one has a row of this time already\.$"),
        (("4,5,up,x", "4,5,up,y"), r"long.csv:\d: column person: differs from the first row of "),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_line(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        long_form(tmp_path, LONG.replace(*change)).read()


def test_a_sequence_with_two_labels_is_one_for_label(tmp_path: Path) -> None:
    table = long_form(tmp_path, LONG.replace("4,5,up", "4,5,down")).read()
    with pytest.raises(DataError, match=r"long.csv: sequence one has the labels up and down; Classify learns one a"):
        table.sequence_labels()
    assert table.step_labels().tolist()[:3] == [0, 0, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({**COLUMNS, "label": "kind"}, "CSVSequences: label: also needs labels"),
        ({**COLUMNS, "labels": ["up"]}, "CSVSequences: labels: also needs label"),
        ({**LABELLED, "features": ["a", "kind"]}, "CSVSequences: features: 'kind' is what is to be learned"),
        ({**LABELLED, "features": ["a", "a"]}, "CSVSequences: features: 'a' appears twice"),
        ({**LABELLED, "targets": ["b"]}, "CSVSequences: targets: there are labels too"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CSVSequences(path="x.csv", **arguments)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": [0, 1, 0]}, r"there is no array x of numbers; it holds y\.$"),
        ({"x": np.ones((3, 2))}, r"there is no array y of what is to be learned; it holds x\.$"),
        ({"x": np.ones((3, 2)), "y": [0, 1]}, r"all rows in a row, but there is no array lengths\.$"),
        ({"x": np.ones((2, 3, 2)), "y": [0, 1], "lengths": [3, 4]}, r"2 lengths of up to 4 rows do not fit x of shape"),
        ({"x": np.ones((2, 3, 2)), "y": [0, 1], "lengths": [3, 0]}, r"sequence 1 \(counted from 0\) is empty\.$"),
        ({"x": np.ones((2, 3, 1)), "y": [0, 1]}, r"rows of shape \(1,\); expected 2 features: a, b\.$"),
        ({"x": np.ones((2, 3, 2)), "y": [0, 2]}, r"sequence 1 \(counted from 0\): the label 2 is none of the classes"),
        (
            {"x": np.ones((2, 3, 2)), "y": ["up", "dwn"]},
            r"label 1 \(counted from 0\): unknown 'dwn'; did you mean",
        ),
        ({"x": np.ones((2, 3, 2)), "y": [0, 1, 1]}, r"\(3,\) labels; expected one a sequence, \(2,\), or one a row"),
        ({"x": np.array([[[1.0, np.nan]]] * 2), "y": [0, 1]}, r"sequence 0 .*step 0 .*feature b: nan is not a finite"),
    ],
)
def test_what_is_wrong_in_an_npz_file_is_said_in_one_line(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(DataError, match=message) as caught:
        NPZSequences(str(tmp_path / "x.npz"), features=["a", "b"], labels=list(NAMES)).read()
    assert len(caught.value.lines) == 1


def test_an_npz_file_never_runs_anything(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.array([{}, []], dtype=object), y=[0, 1])
    with pytest.raises(DataError, match=r"not a file of numpy\.savez with plain arrays"):
        NPZSequences(str(tmp_path / "x.npz"), features=["a"], labels=["up"]).read()
    (tmp_path / "y.npz").write_bytes(b"PK no archive")
    with pytest.raises(DataError, match=r"not a file of numpy\.savez"):
        NPZSequences(str(tmp_path / "y.npz"), features=["a"], labels=["up"]).read()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([np.ones((3, 2)), np.ones((3, 1))], r"sequence 1 \(counted from 0\) has shape \(3, 1\); expected \(time, 2\)"),
        ([np.ones((3, 2)), np.ones((0, 2))], r"sequence 1 \(counted from 0\) is empty"),
        ([np.ones((1, 2)), [[1, 2], [3]]], r"sequence 1 \(counted from 0\): not rows of numbers"),
        ([], "there are no sequences"),
    ],
)
def test_ragged_or_empty_sequences_in_python_are_refused(x: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ArraySequences(x, [0, 1], labels=NAMES)


def test_a_batch_is_padded_with_zeros_and_has_the_longest_first() -> None:
    table = ArraySequences(X, [0, 1, 0], labels=NAMES).read()
    labels = table.sequence_labels()
    batch = SequenceSet(table.values, table.starts, table.lengths, labels).gather(np.array([1, 0, 2]))
    assert batch.lengths is not None
    assert (batch.lengths.tolist(), batch.order.tolist(), batch.target.tolist()) == ([4, 3, 1], [2, 1, 0], [0, 0, 1])
    for row, number in enumerate((2, 0, 1)):
        np.testing.assert_array_equal(batch.x[row], np.pad(X[number], [(0, 4 - len(X[number])), (0, 0)]))


def test_labels_of_steps_are_padded_like_the_steps() -> None:
    table = ArraySequences(X, [[1, 1, 0], [1], [1, 0, 1, 0]], labels=NAMES).read()
    batch = SequenceSet(table.values, table.starts, table.lengths, table.step_labels(), True).gather(slice(0, 2))
    assert (batch.target.tolist(), batch.lengths.tolist()) == ([[1, 1, 0], [1, 0, 0]], [3, 1])


@pytest.mark.parametrize("scaler", [MinMaxScaler(), StandardScaler()])
def test_the_scaling_is_that_of_the_training_sequences_alone(scaler: Any) -> None:
    # Caught here: a scaler that sees validation or test sequences, or the zeros of the padding.
    source = Waves(n_sequences=40, learn="numbers")
    table = source.read()
    parts = Sequences(source, scaler=scaler).load("float64", table=table)
    rows = [slice(a, a + n) for a, n in zip(table.starts, table.lengths, strict=True)]
    values = np.concatenate([table.values[rows[i]] for i in parts.members[0]])
    assert table.targets is not None
    for column, known in enumerate([values[:, 0], *table.targets[parts.members[0]].T]):
        smallest = type(scaler) is MinMaxScaler
        low, spread = (known.min(), np.ptp(known)) if smallest else (known.mean(), known.std())
        assert parts.scale.offset[column] == pytest.approx(low)
        assert parts.scale.range[column] == pytest.approx(spread)


def test_generated_sequences_depend_on_their_seed_alone() -> None:
    one, again, other = (Waves(n_sequences=5, seed=seed).read() for seed in (1, 1, 2))
    assert one.facts() == again.facts() != other.facts()
    with pytest.raises(ConfigError, match=r"^--input: Waves reads no file"):
        Waves().read(Path("x.csv"))


def test_facts_change_with_everything_that_is_learned_from() -> None:
    table = ArraySequences(X, [0, 1, 0], labels=NAMES).read()
    others = [
        ArraySequences(X, [1, 1, 0], labels=NAMES),
        ArraySequences([*X[:2], X[2] + 1e-9], [0, 1, 0], labels=NAMES),
        ArraySequences(X, [0, 1, 0], labels=("up", "left")),
        ArraySequences([X[0][:2], np.concatenate([X[0][2:], X[1]]), X[2]], [0, 1, 0], labels=NAMES),
    ]
    assert len({table.facts()["sha256"], *(other.read().facts()["sha256"] for other in others)}) == 5
