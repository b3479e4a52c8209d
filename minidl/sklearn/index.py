"""The index of a pandas series, and how it goes on: its end is all that a forecaster keeps of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.core.errors import DataError


def end_of(index: Any, who: str) -> Any:
    """The last entry of an evenly spaced index, as an index that knows its step.

    Raises
    ------
    DataError
        It is neither of times, of periods nor of whole numbers, or not evenly spaced.
    """
    import pandas as pd

    if isinstance(index, pd.PeriodIndex):
        if index.equals(pd.period_range(index[0], periods=len(index), freq=index.freq, name=index.name)):
            return index[-1:]
    elif isinstance(index, pd.DatetimeIndex):
        rising = len(index) > 2 and index.is_monotonic_increasing
        freq = pd.DatetimeIndex(index, freq="infer").freq if rising else None
        if freq is not None:
            return pd.DatetimeIndex(index[-1:], freq=freq)
    elif pd.api.types.is_integer_dtype(index.dtype):
        steps = np.unique(np.diff(index))
        if len(steps) == 1 and steps[0] > 0:
            return pd.RangeIndex(index[-1], index[-1] + steps[0], steps[0], name=index.name)
    else:
        raise DataError(f"{who}: the index of y is {index.dtype}; expected times, periods or whole numbers.")
    raise DataError(
        f"{who}: the index of y is not evenly spaced and rising; sort it, and see asfreq for what is missing."
    )


def continued(end: Any, count: int) -> Any:
    """The next `count` entries after an end."""
    import pandas as pd

    if isinstance(end, pd.PeriodIndex):
        return pd.period_range(end[0] + 1, periods=count, freq=end.freq, name=end.name)
    if isinstance(end, pd.DatetimeIndex):
        return pd.date_range(end[0], periods=count + 1, freq=end.freq, name=end.name)[1:]
    return pd.RangeIndex(end.stop, end.stop + count * end.step, end.step, name=end.name)
