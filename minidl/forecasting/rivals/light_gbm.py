"""Gradient-boosted trees by LightGBM, one model for each lead: what a practitioner would take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Any

import msgspec
import numpy as np

from minidl.core.arguments import MAX_NUMBER, PositiveFloat, PositiveInt
from minidl.core.errors import ConfigError
from minidl.core.extras import install_command
from minidl.core.layer import Array
from minidl.core.registry import register
from minidl.data import Splits
from minidl.forecasting.distributions import Distributions
from minidl.forecasting.forecasters import CHUNK, Covariates, Forecaster, Rows, Starts
from minidl.forecasting.rivals.rival import Rival, direct_inputs, starts_for
from minidl.losses.distributions import Quantiles


@register
@dataclass(eq=False)
class LightGBM(Rival):
    """Boosted trees on the window, one model for each lead; needs lightgbm.

    Each model has as many trees as give the smallest squared error on the validation
    part; where there is none that training does not see, all. Where intervals are scored, it
    has quantiles too: a model for each lead and level, with the pinball loss in place of the squared error.

    Parameters
    ----------
    trees : at most.
    learning_rate : what a tree adds.
    leaves : of a tree.
    least : training windows in a leaf.
    patience : trees without a smaller error on the validation part until no more are added.
    """

    trees: PositiveInt = 500
    learning_rate: PositiveFloat = 0.05
    leaves: Annotated[int, msgspec.Meta(ge=2, le=MAX_NUMBER)] = 31
    least: PositiveInt = 20
    patience: PositiveInt = 30

    @property
    def name(self) -> str:
        return "LightGBM"

    def check(self, splits: Splits) -> None:
        if find_spec("lightgbm") is None:
            raise ConfigError(f"evaluation.rivals: LightGBM needs lightgbm: {install_command('rivals')}")

    def fit(self, splits: Splits, rows: Rows, covariates: Covariates, horizon: int) -> Forecaster:
        self.check(splits)
        models = [self._model(splits, rows, covariates, lead) for lead in range(1, horizon + 1)]
        return Boosted(rows, models, covariates)

    def quantiles(
        self, splits: Splits, rows: Rows, covariates: Covariates, horizon: int, levels: Sequence[float]
    ) -> Distributions:
        self.check(splits)
        boosted = [
            Boosted(
                rows, [self._model(splits, rows, covariates, lead, level) for lead in range(1, horizon + 1)], covariates
            )
            for level in levels
        ]
        return lambda starts, leads: Quantiles(levels, np.stack([one(starts, leads) for one in boosted], axis=-1))

    def _model(self, splits: Splits, rows: Rows, covariates: Covariates, lead: int, level: float | None = None) -> Any:
        import lightgbm

        def examples(starts: Starts, reference: Any = None) -> Any:
            x = direct_inputs(rows, starts, lead, covariates)
            return lightgbm.Dataset(x, rows.target[starts + rows.time_steps + lead - 1], reference=reference)

        settings = {
            **({"objective": "regression"} if level is None else {"objective": "quantile", "alpha": level}),
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.least,
            "verbosity": -1,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
        }
        train, checked = examples(starts_for(splits.table, splits.train, [lead])), _unseen(splits, lead)
        if not len(checked):
            return lightgbm.train(settings, train, self.trees)
        stop = lightgbm.early_stopping(self.patience, verbose=False)
        return lightgbm.train(settings, train, self.trees, valid_sets=[examples(checked, train)], callbacks=[stop])


def _unseen(splits: Splits, lead: int) -> Starts:
    """First rows of the validation windows that training does not see."""
    if splits.validation is None:
        return np.empty(0, np.int64)
    starts = starts_for(splits.table, splits.validation, [lead])
    return starts[~np.isin(starts, splits.train.one_ahead().starts)]


class Boosted:
    """See `LightGBM`."""

    def __init__(self, rows: Rows, models: list[Any], covariates: Covariates) -> None:
        self.rows, self.models, self.covariates = rows, models, covariates

    def __call__(self, starts: Starts, horizon: int) -> Array:
        """Scaled forecasts, (len(starts), horizon)."""
        forecasts = np.empty((len(starts), horizon))
        for first in range(0, len(starts), CHUNK):
            chunk = starts[first : first + CHUNK]
            for k, model in enumerate(self.models[:horizon]):
                x = direct_inputs(self.rows, chunk, k + 1, self.covariates)
                forecasts[first : first + CHUNK, k] = model.predict(x, num_threads=1)
        return forecasts
