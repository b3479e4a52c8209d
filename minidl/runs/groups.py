"""Scores of a run or of an ensemble by groups of the forecasts of the test part."""

from __future__ import annotations

from minidl.core.errors import ConfigError
from minidl.data import Splits
from minidl.forecasting import Forecaster
from minidl.forecasting.groups import By
from minidl.forecasting.mixture import Mixture
from minidl.runs.ensemble import Ensemble
from minidl.runs.run import Run
from minidl.tasks import Forecast
from minidl.tasks.forecast_scores import ForecastScores
from minidl.training.threads import one_blas_thread

ByGroup = dict[str, dict[str, dict[str, float]]]


def scores_by(made: Run | Ensemble, by: By, checkpoint: str | None = None) -> list[tuple[Splits, ByGroup]]:
    """The data, and by group the scores of ``model`` or ``ensemble`` and of the baselines; nothing is stored.

    A pair for each target. See `minidl.forecasting.groups`.

    Parameters
    ----------
    checkpoint : of a run; None: the one that its config scores.

    Raises
    ------
    ConfigError
        The run is not of forecasts.
    DataError
        The rows have no such thing as an hour of the day.
    """
    task = made.task if isinstance(made, Ensemble) else made.experiment.evaluation
    if not isinstance(task, Forecast):
        raise ConfigError(f"--by: {type(task).__name__} has no {by} of a forecast; Forecast does.")
    found: list[tuple[ForecastScores, dict[str, Forecaster]]] = []
    if isinstance(made, Ensemble):
        for data in made.of_targets(made.load_data()):
            found.append((task.scores_on(data[0]), {"ensemble": Mixture(made.members(data), made.weights(data))}))
    else:
        made.load_weights(checkpoint)
        for splits in made.experiment.load_data().of_targets():
            scores = task.scores_on(splits)
            found.append((scores, {"model": scores.forecaster(made.experiment.scored_model)}))
    with one_blas_thread():
        return [(scores.splits, scores.by_group(forecasters, by)) for scores, forecasters in found]
