"""Gradient-boosted trees by LightGBM, one model for each lead: what a practitioner would take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np

from minidl.core.arguments import MAX_NUMBER, PositiveFloat, PositiveInt
from minidl.core.errors import MissingPackageError
from minidl.core.extras import install_command
from minidl.core.layer import Array
from minidl.core.registry import register
from minidl.data import Splits
from minidl.forecasting.distributions import Distributions
from minidl.forecasting.forecasters import CHUNK, Covariates, Forecaster, Rows, Starts
from minidl.forecasting.rivals.rival import Rival, direct_inputs, known_for
from minidl.losses.distributions import Quantiles


@register
@dataclass(eq=False)
class LightGBM(Rival):
    """Boosted trees on the window, one model for each lead; needs lightgbm.

    A line through the target's last known value comes first, fitted by least squares, for trees cannot go beyond
    what they have seen; they learn what it leaves. Each model has as many trees as give the smallest squared error on
    the validation part; where there is none that training does not see, all. With `training.refit` it then learns
    from the validation part too, with so many trees. Where intervals are scored, it has quantiles too: a model for
    each lead and level, with the pinball loss in place of the squared error.

    Parameters
    ----------
    trees : at most.
    learning_rate : what a tree adds.
    leaves : of a tree.
    least : training windows in a leaf.
    share : of the inputs, and of the training windows, that a tree is grown from, drawn anew for each.
    patience : trees without a smaller error on the validation part until no more are added.
    """

    trees: PositiveInt = 1000
    learning_rate: PositiveFloat = 0.03
    leaves: Annotated[int, msgspec.Meta(ge=2, le=MAX_NUMBER)] = 31
    least: PositiveInt = 20
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    patience: PositiveInt = 30

    @property
    def name(self) -> str:
        return "LightGBM"

    def check(self, splits: Splits) -> None:
        if find_spec("lightgbm") is None:
            raise MissingPackageError(f"evaluation.rivals: LightGBM needs lightgbm: {install_command('rivals')}")

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

    def _model(
        self, splits: Splits, rows: Rows, covariates: Covariates, lead: int, level: float | None = None
    ) -> Fitted:
        import lightgbm

        train, checked = known_for(splits.table, splits.train, lead), _unseen(splits, lead)
        line = _line(rows, train, lead)

        def examples(starts: Starts, reference: Any = None) -> Any:
            label = rows.target[starts + rows.time_steps + lead - 1]
            x = direct_inputs(rows, starts, lead, covariates)
            return lightgbm.Dataset(x, label - np.polyval(line, _last(rows, starts)), reference=reference)

        settings, known = self._settings(level), examples(train)
        if not len(checked):
            return Fitted(line, lightgbm.train(settings, known, self.trees))
        stop = lightgbm.early_stopping(self.patience, verbose=False)
        found = lightgbm.train(settings, known, self.trees, valid_sets=[examples(checked, known)], callbacks=[stop])
        if splits.refit is not None:
            both = known_for(splits.table, splits.refit, lead)
            line = _line(rows, both, lead)
            found = lightgbm.train(settings, examples(both), max(found.best_iteration, 1))
        return Fitted(line, found)

    def _settings(self, level: float | None) -> dict[str, Any]:
        return {
            **({"objective": "regression"} if level is None else {"objective": "quantile", "alpha": level}),
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.least,
            "feature_fraction": self.share,
            "bagging_fraction": self.share,
            "bagging_freq": 1,
            "verbosity": -1,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
        }


class Fitted(NamedTuple):
    """Slope and intercept of a line through the last known value, and the trees that learn what it leaves."""

    line: Array
    trees: Any


def _last(rows: Rows, starts: Starts) -> Array:
    last: Array = rows.target[starts + rows.time_steps - 1].astype(np.float64)
    return last


def _line(rows: Rows, starts: Starts, lead: int) -> Array:
    """(2,): slope and intercept of the target, `lead` rows after a window, in the last value of the window."""
    last, label = _last(rows, starts), rows.target[starts + rows.time_steps + lead - 1].astype(np.float64)
    spread = last - last.mean()
    slope = spread @ label / max(spread @ spread, np.finfo(float).tiny)
    return np.array([slope, label.mean() - slope * last.mean()])


def _unseen(splits: Splits, lead: int) -> Starts:
    """First rows of the validation windows that training does not see."""
    if splits.validation is None:
        return np.empty(0, np.int64)
    starts = known_for(splits.table, splits.validation, lead)
    return starts[~np.isin(starts, splits.train.each_start)]


class Boosted:
    """See `LightGBM`; a `Fitted` for each lead."""

    def __init__(self, rows: Rows, models: list[Fitted], covariates: Covariates) -> None:
        self.rows, self.models, self.covariates = rows, models, covariates

    def __call__(self, starts: Starts, horizon: int) -> Array:
        """Scaled forecasts, (len(starts), horizon)."""
        forecasts = np.empty((len(starts), horizon))
        for first in range(0, len(starts), CHUNK):
            chunk = starts[first : first + CHUNK]
            for k, (line, trees) in enumerate(self.models[:horizon]):
                x = direct_inputs(self.rows, chunk, k + 1, self.covariates)
                made = np.polyval(line, _last(self.rows, chunk)) + trees.predict(x, num_threads=1)
                forecasts[first : first + CHUNK, k] = made
        return forecasts
