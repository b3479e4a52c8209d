"""Categories as columns of their own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import Number
from minidl.core.errors import DataError
from minidl.core.registry import register
from minidl.data.features.feature import ColumnFeature, known_texts
from minidl.data.series import Categories, Table


@register
@dataclass(eq=False)
class OneHot(ColumnFeature):
    """A column for each category, ``wind N``: 1 where the row has it, else 0.

    A value that is no category's number, such as one that fills a gap, is 0 in all.

    Parameters
    ----------
    column : of categories.
    categories : the number of each category; None: as the series says.
    replace : whether the new columns take that one's place.
    """

    categories: dict[str, Number] | None = None
    replace: bool = field(default=True, kw_only=True)

    def names(self, categories: Categories) -> tuple[str, ...]:
        return tuple(f"{self.column} {text}" for text in self._numbers(categories))

    def columns(self, table: Table) -> npt.NDArray[np.float64]:
        numbers = np.array([*self._numbers(table.categories).values()], np.float64)
        made = np.equal.outer(table.column(self.column), numbers).astype(np.float64)
        if not made.any():
            raise DataError(
                f"data.derived: OneHot: column {self.column} holds none of the numbers "
                f"{', '.join(f'{number:g}' for number in numbers)}; correct `categories`."
            )
        return made

    def _numbers(self, categories: Categories) -> dict[str, float]:
        return known_texts(self.column, categories, self.categories, "OneHot")
