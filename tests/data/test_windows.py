"""Windows against plain slicing, for every layout of the caller's buffer."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.core.errors import DataError
from minidl.data import Windows


def windows(
    *, n: int = 30, time_steps: int = 5, every_step: bool = False, leads: int = 1, dtype: str = "float32"
) -> Windows:
    values = np.random.default_rng(1).normal(size=(n, 3)).astype(dtype)
    starts = np.arange(2, n - time_steps - leads + 1)
    return Windows(values, starts, time_steps, target_index=1, every_step=every_step, leads=leads)


def by_slices(data: Windows, indices: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Windows and labels by plain loops."""
    T, L, k = data.time_steps, data.leads, data.target_index
    x, y = [], []
    for index in indices:
        start = int(data.starts[index])
        x.append([list(data.values[start + t]) for t in range(T)])
        if data.every_step:
            y.append([[data.values[start + t + 1 + j, k] for j in range(L)] for t in range(T)])
        else:
            y.append([data.values[start + T + j, k] for j in range(L)])
    return np.array(x, data.values.dtype), np.array(y, data.values.dtype)


@pytest.mark.parametrize("leads", [1, 4, 9])
@pytest.mark.parametrize("every_step", [False, True])
def test_gathered_windows_and_labels_equal_slices_of_the_rows(every_step: bool, leads: int) -> None:
    data = windows(every_step=every_step, leads=leads)
    batch = data.gather(np.array([0, 7, 14, 7]))
    x, y = batch.x, batch.target
    expected_x, expected_y = by_slices(data, [0, 7, 14, 7])
    assert x.shape == (4, 5, 3)
    assert y.shape == ((4, 5, leads) if every_step else (4, leads))
    np.testing.assert_array_equal(x, expected_x)
    np.testing.assert_array_equal(y, expected_y)


@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
def test_a_buffer_of_any_layout_is_filled_and_returned(axes: tuple[int, ...], every_step: bool) -> None:
    data = windows(every_step=every_step)
    shape = np.array([4, 5, 3])
    x_buffer = np.full(shape[list(axes)], np.nan, np.float32).transpose(np.argsort(axes))
    y_buffer = np.full((1, 5, 4) if every_step else (1, 4), np.nan, np.float32).T
    batch = data.gather(np.array([3, 1, 4, 15]), x_buffer, y_buffer)
    x, y = batch.x, batch.target
    expected_x, expected_y = by_slices(data, [3, 1, 4, 15])
    assert x is x_buffer
    assert y is y_buffer
    np.testing.assert_array_equal(x, expected_x)
    np.testing.assert_array_equal(y, expected_y)


def test_a_part_of_a_larger_buffer_is_filled_without_touching_the_rest() -> None:
    data = windows()
    whole = np.zeros((9, 8, 7), np.float32)
    x = data.gather(np.array([0, 1]), whole[2:4, 1:6, ::3]).x
    np.testing.assert_array_equal(x, by_slices(data, [0, 1])[0])
    whole[2:4, 1:6, ::3] = 0
    assert not whole.any()


def test_the_arrays_are_copies_so_that_writing_to_them_leaves_the_rows_alone() -> None:
    data = windows()
    before = data.values.copy()
    for indices in (np.array([0, 1]), slice(0, 5), slice(None)):
        batch = data.gather(indices)
        x, y = batch.x, batch.target
        x += 1
        y += 1
    np.testing.assert_array_equal(data.values, before)


def test_no_copy_of_the_rows_is_made() -> None:
    data = windows()
    assert np.shares_memory(data._windows, data.values)
    assert np.shares_memory(data._labels, data.values)


def test_the_origin_row_holds_the_label() -> None:
    data = windows()
    y = data.gather(slice(None)).target
    np.testing.assert_array_equal(data.values[data.origin_rows, 1], y[:, 0])
    assert data.origin_rows[0] == data.starts[0] + 5


@pytest.mark.parametrize("leads", [1, 4])
def test_the_last_window_has_the_last_row_as_last_label(leads: int) -> None:
    data = windows(leads=leads)
    assert data.origin_rows[-1] + leads - 1 == len(data.values) - 1
    with pytest.raises(DataError, match=f"with 5 time steps and {leads} labels? do not fit into 30 rows"):
        replace(data, starts=data.starts + 1)


def test_a_series_has_the_labels_of_its_windows() -> None:
    data = windows(every_step=True, leads=3)
    series = data.series()
    assert series.x.shape == (1, 25, 3)  # rows 2 to 26; the labels of the last one are rows 27 to 29
    for i, start in enumerate(data.starts - 2):
        batch = data.gather(slice(i, i + 1))
        np.testing.assert_array_equal(series.x[0, start : start + 5], batch.x[0])
        np.testing.assert_array_equal(series.target[0, start : start + 5], batch.target[0])


