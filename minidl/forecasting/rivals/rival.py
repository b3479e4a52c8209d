"""What a rival is: a forecast by other means, made from the same windows, features and assumptions as a model's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minidl.core.arguments import Configurable
from minidl.core.layer import Array
from minidl.core.registry import open_kind
from minidl.data import Splits, Table, Windows
from minidl.forecasting.distributions import Distributions
from minidl.forecasting.forecasters import Covariates, Forecaster, Rows, Starts


@open_kind("rival")
@dataclass(eq=False)
class Rival(Configurable, ABC):
    """A forecast to stand beside a model's."""

    @property
    @abstractmethod
    def name(self) -> str:
        """In tables and in ``evaluation.json``."""

    @abstractmethod
    def fit(self, splits: Splits, rows: Rows, covariates: Covariates, horizon: int) -> Forecaster:
        """The forecaster for leads 1 ... horizon, fitted on training windows, chosen on validation windows.

        Parameters
        ----------
        covariates : what it may know of later rows; see `Rows.windows_ahead`.
        """

    def quantiles(
        self, splits: Splits, rows: Rows, covariates: Covariates, horizon: int, levels: Sequence[float]
    ) -> Distributions | None:
        """Its quantiles of these levels, fitted as its points are; None: it makes points alone."""
        return None

    def check(self, splits: Splits) -> None:
        """Refuse what cannot be, before a model is trained.

        Raises
        ------
        ConfigError
            A package is missing.
        DataError
            The table does not have what this needs.
        """


def direct_inputs(rows: Rows, starts: Starts, lead: int, covariates: Covariates) -> Array:
    """(B, T·F + (lead - 1)·K): the window, and of the rows up to the one that is forecast what is known of them.

    A recursive model is given the same: under ``hold_last`` the columns that are known
    ahead, under ``actual`` all but those that would give the target away.
    """
    window = rows.windows(starts).reshape(len(starts), -1)
    columns = rows.given_later(covariates)
    if lead == 1 or not columns:
        return window
    later = rows.values[(starts[:, None] + rows.time_steps + np.arange(lead - 1))[:, :, None], columns]
    return np.concatenate([window, later.reshape(len(starts), -1)], axis=1)


def starts_for(table: Table, windows: Windows, lead: int) -> Starts:
    """First rows of a part's windows of which the row so many leads ahead lies in the part; it may be a gap."""
    starts, last = windows.each_start, np.zeros(len(table.firsts), np.int64)
    np.maximum.at(last, table.series_of(starts), starts + windows.time_steps)  # of the part's rows in each series
    starts = starts[windows.usable(starts)]
    return starts[starts + windows.time_steps + lead - 1 <= last[table.series_of(starts)]]


def known_for(table: Table, windows: Windows, lead: int) -> Starts:
    """Those of them of which that row's target is known."""
    starts = starts_for(table, windows, lead)
    return starts[table.target_known[starts + windows.time_steps + lead - 1]]
