"""Two given runs over time: the Diebold-Mariano test of each pair's median runs, lead by lead."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.layer import Layer
from minidl.core.text import p_words
from minidl.data import Splits
from minidl.data.steps import ahead_short
from minidl.forecasting.diebold_mariano import diebold_mariano
from minidl.forecasting.forecasters import Covariates, Rows
from minidl.forecasting.rounding import Values, differences
from minidl.forecasting.scores import known_truth, lead_starts, model_forecaster

MAX_PAIRS = 6


def over_time(
    result: Mapping[str, Any],
    open_run: Callable[[str, int], tuple[Layer, Splits]],
    horizon: int,
    covariates: Covariates,
) -> list[dict[str, Any]]:
    """For each pair ``first``, ``second``, their median ``seeds``, and ``leads`` with statistic, p, n and lags.

    A statistic above 0: the first has the larger errors. Of several series in a table the squared errors of
    one time are averaged, each in standard deviations of its series before the test part. Pairs without scored runs,
    and those after the sixth, are left out.

    Parameters
    ----------
    result : of a comparison.
    open_run : of a label and a seed gives the trained model and its data.
    horizon : the largest lead.
    covariates : as in `Recursive`.
    """
    found = []
    for pair in result["pairs"][:MAX_PAIRS]:
        labels = (pair["first"], pair["second"])
        if not result["configs"].keys() >= {*labels}:  # forecasts of another program have no run to open
            continue
        seeds = [result["configs"][label]["median_seed"] for label in labels]
        if None in seeds:
            continue
        runs = [open_run(label, seed) for label, seed in zip(labels, seeds, strict=True)]
        made = [_forecasts(splits, model, horizon, covariates) for model, splits in runs]
        truth, moments, rounding = made[0][1], _moments(runs[0][1], horizon), result["asked"]["rounding"]
        leads = []
        for j in range(truth.shape[1]):
            known = ~np.isnan(truth[:, j])
            if len(set(moments[known].tolist())) <= truth.shape[1] + 2:
                continue
            one, other = (forecast[known, j] for forecast, _ in made)
            error = one - truth[known, j]
            # Errors are small beside the forecasts, so rounding of these is taken out before errors are compared.
            pair_of_errors = (error, error + differences(one, other, rounding))
            by_time = (_over_series(errors, moments[known]) for errors in pair_of_errors)
            test = diebold_mariano(*by_time, lead=j + 1, rounding=rounding)
            statistic = test.statistic if math.isfinite(test.statistic) else math.copysign(999.0, test.statistic)
            leads.append({"lead": str(j + 1), "statistic": statistic, "p": test.p, "n": test.n, "lags": test.lags})
        found.append({"first": labels[0], "second": labels[1], "seeds": seeds, "leads": leads})
    return found


def _forecasts(splits: Splits, model: Layer, horizon: int, covariates: Covariates) -> tuple[Values, Values]:
    """Forecasts of one run and the truth, (origins, leads) each; NaN where no truth is known.

    In the target's units; of several series in standard deviations of each before the test part.
    """
    starts = lead_starts(splits, horizon)
    forecast = model_forecaster(splits, model, covariates)(starts, horizon)
    column = splits.table.target_index
    truth = Rows(splits.values, splits.test.time_steps, column).truth(starts, horizon)
    values = (splits.scale_at(starts).unscale(array, column) for array in (forecast, truth))
    made, came = (np.asarray(value, np.float64) / _units(splits, starts) for value in values)
    return made, np.where(known_truth(splits, starts, horizon), came, np.nan)


def _units(splits: Splits, starts: npt.NDArray[np.int64]) -> Values:
    """(origins, 1): what errors are counted in, see `_forecasts`."""
    table = splits.table
    if not table.series:
        return np.ones((1, 1))
    y, before = table.values[:, table.target_index], ~splits.in_test
    spread = np.array([y[rows][before[rows]].std() for rows in table.stretches()])
    units: Values = np.where(spread > 0, spread, 1.0)[table.series_of(starts)][:, None]
    return units


def _moments(splits: Splits, horizon: int) -> npt.NDArray[np.int64]:
    """(origins,): numbers that are equal for forecasts of several series from one time, and grow with it."""
    table, starts = splits.table, lead_starts(splits, horizon)
    if table.times is not None:
        times: npt.NDArray[np.int64] = table.times[starts].astype("datetime64[s]").astype(np.int64)
        return times
    ends = np.array([rows.stop for rows in table.stretches()])  # whose test parts have one length
    from_end: npt.NDArray[np.int64] = starts - ends[table.series_of(starts)]
    return from_end


def _over_series(errors: Values, moments: npt.NDArray[np.int64]) -> Values:
    """In order of time, √ of the mean squared error of the forecasts from one time, which are not independent.

    Of one series the errors as they are.
    """
    if (np.diff(moments) > 0).all():
        return errors
    _, places, counts = np.unique(moments, return_inverse=True, return_counts=True)
    mean: Values = np.bincount(places, errors**2) / counts
    return np.sqrt(mean)


def over_time_table(found: Sequence[Mapping[str, Any]], step: str) -> list[list[str]]:
    """The tests of the first pair's runs."""
    rows = [["lead", "statistic", "p", "forecasts", "smaller errors"]]
    for row in found[0]["leads"] if found else []:
        better = found[0]["second" if row["statistic"] > 0 else "first"]
        word = better if row["p"] < 0.05 else "no evidence"
        p = p_words(row["p"]).removeprefix("= ")
        rows.append([ahead_short(row["lead"], step), f"{row['statistic']:+.2f}", p, f"{row['n']:,}", word])
    return rows
