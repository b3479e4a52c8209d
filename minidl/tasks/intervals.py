"""Intervals of a forecast: which, of which models, and what they add to the scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from minidl.core.arguments import Configurable
from minidl.core.errors import ConfigError, CorruptFileError, ShapeError
from minidl.core.layer import Array, Layer
from minidl.data import ScaleFit, Splits
from minidl.files.reading import convert_json
from minidl.forecasting import Covariates, Rival, Rows, model_next_rows
from minidl.forecasting.conformal import calibration_counts, calibration_starts, conformal_margins
from minidl.forecasting.distributions import Distributions, on_scale
from minidl.forecasting.intervals import IntervalForecaster, model_distributions
from minidl.losses.distributions import Distribution, Quantiles
from minidl.tasks.points import Points
from minidl.tasks.protocols import Setting

Values = npt.NDArray[np.float64]
Ends = tuple[Values, Values]


class _Stored(TypedDict):
    """What evaluation.json says of intervals; `margins` by lead, null where there is no calibration."""

    coverage: float
    crossing: float
    step: str
    margins: list[float] | None
    windows: int


@dataclass(eq=False)
class Intervals(Configurable):
    """Intervals that hold a truth with a given probability, of a direct model with a loss of distributions.

    Parameters
    ----------
    coverage : the probability. `Quantile` needs the levels (1 - coverage)/2 and (1 + coverage)/2.
    conformal : whether intervals are calibrated, lead by lead, on the validation part; see
        `minidl.forecasting.conformal`.
    """

    coverage: Annotated[float, Meta(gt=0, lt=1)] = 0.8
    conformal: bool = False

    def check(self, experiment: Setting) -> None:
        """Refuse a loss that says nothing of this interval, and a calibration without rows that nothing has seen."""
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
        if self.conformal and not experiment.data.has_validation:
            raise ConfigError(
                "evaluation.intervals.conformal: intervals are calibrated on the validation part, but data.validation "
                "is not set: set it, or leave conformal out."
            )
        if self.conformal and experiment.training.refit:
            raise ConfigError(
                "evaluation.intervals.conformal: with training.refit the validation part is trained on, so that "
                "nothing is left to calibrate on: leave one of them out."
            )

    def check_leads(self, leads: int, furthest: int) -> None:
        """Refuse a model whose forecasts are fed back: a distribution cannot be."""
        if leads < furthest:
            raise ShapeError(
                f"the model forecasts {leads} lead{'s' * (leads != 1)} at once; evaluation.intervals needs all "
                f"{furthest} that evaluation.horizons scores."
            )

    def check_parts(self, of_targets: Sequence[Splits]) -> None:
        """Refuse validation windows that cannot calibrate; the data for each target, see `Splits.of_targets`."""
        for splits in of_targets if self.conformal else ():
            calibration_starts(splits, self.coverage)

    def spreads(self, each: Sequence[Splits], model: Layer, covariates: Covariates) -> list[IntervalForecaster | None]:
        """A scored model's distributions and intervals on the test part, of each target; None: it makes points alone.

        Parameters
        ----------
        each : the data, for each target; see `Splits.of_targets`.
        """
        told = self.told(each, model, covariates)
        if not told:
            return [None for _ in each]
        return [self.of(splits, made) for splits, made in zip(each, told, strict=True)]

    def told(self, each: Sequence[Splits], model: Layer, covariates: Covariates) -> list[Distributions]:
        """A scored model's distributions on the test part, of each target; none: it makes points alone."""
        if not isinstance(model, Points):
            return []
        return model_distributions(each, model_next_rows(model.model), model.loss.distribution, covariates)

    def of_rivals(
        self, splits: Splits, model: Layer, rivals: Sequence[Rival], covariates: Covariates, horizon: int
    ) -> dict[str, IntervalForecaster]:
        """Those of rivals: of the levels of the model's loss; of (j - ½)/5 and the ends where that is Gaussian."""
        if not isinstance(model, Points):
            return {}
        told = model.loss.distribution(np.zeros((1, model.loss.per_target)))
        levels = [0.1, 0.3, 0.5, 0.7, 0.9, (1 - self.coverage) / 2, (1 + self.coverage) / 2]
        levels = list(told.levels) if isinstance(told, Quantiles) else sorted({round(level, 9) for level in levels})
        rows = Rows.of(splits.table, splits.values, splits.test.time_steps)
        made = {one.name: one.quantiles(splits, rows, covariates, horizon, levels) for one in rivals}
        return {name: self.of(splits, one) for name, one in made.items() if one is not None}

    def of(self, splits: Splits, distributions: Distributions) -> IntervalForecaster:
        """Distributions with their intervals, calibrated if the config says so."""
        margins = conformal_margins(splits, distributions, self.coverage) if self.conformal else None
        return IntervalForecaster(distributions, self.coverage, margins)

    def about(self, splits: Splits, spread: IntervalForecaster, furthest: int) -> tuple[_Stored, list[str]]:
        """What evaluation.json says of intervals beside the scores, and lines of what they assume."""
        crossing = spread.distributions(splits.test.starts, furthest).crossing()
        windows = 0 if splits.validation is None or not self.conformal else len(splits.validation)
        margins = None if spread.margins is None else spread.margins.tolist()
        found = _Stored(
            coverage=self.coverage,
            crossing=crossing,
            step=splits.table.step_name(),
            margins=margins,
            windows=windows,
        )
        crossed = f"of {100 * crossing:.3g} % of the forecasts the model's levels crossed; they were sorted"
        fitted = f"the intervals were calibrated on {windows:,} windows of the validation part, lead by lead"
        if windows and calibration_counts(splits).min() < windows:
            least, most = (int(n) for n in np.sort(calibration_counts(splits))[[0, -1]])
            numbers = f"{least:,}" if least == most else f"{least:,} to {most:,}"
            fitted += f"; of each lead {numbers} of their labels are known"
        return found, [crossed] * (crossing > 0) + [fitted] * self.conformal

    def stored(self, scores: Mapping[str, Any], furthest: int, n_targets: int = 1) -> list[Values]:
        """The margins that an evaluation has stored, by target and lead.

        Raises
        ------
        CorruptFileError
            They are not those of this config.
        """
        of_targets: Any = [scores] if n_targets == 1 else scores.get("targets")
        own = [*of_targets.values()] if isinstance(of_targets, dict) else of_targets
        asked = [one.get("intervals") if isinstance(one, dict) else None for one in own or [None]]
        found = [convert_json(one, _Stored, "evaluation.json: intervals") for one in asked]
        margins = [one["margins"] for one in found if one["coverage"] == self.coverage]
        if len(margins) != n_targets or any(one is None or len(one) != furthest for one in margins):
            raise CorruptFileError("evaluation.json: damaged; its intervals are not those of the config.")
        return [np.array(one) for one in margins]

    def words(self) -> str:
        """What the ends of a prediction are."""
        how = "calibrated on the validation part" if self.conformal else "as the model says, not calibrated"
        return f"lower and upper are the ends of intervals of {100 * self.coverage:.6g} %, {how}"

    def ends(self, told: Distribution, scale: ScaleFit, column: int, margins: Values | float) -> Ends:
        """(lower, upper) of the intervals of a distribution, calibrated by margins of scaled numbers; all in units."""
        ends = on_scale(told, scale, column).interval(self.coverage, margins)
        lower, upper = (scale.unscale(end, column) for end in ends)
        return lower, upper

    def ahead(
        self, experiment: Setting, margins: Sequence[Values] | None, horizon: int, n_targets: int = 1
    ) -> list[Callable[[Array], tuple[Distribution, Ends]]]:
        """Of each target what makes of a window (1, T, F) a distribution (1, horizon) and ends (horizon,), scaled.

        Parameters
        ----------
        margins : of each target, by lead; None: intervals are not calibrated.
        """
        loss, next_rows = experiment.loss, model_next_rows(experiment.model)

        def of_target(k: int) -> Callable[[Array], tuple[Distribution, Ends]]:
            def ends(x: Array) -> tuple[Distribution, Ends]:
                told: Any = loss.distribution(next_rows(x))
                told = told.of_target(k, n_targets).first(horizon)
                lower, upper = told.interval(self.coverage, 0.0 if margins is None else margins[k][:horizon])
                return told, (lower[0], upper[0])

            return ends

        return [of_target(k) for k in range(n_targets)]
