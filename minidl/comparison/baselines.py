"""The baselines that all configs stand beside: computed once, from the data that the configs share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.comparison.entries import Entry
from minidl.comparison.splits import load_splits
from minidl.comparison.tasks import without_nan
from minidl.data import Splits
from minidl.data.steps import unit
from minidl.errors import ConfigError
from minidl.forecasting import assumptions, baselines, left_out, score
from minidl.runs import one_blas_thread
from minidl.tasks import forecast_task


def describe_baselines(entries: Sequence[Entry]) -> dict[str, Any]:
    """Read the data of every config, check that scores can be compared, and score the baselines.

    Returns
    -------
    baselines : scores by name, as in ``evaluation.json``; the linear model of a
        config whose data differ is ``linear of <label>``.
    data : by label, rows and SHA-256 of the table.
    units, step : of the target and of a lead.
    assumptions : by label, what the scores assume, in words.
    left_out : baselines that the data cannot have, and why not.

    Raises
    ------
    ConfigError
        The test parts hold different values, so that scores cannot be compared.
    """
    scores: dict[str, Any] = {}
    data: dict[str, Any] = {}
    first: tuple[Entry, str] | None = None
    assumed: dict[str, list[str]] = {}
    missing: dict[str, str] = {}
    units = step = ""
    scored: list[Any] = []
    for entry in entries:
        experiment = entry.experiment()
        splits = load_splits(experiment)
        data[entry.label] = splits.facts()
        truth = truth_of(splits)
        if first is None:
            first, units, step = (entry, truth), splits.table.units, splits.table.step_name()
        elif truth != first[1]:
            raise ConfigError(_other_truth(first[0], entry, unit(step)))
        evaluation = forecast_task(experiment.evaluation)
        if entry.role == "compared":
            assumed[entry.label] = assumptions(splits, evaluation.future_covariates)
            missing |= left_out(splits)
        what = (entry.config["data"], entry.config["dtype"], evaluation.horizons, evaluation.future_covariates)
        if entry.role == "compared" and what not in scored:
            scored.append(what)
            with one_blas_thread():
                for name, forecaster in baselines(splits, evaluation.future_covariates).items():
                    found = without_nan(score(splits, forecaster, evaluation.horizons))
                    _add(scores, name, entry.label, found)
    about = {"units": units, "step": step, "assumptions": assumed, "left_out": missing}
    return {"baselines": scores, "data": data, **about}


def _add(scores: dict[str, Any], name: str, label: str, found: dict[str, Any]) -> None:
    """A baseline whose errors, in the target's units, are those of the first config stands once."""
    if name not in scores:
        scores[name] = found
    elif not _same_errors(scores[name], found):
        scores[f"{name} of {label}"] = found


def _same_errors(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """The same but for rounding, which another scale of the values brings."""
    pairs = [
        (one[kind][key]["rmse"], other[kind][key]["rmse"])
        for kind in ("block", "lead")
        for key in one[kind]
        if one[kind][key]["rmse"] is not None
    ]
    errors = np.array(pairs)
    return bool(np.allclose(errors[:, 0], errors[:, 1], rtol=1e-6))


def truth_of(splits: Splits) -> str:
    """SHA-256 of the test part's target, unscaled, with its rows' times."""
    rows, table = splits.test.origin_rows, splits.table
    digest = hashlib.sha256(np.ascontiguousarray(table.values[rows, table.target_index], "<f8").tobytes())
    if table.times is not None:
        digest.update(table.times[rows].astype("datetime64[s]").astype("<i8").tobytes())
    return digest.hexdigest()


def _other_truth(first: Entry, other: Entry, step: str) -> str:
    mine, theirs = first.config["data"], other.config["data"]
    keys = [f"data.{key}" for key in mine if key not in ("scaler", "validation") and mine[key] != theirs[key]]
    return (
        f"compare: {first.label} and {other.label} are scored on different test {step}s ({', '.join(keys) or 'data'} "
        "differ), so their scores cannot be compared. Give both the same series, target, test_size and time_steps."
    )
