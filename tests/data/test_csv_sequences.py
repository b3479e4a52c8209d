"""What is read of sequences in long form: numbers to learn, groups and times, and of other files what is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import DataError
from minidl.compiled.examples import examples
from minidl.data import CSVSequences, SequenceSet
from minidl.experiment import load_experiment
from minidl.training.selection import joined

TEXT = """\
id,t,a,b,h,w,kind,person
one,2024-01-02,1,2,10,-1,up,x
two,2024-01-01,7,8,20,-2,down,y
one,2024-01-01,3,4,10,-1,up,x
"""
NUMBERS: dict[str, Any] = {"sequence": "id", "time": "t", "features": ["a", "b"], "targets": ["h", "w"]}
CLASSES: dict[str, Any] = {"sequence": "id", "features": ["a"], "label": "kind", "labels": ["up", "down"]}


def source(folder: Path, text: str = TEXT, **arguments: Any) -> CSVSequences:
    (folder / "own.csv").write_text(text)
    return CSVSequences(path=str(folder / "own.csv"), **arguments)


def without(*columns: str) -> str:
    """TEXT without these columns."""
    rows = [line.split(",") for line in TEXT.splitlines()]
    kept = [i for i, name in enumerate(rows[0]) if name not in columns]
    return "".join(",".join(row[i] for i in kept) + "\n" for row in rows)


def test_numbers_groups_and_first_times_are_those_of_each_sequence(tmp_path: Path) -> None:
    found = source(tmp_path, **NUMBERS, group="person").read()
    assert found.values.tolist() == [[3, 4], [1, 2], [7, 8]]
    assert found.known_targets().tolist() == [[10, -1], [20, -2]]
    assert (found.names, found.groups) == (("one", "two"), ("x", "y"))
    assert found.times is not None
    assert found.times.tolist() == np.array(["2024-01-01", "2024-01-01"], "datetime64[s]").tolist()


def test_a_file_to_predict_may_have_what_is_to_be_learned_or_lack_it(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    for text, targets in ((TEXT, [[10, -1], [20, -2]]), (without("w"), None), (without("h", "w", "person"), None)):
        other.write_text(text)
        found = source(tmp_path, **NUMBERS, group="person").read(other)
        assert (None if found.targets is None else found.targets.tolist()) == targets
        assert found.groups == (("x", "y") if "person" in text else None)
    for text, labels in ((TEXT, [0, 1]), (without("kind"), None)):
        other.write_text(text)
        found = source(tmp_path, **CLASSES).read(other)
        assert (None if found.labels is None else found.sequence_labels().tolist()) == labels


@pytest.mark.parametrize(
    ("column", "needed"), [("h", NUMBERS), ("kind", CLASSES), ("person", {**CLASSES, "group": "person"})]
)
def test_its_own_file_needs_every_column(tmp_path: Path, column: str, needed: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=rf"own.csv:1: no column '{column}'"):
        source(tmp_path, without(column), **needed).read()


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        # In order of time, the row of line 4 is the first.
        (("10,-1,up,x\n", "11,-1,up,x\n"), 2, "column h: differs from the first row of the sequence one; "),
        (("2024-01-02", "2024-01-01"), 4, "column t: the sequence one has a row of this time already."),
    ],
)
def test_a_row_that_contradicts_another_is_named(
    tmp_path: Path, change: tuple[str, str], line: int, message: str
) -> None:
    text = TEXT.replace(*change, 1)
    with pytest.raises(DataError, match=re.escape(f"own.csv:{line}: {message}")):
        source(tmp_path, text, **NUMBERS).read()


def test_rows_of_the_same_time_in_two_sequences_are_two_rows(tmp_path: Path) -> None:
    found = source(tmp_path, TEXT.replace("two,2024-01-01", "two,2024-01-02"), **NUMBERS).read()
    assert found.lengths.tolist() == [2, 1]


@pytest.mark.parametrize("cell", ["", "x", "nan", "inf", "-inf"])
def test_a_cell_that_is_no_finite_number_is_named(tmp_path: Path, cell: str) -> None:
    message = f"own.csv:2: column a: {cell!r} is not a finite number; sequences have no gaps."
    with pytest.raises(DataError, match=f"{re.escape(message)}$"):
        source(tmp_path, TEXT.replace(",1,2,", f",{cell},2,"), **NUMBERS).read()


WEIGHED = TEXT.replace("person\n", "person,much\n").replace(",x\n", ",x,0.5\n").replace(",y\n", ",y,3\n")


def test_weights_are_one_a_sequence_and_go_with_them_into_batches(tmp_path: Path) -> None:
    found = source(tmp_path, WEIGHED, **CLASSES, weight="much").read()
    assert found.weights is not None
    assert found.weights.tolist() == [0.5, 3]
    assert found.facts() != source(tmp_path, WEIGHED, **CLASSES).read().facts()
    assert source(tmp_path, WEIGHED, **CLASSES, weight="much").read(tmp_path / "own.csv").weights is None
    half = np.array([0.5, 3.0, 2.0, 4.0])
    lengths = np.array([1, 3, 2, 3])
    some = SequenceSet(np.zeros((9, 1)), np.cumsum(lengths) - lengths, lengths, np.arange(4), weight=half)
    batch = some.gather(np.array([0, 2, 1]))
    assert batch.lengths is not None
    assert batch.weight is not None
    assert (batch.lengths.tolist(), batch.weight.tolist()) == ([3, 2, 1], [3.0, 2.0, 0.5])
    assert batch.target.tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",0.5\n", ",-1\n", "sequence one: weight -1; expected 0 or more."),
        ("x,0.5\ntwo", "x,0.6\ntwo", "column much: differs from the first row of the sequence one"),
        (",3\n", ",much\n", "column much: 'much' is not a finite number"),
    ],
)
def test_weights_that_are_none_are_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        source(tmp_path, WEIGHED.replace(old, new), **CLASSES, weight="much").read()


@pytest.mark.parametrize("every_step", [False, True])
def test_a_loss_is_the_mean_weighted_by_sequence(every_step: bool, tmp_path: Path) -> None:
    rng, rows = np.random.default_rng(0), ["id,a,kind,much"]
    lengths = rng.integers(2, 6, 20)
    for i, length in enumerate(lengths):
        kinds = rng.choice(["up", "down"], length if every_step else 1).tolist() * (1 if every_step else int(length))
        rows += [f"{i},{rng.normal():.3f},{kind},{i % 3}" for kind in kinds]
    task = "Label" if every_step else "Classify"
    (tmp_path / "c.yaml").write_text(f"""\
