"""How many rows at its end a series has for testing: so many of each, or those from one time on."""

from __future__ import annotations

import numpy as np

from minidl.core.errors import DataError
from minidl.data.series import Table


def rows_left(table: Table, left: int, by_time: bool) -> tuple[int, ...]:
    """So many rows for each series; `by_time`: how many there are from the time on at which the latest has so many.

    The latest is the series that ends last. One that ends before that time has none.

    Raises
    ------
    DataError
        The rows have no times, or the latest series has fewer rows.
    """
    stretches = table.stretches()
    if not by_time:
        return (left,) * len(stretches)
    if table.times is None:
        raise DataError("data.test_by_time: the rows have no times; leave it out.")
    latest = stretches[int(np.argmax([table.times[rows.stop - 1] for rows in stretches]))]
    if left >= latest.stop - latest.start:
        raise DataError(f"data.test_size: {left} rows are all that the series which ends last has, or more.")
    if not left:
        return (0,) * len(stretches)
    first = table.times[latest.stop - left]
    return tuple(int((table.times[rows] >= first).sum()) for rows in stretches)
