"""The table of a series: evenly spaced rows, one column of which, or some, are forecast; or of several such series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.data.gaps import Gaps, joined_gaps
from minidl.data.steps import apart, rows_of_a_day, step_name, step_of, time_text
from minidl.data.tables.plain import LARGEST
from minidl.data.target import Target, as_only_target

Categories = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """The rows of a series, unscaled, every gap filled.

    Parameters
    ----------
    values : float64 (n, F), all finite.
    times : datetime64[s] (n,), the time of each row; None if the rows have none.
    feature_names : the F columns, in order.
    target_index : the column that is forecast; its value one step after a
        window is the window's label.
    units : of the target, for example "µg/m³"; "" if unknown.
    gaps : which of the values were filled, and by which rule; None: none.
    utc : whether the times are known to be in UTC.
    categories : of columns of texts, the number of each text.
    known_ahead : columns whose later values are known when a forecast is made.
    early : those of them that stand one row early; see `minidl.data.known_ahead`.
    of_target : columns that are made from the target, so that their later values give it away.
    series : names of the series that stand one below the other, each with its own rows in order of time;
        empty: the rows are one series.
    firsts : the first row of each.
    later : of each series, or of the only one, the rows after its end, float64 (m, F), of which columns known ahead are
        looked at alone; NaN where nothing is known. Empty: none were given.
    targets : the columns that are forecast together, `target_index` among them; empty: it alone.
    rearranged : what became of a file's rows that are not the table's, in lines.

    Raises
    ------
    DataError
        The parts do not fit together, or a value is NaN, infinite or above 1e140.
    """

    values: npt.NDArray[np.float64]
    times: npt.NDArray[np.datetime64] | None
    feature_names: tuple[str, ...]
    target_index: int
    units: str = ""
    gaps: Gaps | None = None
    utc: bool = False
    categories: Categories = field(default_factory=dict)
    known_ahead: tuple[str, ...] = ()
    of_target: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    firsts: tuple[int, ...] = (0,)
    early: tuple[str, ...] = ()
    later: tuple[npt.NDArray[np.float64], ...] = ()
    targets: tuple[Target, ...] = ()
    rearranged: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.feature_names):
            raise DataError(
                f"Table: values have shape {self.values.shape}, expected (rows, {len(self.feature_names)}) "
                f"for the features {', '.join(self.feature_names)}."
            )
        if self.times is not None and self.times.shape != self.values.shape[:1]:
            raise DataError(f"Table: {len(self.values)} rows of values, but times of shape {self.times.shape}.")
        if not 0 <= self.target_index < len(self.feature_names):
            raise DataError(f"Table: target_index {self.target_index} is none of {len(self.feature_names)} columns.")
        if self.values.size and not (self.values.min() >= -LARGEST and self.values.max() <= LARGEST):
            wrong = np.argwhere(~(np.abs(self.values) <= LARGEST))
            row, column = wrong[0]
            value = self.values[row, column]
            what = f"is too large (at most {LARGEST:g})" if np.isfinite(value) else "is not a finite number"
            raise DataError(
                f"Table: row {row} (counted from 0), column {self.feature_names[column]}: "
                f"{value} {what}; {len(wrong)} such values in all."
            )
        if self.gaps is not None and self.gaps.where.shape != self.values.shape:
            raise DataError(f"Table: values of shape {self.values.shape}, but gaps of shape {self.gaps.where.shape}.")

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"Table({len(self)} rows, {', '.join(self.feature_names)}; target {self.target_name})"

    @property
    def target_name(self) -> str:
        """Name of the column that is forecast."""
        return self.feature_names[self.target_index]

    @property
    def target_columns(self) -> tuple[int, ...]:
        """The columns that are forecast, in the order of a model's outputs for a row."""
        return tuple(target.column for target in self.targets) or (self.target_index,)

    def of_targets(self) -> list[Table]:
        """The same rows for each target, as those in which it is `target_index`; scores are made of one at a time."""
        return [as_only_target(self, target) for target in self.targets] or [self]

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """(n,): the values of a column."""
        return self.values[:, self.feature_names.index(name)]

    @classmethod
    def joined(cls, tables: Sequence[Table], rearranged: tuple[str, ...] = ()) -> Table:
        """Tables of the same columns, one below the other.

        Parameters
        ----------
        rearranged : of all together, see above.

        Raises
        ------
        DataError
            Their rows are not the same time apart.
        """
        first = tables[0]
        rearranged = rearranged or first.rearranged
        if len(tables) == 1:
            return first if rearranged == first.rearranged else replace(first, rearranged=rearranged)
        steps = {table.step_name(): table for table in reversed(tables) if len(table) > 1}
        if len(steps) > 1:
            said = " and ".join(f"{apart(step)} in {table.series[0]}" for step, table in list(steps.items())[:-3:-1])
            raise DataError(f"Table: rows are {said} apart; series of one table need the same step.")
        times = None if first.times is None else np.concatenate([table.times for table in tables])
        firsts = np.cumsum([0, *map(len, tables[:-1])])
        return replace(
            first,
            values=np.concatenate([table.values for table in tables]),
            times=times,
            gaps=joined_gaps([(table.gaps, table.values.shape) for table in tables]),
            series=tuple(name for table in tables for name in table.series),
            firsts=tuple(map(int, firsts)),
            rearranged=rearranged,
            later=tuple(rows for table in tables for rows in table.later),
        )

    def each(self) -> list[Table]:
        """The table of each series."""
        if len(self.firsts) == 1:
            return [self]
        return [
            replace(
                self,
                values=self.values[rows],
                times=None if self.times is None else self.times[rows],
                gaps=None if self.gaps is None else replace(self.gaps, where=self.gaps.where[rows]),
                series=(name,),
                firsts=(0,),
                later=self.later[i : i + 1],
            )
            for i, (name, rows) in enumerate(zip(self.series, self.stretches(), strict=True))
        ]

    def stretches(self) -> list[slice]:
        """The rows of each series."""
        return [slice(*ends) for ends in pairwise((*self.firsts, len(self)))]

    def series_of(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The number, counted from 0, of the series that each of the rows belongs to."""
        found: npt.NDArray[np.int64] = np.searchsorted(self.firsts, rows, side="right") - 1
        return found

    @cached_property
    def step(self) -> np.timedelta64 | None:
        """Time from one row to the next, also in months; None without times, or where they are not evenly spaced."""
        if self.times is None:
            return None
        return step_of(self.times[max(self.stretches(), key=lambda rows: rows.stop - rows.start)])

    def step_name(self) -> str:
        """The unit of a lead time: ``h`` when the rows are hourly, ``step`` where they have no times."""
        return step_name(self.step)

    @property
    def rows_of_a_day(self) -> int | None:
        """How many rows a day has, 2 or more; None where there is no such whole number, or rows have no times."""
        return rows_of_a_day(self.step)

    @cached_property
    def target_known(self) -> npt.NDArray[np.bool_]:
        """(n,): whether the target of a row may be a label: it was measured, or filled ones are labels, too."""
        if self.gaps is None or self.gaps.filling.labels:
            return np.ones(len(self), bool)
        return ~self.gaps.where[:, self.target_index]

    @cached_property
    def labels_known(self) -> npt.NDArray[np.bool_]:
        """(n,), or (n, K) of several targets: whether each may be a label; see `target_known`."""
        known = np.stack([table.target_known for table in self.of_targets()], axis=1)
        return known if self.targets else known[:, 0]

    @property
    def n_filled(self) -> int:
        """How many gaps were filled, over all columns."""
        return 0 if self.gaps is None else int(self.gaps.where.sum())

    def when(self, row: int) -> str:
        """A row for messages: its time, or its number counted from 0."""
        which = int(self.series_of(np.array(row)))
        place = row - self.firsts[which]
        when = f"row {place} (counted from 0)" if self.times is None else time_text(self.times[row], self.utc)
        return f"{when} of {self.series[which]}" if self.series else when

    def divided(self, borders: Sequence[int]) -> Table:
        """The same rows, with gaps filled so that no part's values depend on rows after its end.

        Parameters
        ----------
        borders : the first rows of all parts but the first, ascending; the last one
            is the test part's.

        Raises
        ------
        DataError
            In the first part a column has no value at all.
        """
        if self.gaps is None:
            return self
        empty = self.gaps.where[: borders[0]].all(axis=0)
        if empty.any():
            name = self.feature_names[int(empty.argmax())]
            raise DataError(
                f"Table: column {name}: all {borders[0]} rows for training, before {self.when(borders[0])}, are gaps, "
                "so that nothing is known to fill them; leave the column out, or give a smaller test_size."
            )
        return replace(self, values=self.gaps.fill(self.values, borders))

    def as_test_part(self) -> Table:
        """The same rows, with gaps filled as in a test part: for a forecast from the table's end."""
        return self if self.gaps is None else replace(self, values=self.gaps.fill(self.values, (0,)))
