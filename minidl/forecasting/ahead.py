"""A forecast beyond the end of a table, where nothing of the future is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.data import ScaleFit, Table
from minidl.data.steps import later
from minidl.errors import DataError
from minidl.layer import Array


@dataclass(frozen=True, eq=False)
class Forecast:
    """The next values of the target, in its own units.

    Parameters
    ----------
    target, units : name and units of the column.
    values : (horizon,), one row apart.
    last : time of the table's last row; None if the table has no times.
    step : time between rows; None if the table has no times.
    """

    target: str
    units: str
    values: Array
    last: np.datetime64 | None
    step: np.timedelta64 | None

    def times(self) -> list[str]:
        """ISO time of each value; ``+1``, ``+2``, ... rows where the table has no times."""
        if self.last is None or self.step is None:
            return [f"+{j + 1}" for j in range(len(self.values))]
        return [str(later(self.last, self.step, j + 1)).replace("T", " ") for j in range(len(self.values))]


def forecast_ahead(
    table: Table,
    scale: ScaleFit,
    one_step: Callable[[Array], Array],
    *,
    time_steps: int,
    horizon: int,
    dtype: npt.DTypeLike,
) -> Forecast:
    """Predict row after row from the table's last `time_steps` rows, feeding predictions back.

    The other columns keep the values of the last row.

    Raises
    ------
    DataError
        The table has fewer rows than a window.
    """
    if len(table) < time_steps:
        raise DataError(f"the table has {len(table)} rows; a window needs {time_steps}.")
    window: Any = scale.transform(table.values[-time_steps:]).astype(dtype)
    predictions = np.empty(horizon, np.float64)
    for j in range(horizon):
        predictions[j] = one_step(window[None])[0]
        window = np.concatenate([window[1:], window[-1:]])
        window[-1, table.target_index] = predictions[j]
    return Forecast(
        target=table.target_name,
        units=table.units,
        values=scale.unscale(predictions, table.target_index),
        last=None if table.times is None else table.times[-1],
        step=table.step,
    )
