"""Scores of tasks on sequences against plain counting, with outputs that are not the truth shifted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import DataError, Dense, LastStep, Sequential
from minidl.data import ArraySequences, FractionSplit, SequenceParts, Sequences, SequenceSet
from minidl.tasks import Classify, Label, Regress
from minidl.tasks.linear import Ridge, around_steps, flattened
from minidl.tasks.sequence_task import outputs


def plain_r2(y: Any, t: Any) -> float:
    """1 - Σ (y - t)² / Σ (t - mean)²."""
    mean = sum(t) / len(t)
    return float(1 - sum((a - b) ** 2 for a, b in zip(y, t, strict=True)) / sum((b - mean) ** 2 for b in t))


@pytest.fixture
def numbers() -> SequenceParts:
    """Twenty sequences of which two numbers are learned, of other scales."""
    rng = np.random.default_rng(1)
    x = [rng.standard_normal((3 + k % 3, 2)) for k in range(20)]
    y = np.stack([rng.uniform(5, 9, 20), rng.uniform(-300, 100, 20)], axis=1)
    source = ArraySequences(x, y, targets=("h", "w"))
    return Sequences(source, split=FractionSplit(stratified=False)).load("float64", table=source.read())


def test_r2_is_of_outputs_against_the_truth_and_not_the_other_way(numbers: SequenceParts) -> None:
    target = numbers.test.target
    y = 0.3 * target + np.linspace(0, 1, target.size).reshape(target.shape)
    each = [plain_r2(y[:, k], target[:, k]) for k in range(2)]
    assert each[0] != pytest.approx(plain_r2(target[:, 0], y[:, 0]))  # it matters which is which
    assert Regress().validate(y, target) == {"r2": pytest.approx(np.mean(each))}
    scores = Regress().score(numbers, y)
    assert scores["scores"]["all"]["r2"] == pytest.approx(np.mean(each))
    assert [scores["outputs"][name]["r2"] for name in ("h", "w")] == pytest.approx(each)
    assert scores["outputs"]["h"].keys() == {"r2", "rmse", "mae"}


def test_scores_are_those_of_their_stretches(numbers: SequenceParts) -> None:
    # Of numbers, of classes, and of classes of steps, where a sequence is one unit with as many values as steps.
    rng = np.random.default_rng(2)
    x = [rng.standard_normal((2 + k % 4, 2)) for k in range(100)]
    plain = FractionSplit(stratified=False)
    whole = ArraySequences(x, [k % 2 for k in range(100)], labels=("a", "b"))
    by_step = ArraySequences(x, [np.arange(len(one)) % 2 for one in x], labels=("a", "b"))
    classes, steps = whole.read(), by_step.read()
    sequences = Sequences(whole, split=plain).load("float64", labels=classes.sequence_labels(), table=classes)
    all_steps = Sequences(by_step, split=plain).load(
        "float64", labels=steps.step_labels(), every_step=True, table=steps
    )
    cases: list[tuple[Any, SequenceParts, Any]] = [
        (Regress(), numbers, [LastStep(), Dense(2)]),
        (Classify(), sequences, [LastStep(), Dense(2)]),
        (Label(), all_steps, [Dense(2)]),
    ]
    for task, parts, layers in cases:
        model = Sequential(layers)
        model.build((None, 2), np.random.default_rng(0), "float64")
        scores, stretches = task.evaluate(parts, model)["scores"]["all"], task.stretches(parts, model)["all"]
        assert stretches.keys() == {metric.name for metric in task.metrics if metric.of_sums}
        for name, sums in stretches.items():
            assert len(sums) == min(16, len(parts.test))
            assert task.metric(name).of_sums(np.sum(sums, axis=0)) == pytest.approx(scores[name], rel=1e-9)


def test_sequences_without_numbers_are_refused_before_they_are_split() -> None:
    table = ArraySequences([np.ones((2, 1))] * 2).read()
    with pytest.raises(DataError, match="targets"):
        Regress().targets_of(table)


def test_the_picture_of_numbers_has_the_truth_below_and_the_outputs_at_the_left(numbers: SequenceParts) -> None:
    pytest.importorskip("matplotlib")
    model = Sequential([LastStep(), Dense(2)])
    model.build((None, 2), np.random.default_rng(0), "float64")
    scores = Regress().evaluate(numbers, model)
    axes = Regress().draw(model, numbers, scores)["truth.png"].axes
    y = outputs(model, numbers.test, every_step=False)
    for k in range(2):
        x_data, y_data = axes[k].lines[-1].get_data()
        offset, spread = numbers.scale.offset[2 + k], numbers.scale.range[2 + k]
        np.testing.assert_allclose(np.asarray(x_data), numbers.table.known_targets()[numbers.members[2], k])
        np.testing.assert_allclose(np.asarray(y_data), y[:, k] * spread + offset)


def test_baselines_put_out_one_number_a_class_for_each_sequence_of_the_test_part() -> None:
    labels = [0] * 6 + [1] * 14
    source = ArraySequences([np.full((2, 1), float(k)) for k in range(20)], labels, labels=("a", "b", "c"))
    parts = Sequences(source, split=FractionSplit(stratified=False)).load(
        "float64", table=source.read(), labels=np.array(labels)
    )
    for name, make in Classify().baselines().items():
        assert make(parts).shape == (len(parts.test), 3), name


def test_the_linear_baseline_of_numbers_is_ridge_regression_of_whole_sequences(numbers: SequenceParts) -> None:
    train, test = (flattened(part, 5) for part in (numbers.train, numbers.test))
    expected = Ridge.fit(train, numbers.train.target)(test)
    np.testing.assert_allclose(Regress().baselines()["linear"](numbers), expected)
    means = numbers.train.target.mean(axis=0)
    np.testing.assert_allclose(Regress().baselines()["mean"](numbers), [means] * len(numbers.test))


def together(*lengths: int) -> SequenceSet:
    """Sequences of these lengths of two features, which count from 1."""
    rows = np.arange(1.0, 2 * sum(lengths) + 1).reshape(-1, 2)
    ends = np.cumsum(lengths)
    return SequenceSet(rows, ends - lengths, np.array(lengths), np.zeros(len(lengths)))


def test_a_flattened_sequence_is_cut_or_filled_with_zeros() -> None:
    assert flattened(together(1, 3), 2).tolist() == [[1, 2, 0, 0], [3, 4, 5, 6]]
    assert flattened(together(1), 2).tolist() == [[1, 2, 0, 0]]


def test_a_flattened_matrix_may_have_as_many_numbers_as_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidl.tasks.linear.MAX_NUMBERS", 12)
    assert flattened(together(1, 3), 3).shape == (2, 6)
    monkeypatch.setattr("minidl.tasks.linear.MAX_NUMBERS", 11)
    with pytest.raises(DataError, match=r"^it would be fitted on 2 x 6 numbers; at most 11 are"):
        flattened(together(1, 3), 3)


def test_a_step_stands_between_those_around_it_in_its_own_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidl.tasks.linear.AROUND", 1)
    assert around_steps(together(1, 2), 1).tolist() == [[0, 0, 1, 2, 0, 0], [0, 0, 3, 4, 5, 6], [3, 4, 5, 6, 0, 0]]


def test_where_labels_are_of_the_next_step_the_linear_baseline_sees_no_later_one() -> None:
    # Caught here: a baseline that reads the answer off the step that follows.
    rng = np.random.default_rng(0)
    bits = [rng.integers(0, 2, 12) for _ in range(60)]
    x = [row[:-1, None].astype(float) for row in bits]
    source = ArraySequences(x, [row[1:] for row in bits], labels=("0", "1"))
    table = source.read()
    parts = Sequences(source).load("float64", table=table, labels=table.step_labels(), every_step=True)
    found = {}
    for task in (Label(), Label(lookahead=0)):
        y = task.baselines()["linear"](parts)
        found[task.lookahead] = task.score(parts, y)["scores"]["all"]["accuracy"]
    assert found[8] > 0.9
    assert found[0] < 0.7
    np.testing.assert_array_equal(around_steps(parts.train, 0), around_steps(parts.train)[:, :9])
