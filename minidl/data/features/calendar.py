"""Where in the day, the week and the year a row lies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.core.registry import register
from minidl.data.features.feature import Feature
from minidl.data.series import Categories, Table
from minidl.data.steps import DAY, apart, step_seconds

Cycle = Literal["day", "week", "year"]
_WORDS: dict[Cycle, str] = {"day": "time of day", "week": "day of week", "year": "day of year"}
_SECONDS: dict[Cycle, int] = {"day": DAY, "week": 7 * DAY, "year": 365 * DAY}
MONDAY = 4 * DAY  # 1970-01-05, in seconds from 1970 on


@register
@dataclass(eq=False)
class Calendar(Feature):
    """Place in the day, the week and the year: sin 2πp and cos 2πp, where p runs from 0 to 1 within each; known ahead.

    Columns are named ``time of day sin``, ``time of day cos``, ``day of week sin`` and
    so on. The week begins on Monday; the place includes the time of day. Times are
    those of the table, UTC where it gives offsets.

    Parameters
    ----------
    cycles : which of ``day``, ``week`` and ``year``.
    """

    cycles: Annotated[list[Cycle], msgspec.Meta(min_length=1)] = field(default_factory=lambda: ["day", "week", "year"])

    def names(self, categories: Categories) -> tuple[str, ...]:
        return tuple(f"{_WORDS[cycle]} {way}" for cycle in self.cycles for way in ("sin", "cos"))

    def columns(self, table: Table) -> npt.NDArray[np.float64]:
        if table.times is None or table.step is None:
            why = "no times" if table.times is None else "no even step"
            raise DataError(f"data.derived: Calendar: the rows have {why}; leave it out.")
        for cycle in self.cycles:
            if 2 * step_seconds(table.step) > _SECONDS[cycle]:
                raise DataError(
                    f"data.derived: Calendar: cycles: a row's place in the {cycle} says nothing, since rows are "
                    f"{apart(table.step_name())} apart; leave {cycle} out."
                )
        angles = [2 * np.pi * _place(table.times.astype("datetime64[s]"), cycle) for cycle in self.cycles]
        return np.stack([way(angle) for angle in angles for way in (np.sin, np.cos)], axis=1)


def _place(times: npt.NDArray[np.datetime64], cycle: Cycle) -> npt.NDArray[np.float64]:
    """From 0 to below 1."""
    if cycle == "year":
        years = times.astype("datetime64[Y]")
        start, end = (year.astype("datetime64[s]") for year in (years, years + 1))
        return np.asarray((times - start) / (end - start), np.float64)
    seconds = times.astype(np.int64) - (MONDAY if cycle == "week" else 0)
    return np.asarray(seconds % _SECONDS[cycle] / _SECONDS[cycle], np.float64)
