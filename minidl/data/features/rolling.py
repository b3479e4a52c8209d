"""What a column was like over the last rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from minidl.core.arguments import MAX_NUMBER
from minidl.core.registry import register
from minidl.data.features.feature import ColumnFeature
from minidl.data.series import Categories, Table

_STATISTICS: dict[str, Callable[..., Any]] = {"mean": np.mean, "min": np.min, "max": np.max, "std": np.std}
CHUNK = 1 << 20  # numbers that are looked at together


@register
@dataclass(eq=False)
class Rolling(ColumnFeature):
    """A statistic of the last k rows, this one among them: ``pm2.5 mean of 24 rows``.

    The first rows, which have fewer before them, take those that there are.

    Parameters
    ----------
    column : of numbers.
    rows : k, 2 or more.
    statistic : ``mean``, ``min``, ``max`` or ``std`` (divisor k).
    replace : whether the new column takes that one's place.
    """

    rows: Annotated[int, msgspec.Meta(ge=2, le=MAX_NUMBER)]
    statistic: Literal["mean", "min", "max", "std"] = field(default="mean")

    def names(self, categories: Categories) -> tuple[str, ...]:
        return (f"{self.column} {self.statistic} of {self.rows} rows",)

    def columns(self, table: Table) -> npt.NDArray[np.float64]:
        x, k, statistic = table.column(self.column), self.rows, _STATISTICS[self.statistic]
        made = np.empty_like(x)
        early = min(k - 1, len(x))
        made[:early] = [statistic(x[: t + 1]) for t in range(early)]
        if len(x) >= k:
            windows, together = sliding_window_view(x, k), max(1, CHUNK // k)
            for first in range(0, len(windows), together):
                chunk = windows[first : first + together]
                made[k - 1 + first : k - 1 + first + len(chunk)] = statistic(chunk, axis=1)
        return made[:, None]
