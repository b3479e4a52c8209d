"""Two given runs over time: the Diebold-Mariano test of each pair's median runs, lead by lead."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.comparison.diebold_mariano import diebold_mariano
from minidl.comparison.folder import ComparisonFolder
from minidl.comparison.tasks import load_splits, set_weights
from minidl.forecasting import Rows, model_forecaster
from minidl.runs import one_blas_thread

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
        one, other = (lead_errors(folder, label, seed) for label, seed in zip(labels, seeds, strict=True))
        leads = []
        for j in range(one.shape[1] if len(one) > one.shape[1] + 2 else 0):
            test = diebold_mariano(one[:, j], other[:, j], lead=j + 1)
            statistic = test.statistic if math.isfinite(test.statistic) else math.copysign(999.0, test.statistic)
            leads.append({"lead": str(j + 1), "statistic": statistic, "p": test.p, "n": test.n, "lags": test.lags})
        found.append({"first": labels[0], "second": labels[1], "seeds": seeds, "leads": leads})
    return found


def lead_errors(folder: ComparisonFolder, label: str, seed: int) -> npt.NDArray[np.float64]:
    """Forecast minus truth of one run, in the target's units: (origins, leads)."""
    entry = next(entry for entry in folder.plan.entries if entry.label == label)
    record = next(r for r in folder.records() if (r["label"], r["seed"]) == (label, seed))
    experiment = entry.experiment(seed)
    splits = load_splits(experiment)
    set_weights(experiment.model, folder.weights(record))
    horizon = max(experiment.evaluation.horizons)
    starts = splits.test.starts[: len(splits.test.starts) - horizon + 1]
    with one_blas_thread():
        forecast = model_forecaster(splits, experiment.model, experiment.evaluation.future_covariates)(starts, horizon)
    column = splits.table.target_index
    truth = Rows(splits.values, splits.test.time_steps, column).truth(starts, horizon)
    errors = splits.scale.unscale(forecast, column) - splits.scale.unscale(truth, column)
    return np.asarray(errors, np.float64)
