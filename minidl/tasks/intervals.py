"""Intervals of a forecast: which, of which models, and what they add to the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from minidl.core.arguments import Configurable
from minidl.core.errors import ConfigError, ShapeError
from minidl.core.layer import Layer
from minidl.data import Splits
from minidl.forecasting import Forecaster, model_next_rows
from minidl.forecasting.intervals import Spread, interval_scores, model_spread
from minidl.tasks.points import Points
from minidl.tasks.protocols import Setting


@dataclass(eq=False)
class Intervals(Configurable):
    """Intervals that hold a truth with a given probability, of a direct model with a loss of distributions.

    Parameters
    ----------
    coverage : the probability. `Quantile` needs the levels (1 - coverage)/2 and (1 + coverage)/2.
    """

    coverage: Annotated[float, Meta(gt=0, lt=1)] = 0.8

    def check(self, experiment: Setting) -> None:
        """Refuse a loss that says nothing of this interval."""
        loss = experiment.loss
        told = loss.distribution(np.zeros((1, loss.per_target)))
        if told is None:
            raise ConfigError(
                f"evaluation.intervals: {type(loss).__name__} makes points alone; intervals need the loss Quantile or "
                "GaussianNLL."
            )
        try:
            told.interval(self.coverage)
        except ConfigError as err:
            raise ConfigError(f"evaluation.intervals.coverage: {err}.") from err

    def check_leads(self, leads: int, furthest: int) -> None:
        """Refuse a model whose forecasts are fed back: a distribution cannot be."""
        if leads < furthest:
            raise ShapeError(
                f"the model forecasts {leads} lead{'s' * (leads != 1)} at once; evaluation.intervals needs all "
                f"{furthest} that evaluation.horizons scores."
            )

    def spread(self, splits: Splits, model: Layer) -> Spread | None:
        """A scored model's distributions on the test part; None: it makes points alone."""
        if not isinstance(model, Points):
            return None
        return model_spread(splits, model_next_rows(model.model), model.loss.distribution)

    def about(self, splits: Splits, model: Layer, furthest: int) -> dict[str, Any]:
        """What evaluation.json says of intervals beside the scores, and lines of what they assume."""
        spread = self.spread(splits, model)
        crossing = 0.0 if spread is None else spread(splits.test.starts, furthest).crossing()
        lines = [f"of {100 * crossing:.2g} % of the forecasts the model's levels crossed; they were sorted"]
        found = {"coverage": self.coverage, "crossing": crossing, "step": splits.table.step_name()}
        return {"intervals": found, "assumptions": lines if crossing else []}

    def added(
        self, scores: dict[str, Any], splits: Splits, forecaster: Forecaster, spread: Spread | None, horizons: list[int]
    ) -> dict[str, Any]:
        """The scores of points, with those of intervals in each row; see `minidl.forecasting.intervals`."""
        more = interval_scores(splits, forecaster, spread, horizons, self.coverage)
        return {
            table: {row: {**values, **more[table][row]} for row, values in rows.items()}
            for table, rows in scores.items()
        }
