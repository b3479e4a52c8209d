"""Windows of streams: which ones a step takes, what is in them, and how series are cut, against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl import ConfigError
from minidl.data.batch import Batch
from minidl.training import Arrays, Training
from minidl.training.truncated import StreamWindows, cut, epoch_order, next_steps, packed, unpacked

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=5).map(lambda some: sorted(some, reverse=True))


def streams(lengths: list[int], steps: int, weight: Any = None) -> StreamWindows:
    """The input at step t of stream s is 100 s + t, the target is 1000 more."""
    S, L = len(lengths), lengths[0]
    x = (100.0 * np.arange(S)[:, None] + np.arange(L))[..., None]
    ragged = None if set(lengths) == {L} else np.array(lengths)
    return StreamWindows(Batch(x, x + 1000, ragged, weight), steps)


@given(LENGTHS, st.integers(1, 5), st.integers(1, 4), st.integers(1, 9), st.booleans())
@settings(max_examples=100, deadline=None)
def test_an_epoch_goes_along_all_streams_in_steps_of_windows_of_one_place(
    lengths: list[int], steps: int, batch_size: int, most: int, shuffle: bool
) -> None:
    windows, S = streams(lengths, steps), len(lengths)
    rng = np.random.default_rng(5)
    order = epoch_order(windows, rng if shuffle else None, batch_size)
    drawn = np.random.default_rng(5).permutation(S).tolist() if shuffle else list(range(S))
    expected: list[list[tuple[int, int]]] = []  # by step, (stream, window)
    for first in range(0, S, batch_size):
        lot, k = sorted(drawn[first : first + batch_size]), 0
        while there := [(s, k) for s in lot if lengths[s] > k * steps]:
            expected.append(there)
            k += 1
    assert order.tolist() == [k * S + s for step in expected for s, k in step]
    assert len(windows) == len(order)
    sizes = windows.steps(order, batch_size, most)
    assert 1 <= len(sizes) <= most
    whole = windows.steps(order, batch_size, len(order))
    assert sizes == whole[: len(sizes)]
    # Going on after what was taken, all steps come in turn.
    place, taken = 0, []
    while place < len(order):
        some, size = next_steps(windows, order[place:], batch_size, most)
        assert len(some) % size == 0
        for first in range(0, len(some), size):
            taken.append(some[first : first + size].tolist())
        place += len(some)
    assert [[(w % S, w // S) for w in step] for step in taken] == expected
    for step in taken:
        got = windows.gather(np.array(step))
        for i, w in enumerate(step):
            s, k = w % S, w // S
            rows = [100.0 * s + t for t in range(k * steps, min(lengths[s], (k + 1) * steps))]
            n = len(rows) if got.lengths is None else int(got.lengths[i])
            assert n == len(rows)
            assert got.x[i, :n, 0].tolist() == rows
            assert got.target[i, :n, 0].tolist() == [row + 1000 for row in rows]


def test_steps_are_those_of_a_place_however_many_are_asked_for() -> None:
    windows = streams([9, 9, 4, 4, 4], 4)  # three windows, three, one, one, one
    order = windows.order(np.arange(5), 4)  # lots of 4 and 1: 4, 2, 2 and then 1
    assert order.tolist() == [0, 1, 2, 3, 5, 6, 10, 11, 4]
    for most, sizes in ((1, [4]), (2, [4, 2]), (3, [4, 2, 2]), (4, [4, 2, 2, 1]), (9, [4, 2, 2, 1])):
        assert windows.steps(order, 4, most)[:most] == sizes[: len(windows.steps(order, 4, most))]
        some, size = next_steps(windows, order[4:], 4, most)
        assert (some.tolist(), size) == (([5, 6] if most == 1 else [5, 6, 10, 11]), 2)
    assert windows.steps(order, 4, 9) == [4, 2, 2, 1]
    assert windows.steps(order[:4], 3, 9) == [3, 1]
    assert next_steps(Arrays(np.zeros((9, 2)), np.zeros((9, 1))), np.arange(9), 2, 3)[1] == 2
    assert next_steps(Arrays(np.zeros((9, 2)), np.zeros((9, 1))), np.arange(9), 2, 3)[0].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("of_steps", [False, True])
def test_weights_are_those_of_the_windows_streams_or_steps(of_steps: bool) -> None:
    weight = np.arange(1.0, 7.0).reshape(2, 3) if of_steps else np.array([5.0, 7.0])
    windows = streams([3, 3], 2, weight)
    for indices, rows in (([0, 1], slice(0, 2)), ([2, 3], slice(2, 3)), ([1], slice(0, 2))):
        of = [i % 2 for i in indices]
        expected = weight[of, rows] if of_steps else weight[of]
        np.testing.assert_array_equal(windows.gather(np.array(indices)).weight, expected)


def test_a_step_starts_from_what_was_carried_by_those_that_are_still_there() -> None:
    windows = streams([6, 6, 2], 2)
    state = (np.arange(3.0)[:, None], (np.arange(3.0) + 10, None))
    assert windows.start(np.array([0, 1, 2]), state) is None  # the first windows
    assert windows.start(np.array([0, 1, 2]), None) is None
    found = windows.start(np.array([3, 4]), state)
    assert (found[0].tolist(), found[1][0].tolist(), found[1][1]) == ([[0], [1]], [10, 11], None)
    assert windows.start(np.array([3, 4, 5]), state)[0].shape == (3, 1)
    for carried in (None, (np.zeros((1, 1)),)):
        with pytest.raises(ConfigError, match="begun with another batch_size or bptt_steps"):
            windows.start(np.array([3, 4]), carried)


@pytest.mark.parametrize("weights", ["none", "of series", "of steps"])
@pytest.mark.parametrize(
    ("lengths", "batch_size", "pieces"), [([11, 11], 2, 1), ([11, 11], 3, 1), ([11, 11], 4, 2), ([11, 8, 7], 10, 3)]
)
def test_series_are_cut_into_streams_of_equal_length_from_their_end(
    lengths: list[int], batch_size: int, pieces: int, weights: str
) -> None:
    whole = streams(lengths, 1).streams
    S = len(whole.x)
    weight = {"none": None, "of series": np.arange(1.0, S + 1), "of steps": whole.x[..., 0] + 1}[weights]
    series = Arrays(whole.x, whole.target, whole.lengths, weight)
    found = cut(series, Training(bptt_steps=2, batch_size=batch_size, epochs=1))
    got, n = found.streams, found.lengths
    assert (found.time_steps, len(got.x)) == (2, S * pieces)
    for s, length in enumerate(lengths):
        each = length if pieces == 1 else length // pieces
        for p in range(pieces):
            start = 0 if pieces == 1 else length % pieces + p * each
            row = s * pieces + p
            assert n[row] == each
            assert got.x[row, :each, 0].tolist() == [100.0 * s + t for t in range(start, start + each)]
            assert got.target[row, :each, 0].tolist() == [1000 + 100.0 * s + t for t in range(start, start + each)]
            if weights == "of series":
                assert got.weight is not None
                assert got.weight[row] == s + 1
            elif weights == "of steps":
                assert got.weight is not None
                assert got.weight[row, :each].tolist() == [100.0 * s + t + 1 for t in range(start, start + each)]
            else:
                assert got.weight is None
    if len(set(lengths)) == 1:
        assert got.lengths is None


def test_streams_may_be_as_short_as_a_window() -> None:
    series = Arrays(np.zeros((1, 13, 1)), np.zeros((1, 13, 1)))
    assert cut(series, Training(bptt_steps=3, batch_size=4, epochs=1)).streams.x.shape == (4, 3, 1)
    message = "4 streams of a series of 13 rows have 3 rows each, fewer than bptt_steps, 4; lower batch_size"
    with pytest.raises(ConfigError, match=message):
        cut(series, Training(bptt_steps=4, batch_size=4, epochs=1))


def test_states_are_taken_apart_and_put_together_again() -> None:
    a, b = np.ones((2, 1)), np.zeros(2)
    names, arrays = packed(((a, None), [b]))
    assert names == [["0.0", None], ["1.0"]]
    assert list(arrays) == ["0.0", "1.0"]
    assert unpacked(names, arrays) == ((a, None), (b,))
    assert packed(a)[0] == ""
    assert unpacked("", {"": a}) is a
    assert packed(None) == (None, {})
    for wrong in (np.float64(1), np.array(1.0), (a, 3)):
        with pytest.raises(ConfigError, match=r"final_state must return arrays \(batch, \.\.\.\)"):
            packed(wrong)
