"""Directions, which go round: 359° is next to 0°."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import Number
from minidl.core.errors import ConfigError
from minidl.core.registry import register, suggest
from minidl.data.features.feature import ColumnFeature
from minidl.data.series import Categories, Table

_WINDS = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"]
COMPASS = {text: 22.5 * i for i, text in enumerate(_WINDS)}


@register
@dataclass(eq=False)
class Direction(ColumnFeature):
    """A direction as two columns, its sine and its cosine.

    Of a column of numbers, these are degrees. Of a column whose categories the series
    says, each category has its degrees, those of the compass (N 0, NE 45, E 90, ...)
    unless given; a category without a direction, such as calm, is 0 in both columns.

    Parameters
    ----------
    column : of degrees, or of categories.
    degrees : of each category; those left out have no direction. None: by the compass.
    replace : whether the new columns take that one's place.
    """

    degrees: dict[str, Number] | None = None
    replace: bool = field(default=True, kw_only=True)

    def names(self, categories: Categories) -> tuple[str, ...]:
        self._degrees(categories)
        return f"{self.column} sin", f"{self.column} cos"

    def columns(self, table: Table) -> npt.NDArray[np.float64]:
        values, degrees = table.column(self.column), self._degrees(table.categories)
        if degrees is None:
            return np.stack([np.sin(np.deg2rad(values)), np.cos(np.deg2rad(values))], axis=1)
        made = np.zeros((len(values), 2))
        for number, angle in degrees.items():
            made[values == number] = np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))
        return made

    def _degrees(self, categories: Categories) -> dict[float, float] | None:
        """Degrees by the number of a category; None: the column's numbers are degrees themselves."""
        known = categories.get(self.column, {})
        for text in self.degrees or ():
            if text not in known:
                said = suggest(text, known) if known else "; the series says no categories of it"
                raise ConfigError(f"Direction: degrees: {text!r} is no category of column {self.column!r}{said}")
        given = COMPASS if self.degrees is None else self.degrees
        found = {known[text]: given[text] for text in known if text in given}
        if known and not found:
            raise ConfigError(
                f"Direction: no category of column {self.column!r} is a point of the compass ({', '.join(known)}); "
                "say the degrees of each as degrees: {NAME: NUMBER, ...}."
            )
        return found if known else None