def test_windows_of_one_label_are_all_that_lie_in_the_same_rows() -> None:
    # Two stretches: rows 2 to 11, and 20 to 27.
    data = replace(windows(leads=3), starts=np.array([20, 4, 2, 3]))
    assert data.one_ahead().starts.tolist() == [2, 3, 4, 5, 6, 20, 21, 22]
    assert data.one_ahead().leads == 1
    one = windows()
    assert one.one_ahead() is one


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_is_that_of_the_rows(dtype: str) -> None:
    batch = windows(dtype=dtype).gather(np.array([0]))
    x, y = batch.x, batch.target
    assert (x.dtype, y.dtype) == (np.dtype(dtype), np.dtype(dtype))


def test_an_index_outside_the_set_is_an_error_and_not_another_window() -> None:
    data = windows()
    with pytest.raises(IndexError):
        data.gather(np.array([len(data)]))


@given(
    n=st.integers(2, 40),
    n_features=st.integers(1, 4),
    time_steps=st.integers(1, 39),
    every_step=st.booleans(),
    leads=st.integers(1, 5),
    seed=st.integers(0, 999),
)
@settings(deadline=None, max_examples=60)
def test_windows_of_any_size_equal_slices(
    n: int, n_features: int, time_steps: int, every_step: bool, leads: int, seed: int
) -> None:
    time_steps = min(time_steps, n - 1)
    leads = min(leads, n - time_steps)
    rng = np.random.default_rng(seed)
    starts, target = rng.permutation(n - time_steps - leads + 1), int(rng.integers(n_features))
    data = Windows(rng.normal(size=(n, n_features)), starts, time_steps, target, every_step, leads)
    indices = rng.integers(len(data), size=rng.integers(6))
    if len(indices) == 0:
        assert data.gather(indices).x.shape == (0, time_steps, n_features)
        return
    batch = data.gather(indices)
    for actual, expected in zip((batch.x, batch.target), by_slices(data, list(indices)), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_threads_share_windows_without_disturbing_each_other() -> None:
    data = windows(n=500)
    faults = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        buffer = np.empty((5, 3, 16), np.float32).transpose(2, 0, 1)
        for _ in range(50):
            indices = rng.integers(len(data), size=16)
            batch = data.gather(indices, buffer)
            x, y = batch.x, batch.target
            expected_x, expected_y = by_slices(data, list(indices))
            if not (np.array_equal(x, expected_x) and np.array_equal(y, expected_y)):
                faults.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


@pytest.mark.parametrize("starts", [[-1, 3], [0, 5]])
def test_windows_that_reach_outside_the_rows_are_refused(starts: list[int]) -> None:
    with pytest.raises(DataError, match=r"Windows: starts from -?\d to \d with 5 time steps and 1 label do not fit"):
        Windows(np.zeros((10, 2)), np.array(starts), 5, target_index=0)


def test_too_few_rows_for_a_single_window_are_refused() -> None:
    with pytest.raises(DataError, match="Windows: 5 rows are too few for 5 time steps and 1 label"):
        Windows(np.zeros((5, 2)), np.array([], np.int64), 5, target_index=0)


def test_rows_in_another_layout_are_refused() -> None:
    with pytest.raises(DataError, match="values must be C-contiguous"):
        Windows(np.zeros((2, 10)).T, np.array([0]), 5, target_index=0)


def test_the_column_is_that_of_the_target_and_its_values_are_neighbours() -> None:
    data = windows()
    assert data.column.tolist() == [row[1] for row in data.values.tolist()]
    assert data.column.flags.c_contiguous


def test_along_a_series_a_step_counts_where_all_targets_are_known() -> None:
    known = np.ones((30, 2), bool)
    known[10, 0] = known[20] = False
    values = np.arange(60.0).reshape(30, 2)
    batch = Windows(values, np.arange(24), 5, (0, 1), every_step=True, known=known).series()
    assert batch.weight is not None
    assert batch.weight.tolist() == [[float(row not in (10, 20)) for row in range(1, 29)]]  # of the row after each
    assert batch.target[0, 9].tolist() == [0, 21]  # what is no label is 0


def test_at_every_step_the_first_row_of_a_window_is_no_label_of_it() -> None:
    known = np.arange(30) == 5
    data = Windows(np.zeros((30, 2)), np.arange(24), 5, 0, every_step=True, known=known)
    assert data.starts.tolist() == [0, 1, 2, 3, 4]
    assert data.lost("training")[1] == "20 of 25 labels of training windows were gaps: they count nothing"
