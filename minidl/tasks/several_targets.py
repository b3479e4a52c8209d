"""How forecasts of several targets are scored: each as if it were the only one, and all together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.core.errors import ShapeError
from minidl.core.later_rows import later_rows, of_one_target
from minidl.core.layer import Array, Layer, Shape, n_parameters
from minidl.core.text import listed
from minidl.forecasting import Covariates, Forecaster
from minidl.forecasting.intervals import IntervalForecaster, interval_table
from minidl.forecasting.several_targets import (
    joint_block,
    joint_interval_sums,
    joint_intervals,
    joint_scores,
    joint_sums,
    model_forecasters,
)
from minidl.forecasting.words import losing_words, losses_to
from minidl.metrics import r2
from minidl.metrics.metric import SCALED
from minidl.tasks.forecast_scores import ForecastScores
from minidl.tasks.protocols import Scores, Setting, Stretches
from minidl.tasks.series_data import check_later, one_target, window_data

MEAN = "R² of several targets together is the mean over"


@dataclass(frozen=True, eq=False)
class SeveralScores:
    """The protocol of a `Forecast` of several targets.

    Parameters
    ----------
    each : that of each target, by its name.
    """

    each: Mapping[str, ForecastScores]

    def tables_of(self, model: Layer) -> dict[str, Any]:
        """A model's block and lead scores, of all targets together."""
        return self.tables(self._forecasters(model), self._spreads(model))

    def sums_of(self, model: Layer) -> Stretches:
        """What a model's block scores are made of; no block is cut."""
        return self._sums(self._forecasters(model), self._spreads(model))

    def of_points(self, made: Sequence[Forecaster]) -> tuple[Scores, Stretches]:
        """Scores of forecasts of the targets, together and under ``targets`` of each, and what they are made of."""
        none = [None] * len(made)
        pairs = zip(self.each.items(), made, strict=True)
        of_each = {name: one.tables(forecaster, None) for (name, one), forecaster in pairs}
        return {**self.tables(made, none), "targets": of_each}, self._sums(made, none)

    def margins_of(self, model: Layer) -> Any:
        """(K, leads): of a model's calibrated intervals of each target; None: there are none."""
        found = [None if spread is None else spread.margins for spread in self._spreads(model)]
        return None if found[0] is None else np.stack(found)  # type: ignore[arg-type]

    def blocks_of(self, model: Layer, covariates: Covariates, shifted: bool = False) -> dict[str, dict[str, float]]:
        """Block scores of a model that is given this of later rows; or of a plot that is drawn one row early."""
        splits, horizons = self._whole
        made = model_forecasters(splits, model, covariates)
        return {str(k): joint_block(splits, made, k, shifted) for k in horizons}

    def evaluation(self, model: Layer) -> Scores:
        """All that evaluation.json says of a model: scores of all targets together, and ``targets`` by name."""
        spreads, protocols, forecasters = self._spreads(model), list(self.each.values()), self._forecasters(model)
        theirs = [one.rivals_spreads(model) if spread else {} for one, spread in zip(protocols, spreads, strict=True)]
        made = zip(protocols, forecasters, spreads, theirs, strict=True)
        scored = [one.scored(forecaster, spread, of) for one, forecaster, spread, of in made]
        return {**self.together(scored, forecasters, spreads, theirs), "parameters": n_parameters(model)}

    def together(
        self,
        scored: Sequence[Scores],
        forecasters: Sequence[Forecaster],
        spreads: Sequence[IntervalForecaster | None],
        theirs: Sequence[Mapping[str, IntervalForecaster]],
    ) -> Scores:
        """Scores of forecasts of all targets together, and under ``targets`` those of each.

        Parameters
        ----------
        scored : what `ForecastScores.scored` gives for each target, of its forecaster, spread and theirs.
        """
        protocols, first = list(self.each.values()), scored[0]
        of_each = dict(zip(self.each, scored, strict=True))
        baselines = {
            name: self.tables([one.compared[name] for one in protocols], [of.get(name) for of in theirs])
            for name in protocols[0].compared
        }
        shared = ("future_covariates", "assumptions", "left_out")
        return {
            **self.tables(forecasters, spreads),
            "baselines": baselines,
            "units": SCALED,
            "future_covariates": first["future_covariates"],
            "assumptions": self._said({name: scores["assumptions"] for name, scores in of_each.items()}),
            "left_out": first["left_out"],
            "targets": {
                name: {key: value for key, value in of.items() if key not in shared} for name, of in of_each.items()
            },
        }

    def assumptions(self) -> list[str]:
        """What forecasts of points assume, in words."""
        return self._said({name: one.assumptions() for name, one in self.each.items()})

    def _said(self, lines: Mapping[str, Sequence[str]]) -> list[str]:
        """What forecasts assume; what is so of one target alone has its name in front."""
        shared = [line for line in next(iter(lines.values())) if all(line in own for own in lines.values())]
        apart = [f"{name}: {line}" for name, own in lines.items() for line in own if line not in shared]
        errors = "errors together are in standard deviations of each before the test part"
        return [*shared, *apart, f"{MEAN} {listed(list(self.each))}; {errors}"]

    def _forecasters(self, model: Layer) -> list[Forecaster]:
        return model_forecasters(self._whole[0], model, self._first.covariates)

    def _spreads(self, model: Layer) -> list[IntervalForecaster | None]:
        intervals, splits = self._first.intervals, self._whole[0]
        return [None] * len(splits) if intervals is None else intervals.spreads(splits, model, self._first.covariates)

    def tables(self, forecasters: Sequence[Forecaster], spreads: Sequence[IntervalForecaster | None]) -> dict[str, Any]:
        """Block and lead scores of all targets together, of the forecasts and intervals of each."""
        splits, horizons = self._whole
        found: dict[str, Any] = joint_scores(splits, forecasters, horizons)
        more = joint_intervals(splits, forecasters, spreads, horizons) if self._intervals else {}
        for table, rows in more.items():
            for row, values in rows.items():
                found[table][row] |= values
        return found

    def _sums(self, forecasters: Sequence[Forecaster], spreads: Sequence[IntervalForecaster | None]) -> Stretches:
        splits, horizons = self._whole
        found = {str(k): joint_sums(splits, forecasters, k) for k in horizons}
        for k in horizons if self._intervals else ():
            found[str(k)] |= joint_interval_sums(splits, forecasters, spreads, k)
        return found

    @property
    def _intervals(self) -> bool:
        return self._first.intervals is not None

    @property
    def _first(self) -> ForecastScores:
        return next(iter(self.each.values()))

    @property
    def _whole(self) -> tuple[list[Any], Sequence[int]]:
        each = list(self.each.values())
        return [one.splits for one in each], each[0].horizons


