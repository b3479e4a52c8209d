"""The value of one season ago: a day, a week, a year, or any number of rows."""

from __future__ import annotations

from dataclasses import dataclass

from minidl.core.arguments import PositiveInt
from minidl.core.errors import DataError
from minidl.core.registry import register
from minidl.data import Splits
from minidl.data.seasons import SeasonName, season_key
from minidl.forecasting.assumptions import rows_before
from minidl.forecasting.forecasters import Covariates, Forecaster, Rows, Seasonal
from minidl.forecasting.rivals.rival import Rival


@register
@dataclass(eq=False)
class SameSeason(Rival):
    """The latest known value of the same time one season ago, beside the baseline of the table's first season.

    Parameters
    ----------
    season : ``day``, ``week`` or ``year``, whose rows the table's step says, or a number of rows.
    """

    season: SeasonName | PositiveInt

    @property
    def name(self) -> str:
        return season_key(self.season)

    def check(self, splits: Splits) -> None:
        try:
            rows_before(splits, self.season)
        except DataError as err:
            raise DataError(f"evaluation.rivals: SameSeason({self.season!r}): {err}") from err

    def fit(self, splits: Splits, rows: Rows, covariates: Covariates, horizon: int) -> Forecaster:
        return Seasonal(rows, rows_before(splits, self.season))
