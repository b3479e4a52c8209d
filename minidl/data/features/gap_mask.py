"""Which values of a column nobody measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minidl.core.registry import register
from minidl.data.features.feature import ColumnFeature
from minidl.data.series import Categories, Table


@register
@dataclass(eq=False)
class GapMask(ColumnFeature):
    """1 where a value of the column was a gap and is filled, else 0: ``pm2.5 filled``.

    Parameters
    ----------
    column : any that may have gaps.
    replace : whether the new column takes that one's place.
    """

    def names(self, categories: Categories) -> tuple[str, ...]:
        return (f"{self.column} filled",)

    def columns(self, table: Table) -> npt.NDArray[np.float64]:
        if table.gaps is None:
            return np.zeros((len(table), 1))
        return table.gaps.where[:, [table.feature_names.index(self.column)]].astype(np.float64)
