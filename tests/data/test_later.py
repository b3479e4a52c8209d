"""What stands in rows that have not come yet, by the definition of each way, row by row."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.data.later import Later

T, DAY = 6, 4
VALUES = np.arange(60.0).reshape(20, 3)  # a target, a column of the past, and one that is known ahead


@pytest.mark.parametrize("upto", [0, 1, 3, 4, 5, 6, 7, 9])
@pytest.mark.parametrize("day", [None, DAY])
def test_later_rows_are_the_last_one_or_the_latest_known_of_the_same_time(day: int | None, upto: int) -> None:
    # Caught here: a lead at the end of a day that looks two days back, and leads counted from the window's first row.
    later, ends = Later((0,), frozenset({2}), day), np.array([8, 10])
    x = np.stack([VALUES[end + upto - T : end + upto] for end in ends])
    later.hide(x, VALUES, ends, upto)
    for window, end in zip(x, ends.tolist(), strict=True):
        for row, found in enumerate(window, end + upto - T):
            target, past, ahead = VALUES[row]
            if row >= end:
                known = end - 1 if day is None else max(r for r in range(end) if (row - r) % day == 0)
                target, past = VALUES[end - 1, 0], VALUES[known, 1]
            assert found.tolist() == [target, past, ahead]
