"""How much a column has changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import PositiveInt
from minidl.core.registry import register
from minidl.data.features.feature import ColumnFeature
from minidl.data.series import Categories, Table


@register
@dataclass(eq=False)
class Change(ColumnFeature):
    """d_t = x_t - x_{t-k}, ``temperature change over 24 rows``; 0 in the first k rows, which have none before.

    Parameters
    ----------
    column : of numbers.
    rows : k, how many rows back.
    replace : whether the new column takes that one's place.
    """

    rows: PositiveInt = 1

    def names(self, categories: Categories) -> tuple[str, ...]:
        return (f"{self.column} change over {self.rows} row{'s' * (self.rows > 1)}",)

    def columns(self, table: Table) -> npt.NDArray[np.float64]:
        x = table.column(self.column)
        made = np.zeros_like(x)
        made[self.rows :] = x[self.rows :] - x[: -self.rows]
        return made[:, None]
