"""Two given runs over time: the Diebold-Mariano test of each pair's median runs, lead by lead."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.comparison.diebold_mariano import diebold_mariano
from minidl.comparison.folder import ComparisonFolder
from minidl.comparison.splits import load_splits
from minidl.comparison.tasks import set_weights
from minidl.forecasting import Rows, model_forecaster
from minidl.forecasting.rounding import Values, differences
from minidl.runs import one_blas_thread
from minidl.tasks import forecast_task

MAX_PAIRS = 6


def over_time(folder: ComparisonFolder, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each pair ``first``, ``second``, their median ``seeds``, and ``leads`` with statistic, p, n and lags.

    A statistic above 0: the first has the larger errors. Pairs without scored
    runs, and those after the sixth, are left out.
    """
    found = []
    for pair in result["pairs"][:MAX_PAIRS]:
        labels = (pair["first"], pair["second"])
        seeds = [result["configs"][label]["median_seed"] for label in labels]
        if None in seeds:
            continue
        made = [forecasts(folder, label, seed) for label, seed in zip(labels, seeds, strict=True)]
        truth, rounding = made[0][1], result["asked"]["rounding"]
        leads = []
        for j in range(truth.shape[1] if len(truth) > truth.shape[1] + 2 else 0):
            one, other = (forecast[:, j] for forecast, _ in made)
            error = one - truth[:, j]
            # Errors are small beside the forecasts, so rounding of these is taken out before errors are compared.
            error_of_other = error + differences(one, other, rounding)
            test = diebold_mariano(error, error_of_other, lead=j + 1, rounding=rounding)
            statistic = test.statistic if math.isfinite(test.statistic) else math.copysign(999.0, test.statistic)
            leads.append({"lead": str(j + 1), "statistic": statistic, "p": test.p, "n": test.n, "lags": test.lags})
        found.append({"first": labels[0], "second": labels[1], "seeds": seeds, "leads": leads})
    return found


def forecasts(folder: ComparisonFolder, label: str, seed: int) -> tuple[Values, Values]:
    """Forecasts of one run and the truth, in the target's units: (origins, leads) each."""
    entry = next(entry for entry in folder.plan.entries if entry.label == label)
    record = next(r for r in folder.records() if (r["label"], r["seed"]) == (label, seed))
    experiment = entry.experiment(seed)
    splits = load_splits(experiment)
    set_weights(experiment.model, folder.weights(record))
    task = forecast_task(experiment.evaluation)
    horizon = max(task.horizons)
    starts = splits.test.starts[: len(splits.test.starts) - horizon + 1]
    with one_blas_thread():
        forecast = model_forecaster(splits, experiment.model, task.future_covariates)(starts, horizon)
    column = splits.table.target_index
    truth = Rows(splits.values, splits.test.time_steps, column).truth(starts, horizon)
    values = (splits.scale.unscale(array, column) for array in (forecast, truth))
    made, came = (np.asarray(value, np.float64) for value in values)
    return made, came
