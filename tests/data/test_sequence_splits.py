"""Which sequences are for training, validation and test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import ConfigError, DataError
from minidl.data import ArraySequences, FractionSplit, GroupSplit, SequenceTable, Split, TimeSplit


def table(n: int, **more: Any) -> SequenceTable:
    return ArraySequences([np.ones((1 + i % 3, 1)) for i in range(n)], [0] * n, labels=("a", "b"), **more).read()


@pytest.mark.parametrize("split", [FractionSplit(), FractionSplit(validation=0), FractionSplit(0.5, 0.25, seed=3)])
def test_every_sequence_is_in_one_part_and_shares_are_as_asked(split: Split) -> None:
    parts = split.divide(table(40))
    assert sorted(np.concatenate(parts)) == list(range(40))
    assert [len(parts[2]), len(parts[1])] == [round(40 * split.test), round(40 * split.validation)]


def test_classes_have_the_same_shares_in_all_parts() -> None:
    strata = np.array([0] * 50 + [1] * 30 + [2] * 20)
    parts = FractionSplit(test=0.2, validation=0.1).divide(table(100), strata)
    assert [np.bincount(strata[part]).tolist() for part in parts] == [[35, 21, 14], [5, 3, 2], [10, 6, 4]]
    loose = FractionSplit(test=0.2, validation=0.1, stratified=False).divide(table(100), strata)
    assert np.bincount(strata[loose[2]]).tolist() != [10, 6, 4]


def test_the_split_is_that_of_its_own_seed() -> None:
    one, again, other = (FractionSplit(seed=seed).divide(table(40))[2].tolist() for seed in (0, 0, 1))
    assert one == again != other


@pytest.mark.parametrize("seed", range(5))
def test_no_group_is_in_two_parts(seed: int) -> None:
    groups = np.array(list("aaaaaaaabbbbbbccccdddeef"))
    found = table(len(groups), groups=groups)
    parts = GroupSplit(test=0.25, validation=0.25, seed=seed).divide(found)
    of = [set(groups[part]) for part in parts]
    assert sum(map(len, of)) == len(set(groups))
    assert sorted(np.concatenate(parts)) == list(range(len(groups)))


def test_the_latest_sequences_are_the_test_and_those_before_them_validation() -> None:
    times = np.array([5, 1, 9, 3, 7, 2, 8, 4, 6, 0])
    train, validation, test = TimeSplit(test=0.2, validation=0.3).divide(table(10, times=times))
    assert (sorted(times[test]), sorted(times[validation])) == ([8, 9], [5, 6, 7])
    assert times[train].max() < times[validation].min()


@pytest.mark.parametrize(
    ("split", "more", "message"),
    [
        (GroupSplit(), {}, "there are no groups, which GroupSplit needs"),
        (TimeSplit(), {}, "sequences have no times, which TimeSplit needs"),
        (GroupSplit(), {"groups": ["a", "a"]}, "GroupSplit leaves none of 2 sequences for the "),
        (FractionSplit(), {}, "FractionSplit leaves none of 2 sequences for the validation part"),
    ],
)
def test_a_split_that_cannot_be_is_refused(split: Split, more: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        split.divide(table(2, **more))


def test_shares_that_leave_nothing_for_training_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^FractionSplit: test: 0\.5 and validation 0\.5 leave nothing for training"):
        FractionSplit(test=0.5, validation=0.5)


@pytest.mark.parametrize(
    ("test", "validation", "n", "counts"),
    [
        (0.2, 0.2, 10, (2, 2)),
        (0.25, 0.3, 9, (2, 3)),
        (0.2, 0.2, 2, (0, 0)),
        (0.3, 0.6, 2, (1, 0)),  # one is left for training
        (0.3, 0.6, 1, (0, 0)),
        (0.3, 0.6, 3, (1, 1)),
        (0.3, 0.6, 10, (3, 6)),
        (0.6, 0.1, 1, (1, 0)),
        (0.2, 0, 10, (2, 0)),
    ],
)
def test_shares_are_rounded_and_training_keeps_one(test: float, validation: float, n: int, counts: Any) -> None:
    assert FractionSplit(test=test, validation=validation).counts(n) == counts


def test_a_draw_is_that_of_numpys_generator() -> None:
    order = np.random.default_rng(7).permutation(10).tolist()
    train, validation, test = FractionSplit(test=0.2, validation=0.3, seed=7).divide(table(10))
    assert (test.tolist(), validation.tolist()) == (sorted(order[:2]), sorted(order[2:5]))
    assert train.tolist() == sorted(order[5:])


def test_classes_are_spread_evenly_in_the_order_of_the_draw() -> None:
    strata, n = np.array([0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1]), 12
    split = FractionSplit(test=0.25, validation=0.3, seed=5)
    order = np.random.default_rng(5).permutation(n).tolist()
    expected: list[list[int]] = [[], [], []]
    for label in (0, 1):
        members = [i for i in order if strata[i] == label]
        for j, i in enumerate(members):
            place = (j + 0.5) / len(members)
            expected[2 if place < 0.25 else 1 if place < 0.55 else 0].append(i)
    assert [part.tolist() for part in split.divide(table(n), strata)] == [sorted(part) for part in expected]


def test_a_place_on_the_border_belongs_to_the_part_after_it() -> None:
    # Two of each class stand at 1/4 and 3/4.
    strata = np.array([0, 0, 1, 1])
    for test, validation, sizes in ((0.25, 0.5, (2, 2, 0)), (0.3, 0.45, (2, 0, 2)), (0.3, 0.46, (0, 2, 2))):
        part = FractionSplit(test=test, validation=validation).assign(table(4), strata)
        assert tuple(np.bincount(part, minlength=3)) == sizes


@pytest.mark.parametrize("seed", range(6))
def test_groups_are_taken_as_long_as_they_bring_a_part_nearer_to_its_share(seed: int) -> None:
    groups = np.array(list("aaaaaaaabbbbbbccccdddeef"))
    names = sorted(set(groups))
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    expected: dict[str, set[str]] = {"test": set(), "validation": set()}
    for part in ("test", "validation"):
        taken, wanted = 0, round(0.25 * len(groups))
        for name in order:
            size = int(np.sum(groups == name))
            used = any(name in names for names in expected.values())
            if not used and abs(taken + size - wanted) < abs(taken - wanted):
                expected[part].add(name)
                taken += size
    found = GroupSplit(test=0.25, validation=0.25, seed=seed).divide(table(len(groups), groups=groups))
    assert (set(groups[found[2]]), set(groups[found[1]])) == (expected["test"], expected["validation"])


def test_of_equal_times_the_later_ones_in_the_file_are_the_later_ones() -> None:
    train, validation, test = TimeSplit(test=0.25, validation=0.25).divide(table(8, times=np.zeros(8, int)))
    assert (train.tolist(), validation.tolist(), test.tolist()) == ([0, 1, 2, 3], [4, 5], [6, 7])


def test_without_validation_none_is_missed() -> None:
    train, validation, test = FractionSplit(test=0.5, validation=0).divide(table(2))
    assert (len(train), len(validation), len(test)) == (1, 0, 1)
    for n, name in ((1, "validation"), (3, "validation")):
        with pytest.raises(DataError, match=f"FractionSplit leaves none of {n} sequences for the {name} part"):
            FractionSplit(test=0.4, validation=0.1).divide(table(n))


def test_shares_of_just_less_than_all_leave_something() -> None:
    assert FractionSplit(test=0.5, validation=0.49).counts(100) == (50, 49)
    with pytest.raises(ConfigError, match=r"^FractionSplit: test: 0\.5 and validation 0\.5 leave nothing for training"):
        FractionSplit(test=0.5, validation=0.5)
