"""Some examples of a source: the first ones, and ones at equal distances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.data import ArraySequences, Sequences
from minidl.data.windows import Windows
from minidl.training import Arrays
from minidl.training.selection import first_examples, joined, spread_examples

TEN = Arrays(np.arange(10.0)[:, None], np.arange(10, 20.0)[:, None])


def xs(source: Any) -> list[float]:
    """All inputs of a source of `TEN`; targets must be those that belong to them."""
    batch = source.gather(np.arange(len(source)))
    np.testing.assert_array_equal(batch.target, batch.x + 10)
    return [float(x) for x in batch.x[:, 0]]


@pytest.mark.parametrize(
    ("n", "spread"), [(1, [0]), (2, [0, 9]), (3, [0, 4, 9]), (4, [0, 3, 6, 9]), (10, [*range(10)]), (99, [*range(10)])]
)
def test_examples_are_the_first_ones_or_at_equal_distances(n: int, spread: list[int]) -> None:
    assert xs(spread_examples(TEN, n)) == spread
    assert xs(first_examples(TEN, n)) == [*range(min(n, 10))]


def test_the_first_windows_are_the_earliest() -> None:
    windows = Windows(np.arange(40.0).reshape(20, 2), np.array([7, 2, 9, 3]), 4, 0)
    found: Any = first_examples(windows, 3)
    assert found.starts.tolist() == [2, 3, 7]
    assert isinstance(found, Windows)


@pytest.mark.parametrize("every_step", [False, True])
def test_the_first_sequences_keep_what_is_to_be_learned(every_step: bool) -> None:
    x = [np.full((n, 1), float(i)) for i, n in enumerate((3, 5, 4, 6, 2, 3, 4, 5))]
    labels = np.arange(32 if every_step else 8) % 2
    data = Sequences(ArraySequences(x, np.zeros(8, int), labels=["a", "b"]))
    train: Any = data.load("float64", table=data.source.read(), labels=labels, every_step=every_step).train
    few: Any = first_examples(train, 2)
    assert (type(few), len(few)) == (type(train), 2)
    for i in range(2):
        one, other = (source.gather(np.array([i])) for source in (few, train))
        np.testing.assert_array_equal(one.x, other.x)
        np.testing.assert_array_equal(one.target, other.target)


@pytest.mark.parametrize(
    ("later", "starts"), [(3, [0, 1, 2, 3]), (4, [*range(5)]), (8, [*range(9)]), (9, [0, 1, 2, 9])]
)
def test_windows_between_two_parts_are_those_of_one_stretch_of_rows(later: int, starts: list[int]) -> None:
    # The window at row 2 takes the rows 2 to 7, its label the last: one at row 8 follows it, at row 9 there is a gap.
    values = np.arange(40.0).reshape(20, 2)
    both: Any = joined(Windows(values, np.array([0, 1, 2]), 5, 0), Windows(values, np.array([later]), 5, 0))
    assert both.starts.tolist() == starts


def test_arrays_that_lack_what_the_other_part_has_are_joined_as_whole_and_as_counting_1() -> None:
    # Caught: a validation part without weights that taught nothing, and one without lengths that was cut to a step.
    x, y = np.ones((2, 4, 1)), np.ones((2, 4, 1))
    short = Arrays(x, y, lengths=[1, 3], weight=[[2, 2, 2, 2], [3, 3, 0, 0]])
    for parts, swap in (((short, Arrays(x, y)), slice(None)), ((Arrays(x, y), short), slice(None, None, -1))):
        both: Any = joined(*parts)
        halves = [(both.lengths[a:b].tolist(), both.weight[a:b].tolist()) for a, b in ((0, 2), (2, 4))][swap]
        assert halves == [([1, 3], [[2, 2, 2, 2], [3, 3, 0, 0]]), ([4, 4], [[1] * 4] * 2)]
    one_each: Any = joined(short, Arrays(x, y, weight=[5, 0.5]))
    assert one_each.weight[2:].tolist() == [[5] * 4, [0.5] * 4]
    plain: Any = joined(Arrays(x, y), Arrays(x, y))
    assert (plain.lengths, plain.weight) == (None, None)
