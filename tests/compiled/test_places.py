"""Places in memory: every array of compiled code begins at a cache line, whatever stands before it."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import Dense, LastStep, LSTMLayer, Sequential
from minidl.compiled import predictor
from minidl.compiled.plan import Memory, zeros

LINE = 64  # bytes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_zeros_begin_at_a_cache_line(dtype: str) -> None:
    for size in (0, 1, 7, 16, 1000):
        kept = [zeros(size, dtype) for _ in range(5)]
        assert [(a.dtype, a.shape, a.ctypes.data % LINE if size else 0) for a in kept] == [(dtype, (size,), 0)] * 5
        assert all(not a.any() for a in kept)


def test_what_is_placed_begins_at_a_line_of_single_precision_too() -> None:
    memory, sizes = Memory(), ((3, 5), (1,), (0, 4), (16,), (2, 3, 7))
    starts = []
    for shape in sizes:
        starts.append(memory.size)
        memory.place(*shape)
    assert starts == [0, 16, 32, 32, 48]
    assert memory.size == 96  # 48 and 42 numbers, in whole lines


def test_the_working_memory_of_a_predictor_begins_at_one() -> None:
    model = Sequential([LSTMLayer(3), LastStep(), Dense(1)])
    model.build((5, 2), 0, "float32")
    predict = predictor(model)
    predict(np.zeros((5, 2), "float32"))
    assert [program.work.ctypes.data % LINE for program in predict._programs.values()] == [0]
