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
