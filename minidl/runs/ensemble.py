"""Several runs that forecast the same rows, as one forecast: their mean, with weights from the validation part."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from minidl.core.errors import ConfigError
from minidl.core.layer import Array, n_parameters
from minidl.core.text import listed
from minidl.data import ScaleFit, Splits
from minidl.forecasting import Ahead, AheadOfEach
from minidl.forecasting.ahead import AheadOfTargets
from minidl.forecasting.intervals import IntervalForecaster
from minidl.forecasting.mixture import (
    Member,
    Mixture,
    MixtureWeights,
    equal_weights,
    fitted_weights,
    mixed,
    weighing_starts,
)
from minidl.forecasting.quantile_mean import mean_distributions, quantile_mean
from minidl.runs.mixed import MixedAhead, MixedTarget, of_how_many, together
from minidl.runs.refitting import REFIT
from minidl.runs.run import Run
from minidl.runs.run_folder import CHECKPOINTS
from minidl.tasks import Forecast, forecast_task, window_data
from minidl.tasks.intervals import Intervals
from minidl.training.threads import one_blas_thread

Mixing = tuple[MixtureWeights, Array | None]  # of a target, and the margins of its intervals
Predicted = MixedAhead | AheadOfTargets | AheadOfEach


class Ensemble:
    """Runs of the same series that are scored on the same rows.

    Where a run was refitted, its weights in the mean come from what it was before, which the validation part had
    not taught.

    Parameters
    ----------
    runs : at least two; the first one's scale and dtype are those of the scores.

    Raises
    ------
    ConfigError
        They are too few, one stands there twice, or they do not forecast the same rows; in what they differ.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        if len(runs) < 2:
            raise ConfigError("an ensemble is of at least two runs.")
        self.runs = runs
        self.names = [str(run.path) for run in runs]
        places = [run.path.resolve() for run in runs]
        twice = next((run.path for run in runs if places.count(run.path.resolve()) > 1), None)
        if twice is not None:
            raise ConfigError(f"{twice}: stands there twice; an ensemble is of different runs.")
        for run in runs:
            if not isinstance(run.experiment.evaluation, Forecast):
                task = type(run.experiment.evaluation).__name__
                raise ConfigError(f"{run.path}: is a run of the task {task}; an ensemble is of forecasts.")
        first = _what_is_forecast(runs[0])
        for run in runs[1:]:
            other = _what_is_forecast(run)
            differ = [key for key in first if first[key] != other.get(key)]
            parts = [f"{key} ({_shown(first[key])} there, {_shown(other.get(key))} here)" for key in differ]
            if parts:
                raise ConfigError(
                    f"{run.path}: differs from {runs[0].path} in {listed(parts)}; "
                    "the runs of an ensemble forecast the same rows."
                )

    @classmethod
    def open(cls, paths: Sequence[str | Path]) -> Ensemble:
        """Runs from their folders; see `Run.open`."""
        return cls([Run.open(path) for path in paths])

    @property
    def task(self) -> Forecast:
        """How the mixture is scored: as the first run's config says; intervals are calibrated if those of all are."""
        task, several = forecast_task(self.runs[0].experiment.evaluation), self._intervals()
        if isinstance(several, str):
            return replace(task, intervals=None)
        return replace(task, intervals=replace(several[0], conformal=all(one.conformal for one in several)))

    def _intervals(self) -> list[Intervals] | str:
        """Those of the runs; why they are not mixed, or "" where no run has any."""
        tasks = [forecast_task(run.experiment.evaluation) for run in self.runs]
        found = [task.intervals for task in tasks if task.intervals is not None]
        if not found:
            return ""
        if len(found) < len(self.runs):
            without = next(run for run, task in zip(self.runs, tasks, strict=True) if task.intervals is None)
            return f"{without.path} has no intervals"
        if len({one.coverage for one in found}) > 1:
            return "their coverage differs"
        return found

    def load_data(self) -> list[Splits]:
        """The data of each run.

        Raises
        ------
        ConfigError
            The rows of the target are not the same, as where a file has changed.
        """
        data = [run.experiment.load_data() for run in self.runs]
        first = data[0].table
        for run, splits in zip(self.runs, data, strict=True):
            pair = (one.values[:, [*one.target_columns]] for one in (splits.table, first))
            if not np.array_equal(*pair):
                raise ConfigError(f"{run.path}: its rows of the target are not those of {self.runs[0].path}.")
        return data

    def of_targets(self, data: Sequence[Splits]) -> list[list[Splits]]:
        """The data of each run for each target, of which members, weights and intervals are; of one target the data."""
        return [list(of_target) for of_target in zip(*(splits.of_targets() for splits in data), strict=True)]

    def members(self, data: Sequence[Splits], checkpoint: Callable[[Run], str] = Run.scored_checkpoint) -> list[Member]:
        """The runs with the weights of a checkpoint, by default the one that each config scores.

        Parameters
        ----------
        data : of each run, for one target; see `of_targets`.
        """
        made = []
        for run, splits in zip(self.runs, data, strict=True):
            run.load_weights(checkpoint(run))
            task, model = forecast_task(run.experiment.evaluation), run.experiment.scored_model
            told = task.intervals.told([splits], model, task.future_covariates)[0] if task.intervals else None
            made.append(Member(splits, task.scores_on(splits).forecaster(model), told))
        return made

    def spread(self, members: Sequence[Member], weights: MixtureWeights) -> IntervalForecaster | None:
        """The mixture's distributions and intervals, with the margins of its own calibration; None: there are none."""
        intervals = self.task.intervals
        if intervals is None:
            return None
        return intervals.of(self._calibrating(members), mean_distributions(Mixture(members, weights)))

    def _calibrating(self, members: Sequence[Member]) -> Splits:
        """The first member's data, with the validation windows that no member was trained on."""
        first, intervals = members[0].splits, self.task.intervals
        if intervals is None or not intervals.conformal or first.validation is None:
            return first
        starts, _ = weighing_starts([member.splits for member in members], first.leads)
        return replace(first, validation=replace(first.validation, starts=starts))

    def weights(self, data: Sequence[Splits]) -> MixtureWeights:
        """By member and lead, from forecasts of the validation part; see `minidl.forecasting.mixture`."""
        kinds = [json.dumps({**run.experiment.to_config(), "seed": None}) for run in self.runs]
        with one_blas_thread():
            return fitted_weights(self.members(data, _before_refit), max(self.task.horizons), kinds)

    def predict(self, path: Path | None = None, horizon: int | None = None, later: Path | None = None) -> Predicted:
        """The rows after the end of a table (None: the runs' own series); see `Run.predict`."""
        mixing = []
        for data in self.of_targets(self.load_data()):
            weights = self.weights(data)
            with one_blas_thread():
                spread = self.spread(self.members(data), weights)
            mixing.append((weights, None if spread is None else spread.margins))
        made = [run.predict(path, horizon, later=later, calibrated=False) for run in self.runs]
        series, scale = [one.series for one in made if isinstance(one, AheadOfEach)], self.runs[0].scale()
        if not series:
            return self._of_targets(made, mixing, scale)
        return AheadOfEach(
            {name: self._of_targets([one[name] for one in series], mixing, scale.of_series(name)) for name in series[0]}
        )

    def _of_targets(
        self, of_runs: Sequence[Any], mixing: Sequence[Mixing], scale: ScaleFit
    ) -> MixedAhead | AheadOfTargets:
        """What the runs say of one series, mixed for each target."""
        if not isinstance(of_runs[0], AheadOfTargets):
            return self._mixed(of_runs, *mixing[0], scale)
        each = zip(*(one.targets for one in of_runs), strict=True)
        return AheadOfTargets([self._mixed(made, *how, scale) for made, how in zip(each, mixing, strict=True)])

    def _mixed(
        self, of_runs: Sequence[Any], weights: MixtureWeights, margins: Array | None, scale: ScaleFit
    ) -> MixedAhead:
        made = [one for one in of_runs if isinstance(one, Ahead)]  # all are: of one target
        horizon, why = len(made[0].values), self._intervals()
        values = mixed(np.array([one.values for one in made]), weights.to(horizon))
        assumed = "; ".join(of_how_many([[one.assumption] for one in made]))
        intervals, told = self.task.intervals, [one.told for one in made if one.told is not None]
        points = f"; of points alone, since {why}" if isinstance(why, str) and why else ""
        more: dict[str, Any] = {"interval": None, "interval_words": "", "told": None}
        if intervals is not None:
            mean = quantile_mean(told, weights.to(horizon))
            column = window_data(self.runs[0].experiment.data).feature_names.index(made[0].target)
            lower, upper = intervals.ends(mean, scale, column, 0.0 if margins is None else margins[:horizon])
            words = f"{intervals.words()}, from the mean of the runs' quantiles"
            more = {"interval": (lower[0], upper[0]), "interval_words": words, "told": mean}
        alone = {**vars(made[0]), "values": values, **more, "assumption": assumed + points}
        return MixedAhead(**alone, weights=weights, names=self.names)

    def evaluate(self, data: Sequence[Splits]) -> dict[str, Any]:
        """Scores of the mixture as in ``evaluation.json``; ``members`` and ``weights`` by name, ``equal_weights``.

        Of several targets ``targets`` has these of each, and ``weights`` stand there alone.

        Raises
        ------
        NumericalError
            A score of the mixture is NaN or Inf.
        """
        each = [self._of_target(of_target) for of_target in self.of_targets(data)]
        with one_blas_thread():
            scores = each[0].scores if len(each) == 1 else together(self.task, each, self.names)
        scores["parameters"] = sum(n_parameters(run.experiment.model) for run in self.runs)
        self.task.check_finite(scores, "ensemble")
        return scores

    def _of_target(self, data: Sequence[Splits]) -> MixedTarget:
        """The mixture of one target, and its scores."""
        weights = self.weights(data)
        members, model = self.members(data), self.runs[0].experiment.scored_model
        scores_on = self.task.scores_on(self._calibrating(members))
        with one_blas_thread():
            mixture, plain = (Mixture(members, one) for one in (weights, equal_weights(len(members), 1, "asked for")))
            spread, plain_spread = (self.spread(members, one.weights) for one in (mixture, plain))
            theirs = {} if spread is None else scores_on.rivals_spreads(model)
            scores = scores_on.scored(mixture, spread, theirs)
            alone = [self._alone(one) for one in members]
            tables = [self.task.scores_on(one.splits).tables(one.forecaster, of) for one, of in alone]
            assumed = [self.task.scores_on(splits).assumptions() for splits in data]
            scores |= {
                "members": dict(zip(self.names, tables, strict=True)),
                "equal_weights": scores_on.tables(plain, plain_spread),
                "weights": {
                    "said": weights.said,
                    "by_lead": dict(zip(self.names, weights.values.tolist(), strict=True)),
                },
                "assumptions": of_how_many(assumed) + scores["assumptions"][len(scores_on.assumptions()) :],
            }
        return MixedTarget(scores_on, (mixture, spread), (plain, plain_spread), alone, theirs, scores)

    def _alone(self, member: Member) -> tuple[Member, IntervalForecaster | None]:
        """A member with intervals as the mixture has them."""
        intervals = self.task.intervals
        return member, None if intervals is None else intervals.of(member.splits, member.told)


def _what_is_forecast(run: Run) -> dict[str, Any]:
    """What the runs of an ensemble have in common."""
    data, task = window_data(run.experiment.data), forecast_task(run.experiment.evaluation)
    series = data.series.to_config()
    return {
        "data.series.type": type(data.series).__name__,
        **{f"data.series.{key}": value for key, value in series.items() if key not in ("features", "categories")},
        "data.time_steps": data.time_steps,
        "data.test_size": data.test_size,
        "data.test_by_time": data.test_by_time,
        "evaluation.horizons": task.horizons,
        "evaluation.future_covariates": task.future_covariates,
    }


def _shown(value: Any) -> str:
    return "none" if value in ("", None) else str(value)


def _before_refit(run: Run) -> str:
    """The checkpoint whose training has not seen the validation part."""
    name = run.scored_checkpoint()
    if name != REFIT:
        return name
    return "best" if (run.path / CHECKPOINTS / "best").exists() else "last"