Protocols = ForecastScores | SeveralScores


def check_targets(task: Any, experiment: Setting) -> int:
    """How many targets there are; refuse what is only for one.

    Raises
    ------
    ConfigError
        One line.
    """
    targets = window_data(experiment.data).series.targets
    if not targets:
        return 1
    layer = of_one_target(experiment.model)
    for what in ["evaluation.published"] * (task.published is not None) + [f"model: {layer}"] * (layer is not None):
        one_target(experiment.data, what)
    return len(targets)


def check_width(output: Shape, targets: Sequence[str], furthest: int, model: Layer) -> None:
    """Refuse a model that puts out other than a number for each target, of the next row or of each lead.

    Raises
    ------
    ShapeError
        One line.
    """
    K = len(targets)
    if len(output) > 2 or output[-1] not in (K, furthest * K):
        raise ShapeError(
            f"the model's output has shape {output}; a forecast of the {K} targets {listed(list(targets))} is {K} "
            f"numbers for the next row, which are fed back, so ({K},) or (time, {K}), or as many for each lead, of "
            f"which evaluation.horizons scores {furthest}: ({furthest * K},) or (time, {furthest * K})."
        )
    check_later(later_rows(model), (*output[:-1], (output[-1] or 0) // K))


def mean_r2(y: Array, target: Array, weight: Array | None, n_targets: int) -> float:
    """The mean over the targets of R² of all their leads together, of labels that count; see `Batch` for weights."""
    scores = []
    for k in range(n_targets):
        made, true = (array[..., k::n_targets] for array in (y, target))
        count = weight[..., k::n_targets] if weight is not None and weight.shape == target.shape else weight
        there = slice(None) if count is None else count > 0
        scores.append(r2(made[there], true[there]))
    return float(np.mean(scores))


def losing_on_targets(scores: Mapping[str, Any], rows: Sequence[str], step: str, rounding: float) -> str:
    """``loses to ... on TEMP; it loses to ...``: see `Task.losing_words`; of one target without its name."""
    said = []
    for name, own in scores.get("targets", {"": scores}).items():
        rmse = {k: own["block"][k]["rmse"] for k in rows}
        words = losing_words(losses_to(rmse, own["baselines"], rows, rounding), step)
        said += [f"{words} on {name}" if name else words] if words else []
    return "; it ".join(said)


def interval_tables(scores: Scores) -> list[list[str]]:
    """Intervals by lead, of one target or below each other of several; empty: there are none."""
    if "targets" not in scores:
        return interval_table(scores) if "intervals" in scores else []
    rows = []
    for name, own in scores["targets"].items():
        if "intervals" in own:
            (first, *head), *table = interval_table(own)
            rows += [[f"{name}: {first}", *head], *table]
    return rows
