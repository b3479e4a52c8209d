"""What a forecast is given of rows that have not come yet: one rule for training, scores and predictions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.data.series import Table

Array = npt.NDArray[Any]
Covariates = Literal["actual", "hold_last", "same_hour_yesterday"]
COVARIATES: tuple[Covariates, ...] = get_args(Covariates)


def given_later(columns: int, covariates: Covariates, known_ahead: Iterable[int], of_target: Iterable[int]) -> set[int]:
    """The columns whose later values a forecast is given as they came, of so many; the target may be among them."""
    return {*range(columns)} - {*of_target} if covariates == "actual" else {*known_ahead}


@dataclass(frozen=True, eq=False)
class Later:
    """What stands in later rows.

    Targets have their last known values there. Other columns that are not given have the value of the last known
    row, or with `day` that of the latest known row at the same time of day, so many rows before.

    Parameters
    ----------
    targets : their columns.
    given : columns that are as they came.
    day : how many rows a day has; None: nothing is taken from yesterday.
    count : how many rows after its window a model reads, for `Windows`.
    """

    targets: tuple[int, ...]
    given: frozenset[int]
    day: int | None = None
    count: int = 0

    @classmethod
    def of(cls, table: Table, covariates: Covariates, count: int, time_steps: int) -> Later:
        """Of the windows of a table.

        Raises
        ------
        DataError
            Yesterday is asked for, and nothing says how many rows make a day, or a window is shorter.
        """
        places = table.feature_names.index
        roles = map(places, table.known_ahead), map(places, table.of_target)
        given = frozenset(given_later(len(table.feature_names), covariates, *roles)) - {*table.target_columns}
        day = day_of(covariates, table.rows_of_a_day)
        if day is not None and day > time_steps:
            raise DataError(
                f"evaluation.future_covariates: same_hour_yesterday: a day has {day} rows, a window {time_steps}, so "
                f"that not every window reaches back to yesterday; set data.time_steps to at least {day}."
            )
        return cls(table.target_columns, given, day, count)

    def hide(self, x: Array, values: Array, ends: npt.NDArray[np.int64], upto: int) -> None:
        """Put into windows what is given of their rows that have not come yet, in place.

        Parameters
        ----------
        x : (B, W, F), windows of `values`.
        ends : (B,), the first row that has not come, for each window.
        upto : how many rows from there on the window ends; its last min(upto, W) rows are not known.
        """
        unknown = min(upto, x.shape[1])
        if not unknown:
            return
        lead = np.arange(upto - unknown, upto)
        back = lead + 1 if self.day is None else self.day * (lead // self.day + 1)
        hidden = [i for i in range(x.shape[2]) if i not in self.given and i not in self.targets]
        if hidden:
            x[:, -unknown:, hidden] = values[(ends[:, None] + lead - back)[:, :, None], hidden]
        for target in self.targets:
            x[:, -unknown:, target] = values[ends - 1, target][:, None]


def day_of(covariates: Covariates, rows_of_a_day: int | None) -> int | None:
    """How many rows back yesterday is, where it is asked for.

    Raises
    ------
    DataError
        Nothing says it.
    """
    if covariates != "same_hour_yesterday":
        return None
    if rows_of_a_day is None:
        raise DataError("same_hour_yesterday: nothing says how many rows make a day.")
    return rows_of_a_day