dtype: float64
engine: numpy
data:
  type: Sequences
  source: {{type: CSVSequences, path: {tmp_path}/own.csv, sequence: id, features: [a], label: kind, \
labels: [up, down], weight: much}}
model: {{type: Sequential, layers: [{{type: RecurrentLayer, hidden_size: 3}}{"" if every_step else ", LastStep"}, \
{{type: Dense, output_size: 2}}]}}
loss: CrossEntropy
optimizer: {{type: SGD, learning_rate: 0.1}}
evaluation: {{type: {task}}}
""")
    source(tmp_path, "\n".join(rows) + "\n", **CLASSES)
    experiment = load_experiment(tmp_path / "c.yaml")
    train: Any = experiment.load_data().train
    total = weights = 0.0
    for k in range(len(train)):
        one = train.gather(slice(k, k + 1))
        y, label = experiment.model(one.x).reshape(-1, 2), one.target.reshape(-1)
        losses = [np.log(np.exp(row).sum()) - row[kind] for row, kind in zip(y, label, strict=True)]
        total, weights = total + one.weight[0] * sum(losses), weights + one.weight[0] * len(losses)
    found = experiment.trainer().train_step(train.gather(slice(None)))
    assert found == pytest.approx(total / weights, rel=1e-10)


def weighed(lengths: list[int], weights: list[float]) -> SequenceSet:
    n = np.array(lengths)
    return SequenceSet(np.zeros((16, 1)), np.cumsum(n) - n, n, np.arange(len(n)), weight=np.array(weights))


@pytest.mark.parametrize("lengths", [[3, 3, 3], [2, 2, 3]])
def test_compiled_code_finds_the_weight_of_each_sequence(lengths: list[int]) -> None:
    # Caught here: engines that disagreed, as compiled code took every sequence for one.
    found = examples(weighed(lengths, [0.5, 3.0, 2.0]), np.array([1, 0]), 2, labels=True)
    assert found.weights is not None
    assert found.weights.values[found.weights.starts].tolist() == [3.0, 0.5]
    assert found.weights.shape == ()


def test_a_refit_has_the_weights_of_both_parts() -> None:
    both = joined(weighed([2, 2], [0.5, 3.0]), weighed([2], [2.0]))
    assert both.gather(slice(None)).weight == pytest.approx([0.5, 3.0, 2.0])


@pytest.mark.parametrize("arguments", [{**NUMBERS, "group": "person"}, {**CLASSES, "time": "t"}])
def test_a_parquet_file_is_read_as_the_csv_file_of_it(tmp_path: Path, arguments: dict[str, Any]) -> None:
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    plain = source(tmp_path, **arguments)
    frame = pandas.read_csv(plain.path, parse_dates=["t"])
    frame.to_parquet(tmp_path / "own.parquet", index=False)
    found, expected = CSVSequences(path=str(tmp_path / "own.parquet"), **arguments).read(), plain.read()
    assert found.values.tolist() == expected.values.tolist()
    assert (found.names, found.groups) == (expected.names, expected.groups)
    np.testing.assert_array_equal(found.times, expected.times)
    np.testing.assert_array_equal(found.lengths, expected.lengths)
    frame.loc[1, "a"] = np.nan
    frame.to_parquet(tmp_path / "own.parquet", index=False)
    with pytest.raises(DataError, match=r"own\.parquet: row 1 \(counted from 0\): column a: '' is not a finite number"):
        CSVSequences(path=str(tmp_path / "own.parquet"), **arguments).read()
