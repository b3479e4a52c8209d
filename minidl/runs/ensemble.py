"""Several runs that forecast the same rows, as one forecast: their mean, with weights from the validation part."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from minidl.core.errors import ConfigError
from minidl.core.layer import n_parameters
from minidl.core.text import listed
from minidl.data import Splits
from minidl.forecasting import Ahead, AheadOfEach
from minidl.forecasting.mixture import Member, Mixture, MixtureWeights, equal_weights, fitted_weights, mixed
from minidl.runs.refitting import REFIT
from minidl.runs.run import Run
from minidl.runs.run_folder import CHECKPOINTS
from minidl.tasks import Forecast, forecast_task, window_data
from minidl.tasks.series_data import one_target
from minidl.training.threads import one_blas_thread


@dataclass(frozen=True, eq=False, kw_only=True)
class MixedAhead(Ahead):
    """What an ensemble says of the rows to come.

    Parameters
    ----------
    weights : of the members, and where they are from.
    names : of the members.
    """

    weights: MixtureWeights
    names: Sequence[str]

    def found(self) -> dict[str, Any]:
        """All of it by name, for JSON; ``weights`` by member and lead."""
        by_lead = self.weights.to(len(self.values)).tolist()
        return {**super().found(), "weights": dict(zip(self.names, by_lead, strict=True))}

    def said(self) -> str:
        """What it rests on."""
        return f"the mean of {len(self.names)} runs, {self.weights.said}; each {super().said()}"


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
            one_target(run.experiment.data, f"{run.path}: an ensemble")
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
        """How the mixture is scored: as the first run's config says, without intervals."""
        return replace(forecast_task(self.runs[0].experiment.evaluation), intervals=None)

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
            table = splits.table
            if not np.array_equal(table.values[:, table.target_index], first.values[:, first.target_index]):
                raise ConfigError(f"{run.path}: its rows of the target are not those of {self.runs[0].path}.")
        return data

    def members(self, data: Sequence[Splits], checkpoint: Callable[[Run], str] = Run.scored_checkpoint) -> list[Member]:
        """The runs with the weights of a checkpoint, by default the one that each config scores."""
        made = []
        for run, splits in zip(self.runs, data, strict=True):
            run.load_weights(checkpoint(run))
            scores = forecast_task(run.experiment.evaluation).scores_on(splits)
            made.append(Member(splits, scores.forecaster(run.experiment.scored_model)))
        return made

    def weights(self, data: Sequence[Splits]) -> MixtureWeights:
        """By member and lead, from forecasts of the validation part; see `minidl.forecasting.mixture`."""
        kinds = [json.dumps({**run.experiment.to_config(), "seed": None}) for run in self.runs]
        with one_blas_thread():
            return fitted_weights(self.members(data, _before_refit), max(self.task.horizons), kinds)

    def predict(
        self, path: Path | None = None, horizon: int | None = None, later: Path | None = None
    ) -> MixedAhead | AheadOfEach:
        """The rows after the end of a table (None: the runs' own series); see `Run.predict`."""
        weights = self.weights(self.load_data())
        made: list[Ahead | AheadOfEach] = [run.predict(path, horizon, later=later) for run in self.runs]
        series = [one.series for one in made if isinstance(one, AheadOfEach)]
        if not series:
            return self._mixed(made, weights)
        return AheadOfEach({name: self._mixed([one[name] for one in series], weights) for name in series[0]})

    def _mixed(self, of_runs: Sequence[Any], weights: MixtureWeights) -> MixedAhead:
        made = [one for one in of_runs if isinstance(one, Ahead)]  # all are: of one target
        values = mixed(np.array([one.values for one in made]), weights.to(len(made[0].values)))
        assumed = "; ".join(_of_how_many([[one.assumption] for one in made]))
        points = "; of points alone, since intervals are not mixed" if any(one.interval for one in made) else ""
        alone = {**vars(made[0]), "values": values, "interval": None, "interval_words": ""}
        return MixedAhead(**{**alone, "assumption": assumed + points}, weights=weights, names=self.names)

    def evaluate(self, data: Sequence[Splits]) -> dict[str, Any]:
        """Scores of the mixture as in ``evaluation.json``; ``members`` and ``weights`` by name, ``equal_weights``.

        Raises
        ------
        NumericalError
            A score of the mixture is NaN or Inf.
        """
        weights = self.weights(data)
        members, scores_on = self.members(data), self.task.scores_on(data[0])
        with one_blas_thread():
            plain = Mixture(members, equal_weights(len(members), 1, "asked for"))
            scores = scores_on.scored(Mixture(members, weights), None, self.runs[0].experiment.scored_model)
            tables = [self.task.scores_on(one.splits).tables(one.forecaster, None) for one in members]
            assumed = [self.task.scores_on(splits).assumptions() for splits in data]
            scores |= {
                "members": dict(zip(self.names, tables, strict=True)),
                "equal_weights": scores_on.tables(plain, None),
                "weights": {
                    "said": weights.said,
                    "by_lead": dict(zip(self.names, weights.values.tolist(), strict=True)),
                },
                "assumptions": _of_how_many(assumed),
                "parameters": sum(n_parameters(run.experiment.model) for run in self.runs),
            }
        self.task.check_finite(scores, "ensemble")
        return scores


def _what_is_forecast(run: Run) -> dict[str, Any]:
    """What the runs of an ensemble have in common."""
    data, task = window_data(run.experiment.data), forecast_task(run.experiment.evaluation)
    series = data.series.to_config()
    return {
        "data.series.type": type(data.series).__name__,
        **{f"data.series.{key}": value for key, value in series.items() if key not in ("features", "categories")},
        "data.time_steps": data.time_steps,
        "data.test_size": data.test_size,
        "evaluation.horizons": task.horizons,
        "evaluation.future_covariates": task.future_covariates,
    }


def _shown(value: Any) -> str:
    return "none" if value in ("", None) else str(value)


def _of_how_many(lines: Sequence[Sequence[str]]) -> list[str]:
    """The lines of all members, each once; of how many of them it is where it is not of all."""
    n = len(lines)
    count = Counter(line for of_member in lines for line in of_member)
    return [line if of == n else f"of {of} of the {n} runs: {line}" for line, of in count.items()]


def _before_refit(run: Run) -> str:
    """The checkpoint whose training has not seen the validation part."""
    name = run.scored_checkpoint()
    if name != REFIT:
        return name
    return "best" if (run.path / CHECKPOINTS / "best").exists() else "last"
