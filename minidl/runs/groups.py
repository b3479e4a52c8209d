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
from minidl.tasks.series_data import one_target
from minidl.training.threads import one_blas_thread

ByGroup = dict[str, dict[str, dict[str, float]]]


def scores_by(made: Run | Ensemble, by: By, checkpoint: str | None = None) -> tuple[Splits, ByGroup]:
    """The data, and by group the scores of ``model`` or ``ensemble`` and of the baselines; nothing is stored.

    See `minidl.forecasting.groups`.

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
    if not isinstance(made, Ensemble):
        one_target(made.experiment.data, "--by")
    if isinstance(made, Ensemble):
        data = made.load_data()
        splits, name, weights = data[0], "ensemble", made.weights(data)
        forecaster: Forecaster = Mixture(made.members(data), weights)
    else:
        splits, name = made.experiment.load_data(), "model"
        made.load_weights(checkpoint)
        forecaster = task.scores_on(splits).forecaster(made.experiment.scored_model)
    with one_blas_thread():
        return splits, task.scores_on(splits).by_group({name: forecaster}, by)
