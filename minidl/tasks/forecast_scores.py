"""How forecasts of a test part are scored, as a `Forecast` says: whoever makes them, a model, several, or a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from minidl.core.errors import DataError
from minidl.core.layer import Layer, n_parameters
from minidl.data import Splits
from minidl.forecasting import (
    Covariates,
    Forecaster,
    Rival,
    all_blocks,
    assumptions,
    baselines,
    check_truth,
    left_out,
    model_forecaster,
    rival_forecaster,
    score_shifted,
)
from minidl.forecasting.groups import By, group_scores
from minidl.forecasting.intervals import IntervalForecaster, all_scores, all_sums
from minidl.forecasting.scores import scored_counts, scored_words
from minidl.tasks.intervals import Intervals
from minidl.tasks.protocols import Scores, Stretches


@dataclass(frozen=True, eq=False)
class ForecastScores:
    """The protocol of a `Forecast`, and the data that it is for.

    Parameters
    ----------
    splits : the data.
    horizons, covariates, rivals, intervals : as the arguments of `Forecast`; `covariates` are its `future_covariates`.
    """

    splits: Splits
    horizons: Sequence[int]
    covariates: Covariates
    rivals: Sequence[Rival]
    intervals: Intervals | None

    def forecaster(self, model: Layer) -> Forecaster:
        """A model's forecasts."""
        return model_forecaster(self.splits, model, self.covariates)

    def spread(self, model: Layer) -> IntervalForecaster | None:
        """A model's distributions and intervals; None: points alone are scored."""
        return None if self.intervals is None else self.intervals.spreads([self.splits], model, self.covariates)[0]

    def margins_of(self, model: Layer) -> Any:
        """By lead, of a model's calibrated intervals; None: there are none."""
        spread = self.spread(model)
        return None if spread is None else spread.margins

    def tables_of(self, model: Layer) -> dict[str, Any]:
        """A model's block and lead scores."""
        return self.tables(self.forecaster(model), self.spread(model))

    def sums_of(self, model: Layer) -> Stretches:
        """What a model's block scores are made of."""
        return self.sums(self.forecaster(model), self.spread(model))

    def blocks_of(self, model: Layer, covariates: Covariates, shifted: bool = False) -> dict[str, dict[str, float]]:
        """Block scores of a model that is given this of later rows; or of a plot that is drawn one row early."""
        made = model_forecaster(self.splits, model, covariates)
        if shifted:
            return {str(k): score_shifted(self.splits, made, k) for k in self.horizons}
        return all_blocks(self.splits, made, self.horizons)

    def tables(self, forecaster: Forecaster, spread: IntervalForecaster | None) -> dict[str, Any]:
        """Block and lead scores, those of intervals among them if there are any."""
        return all_scores(self.splits, forecaster, spread, self.horizons, self.intervals is not None)

    def sums(self, forecaster: Forecaster, spread: IntervalForecaster | None) -> Stretches:
        """What block scores are made of; no block is cut."""
        return all_sums(self.splits, forecaster, spread, self.horizons, self.intervals is not None)

    def of_points(self, made: Sequence[Forecaster]) -> tuple[Scores, Stretches]:
        """Scores of the forecasts of the only target, and what they are made of."""
        return self.tables(made[0], None), self.sums(made[0], None)

    @cached_property
    def compared(self) -> dict[str, Forecaster]:
        """Baselines and rivals by name."""
        splits, furthest = self.splits, max(self.horizons)
        rivals = {one.name: rival_forecaster(splits, one, self.covariates, furthest) for one in self.rivals}
        return baselines(splits, self.covariates) | rivals

    def by_group(self, forecasters: Mapping[str, Forecaster], by: By) -> dict[str, dict[str, dict[str, float]]]:
        """Scores by group of forecasters, baselines and rivals; see `minidl.forecasting.groups`."""
        check_truth(self.splits, max(self.horizons))
        return group_scores(self.splits, {**forecasters, **self.compared}, by, max(self.horizons))

    def assumptions(self) -> list[str]:
        """What forecasts of points assume, in words, and what gaps in the target have cost."""
        splits, furthest = self.splits, max(self.horizons)
        scored = scored_words(splits, furthest)
        lost = splits.taught.lost("training")
        return [*assumptions(splits, self.covariates, furthest), *([scored] if scored else []), *lost]

    def evaluation(self, model: Layer) -> Scores:
        """All that evaluation.json says of a model; see `scored`."""
        spread = self.spread(model)
        scores = self.scored(self.forecaster(model), spread, {} if spread is None else self.rivals_spreads(model))
        return {**scores, "parameters": n_parameters(model)}

    def rivals_spreads(self, model: Layer) -> dict[str, IntervalForecaster]:
        """Intervals of rivals, of the levels that the loss of a model says; empty: points alone are scored."""
        if self.intervals is None:
            return {}
        return self.intervals.of_rivals(self.splits, model, self.rivals, self.covariates, max(self.horizons))

    def scored(
        self, forecaster: Forecaster, spread: IntervalForecaster | None, theirs: Mapping[str, IntervalForecaster]
    ) -> Scores:
        """Scores of forecasts beside those of the baselines and rivals, and what they assume.

        Parameters
        ----------
        theirs : intervals of rivals; see `rivals_spreads`.

        Raises
        ------
        DataError
            The test part is shorter than the largest horizon, or nothing is known of a lead.
        """
        splits, furthest = self.splits, max(self.horizons)
        if len(splits.test) < furthest:
            raise DataError(
                f"evaluation.horizons: {furthest} rows ahead need at least {furthest} test windows; "
                f"data.test_size gives {len(splits.test)}."
            )
        check_truth(splits, furthest)
        compared, counts = self.compared, scored_counts(splits, self.horizons)
        assumed = self.assumptions()
        about = dict[str, Any]()
        if self.intervals is not None and spread is not None:
            about["intervals"], lines = self.intervals.about(splits, spread, furthest)
            assumed += lines
        return {
            **self.tables(forecaster, spread),
            "baselines": {name: self.tables(one, theirs.get(name)) for name, one in compared.items()},
            "units": splits.table.units,
            "future_covariates": self.covariates,
            "assumptions": assumed,
            "left_out": left_out(splits),
            **({"scored": counts} if counts else {}),
            **about,
        }
