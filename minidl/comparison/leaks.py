"""Does anything before a cut depend on what comes after it? The rows after the cut are poisoned, and all is done again.

Poison is NaN at first, which no sum survives, then noise, which no comparison with
NaN can hide. What the config itself says is known (later weather, with
``future_covariates: actual``) is looked for too, and reported apart.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.comparison.entries import experiment_of
from minidl.comparison.tasks import _OnlyTable, digest_of, train_in_memory
from minidl.data import Splits, Table
from minidl.errors import MinidlError, NumericalError
from minidl.experiment import Experiment
from minidl.forecasting import model_forecaster
from minidl.layer import Array
from minidl.runs import one_blas_thread

Poison = Callable[[Array], Array]


class LeakError(MinidlError, AssertionError):
    """Something before a cut depends on rows after it; one line for each such thing."""

    exit_code = 1


@dataclass(frozen=True)
class LeakReport:
    """What was found.

    Parameters
    ----------
    leaks : what depends on rows that come later; empty if nothing does.
    checked : what was looked at and does not.
    assumes_known_covariates : whether forecasts are given the true later values
        of other columns, as ``future_covariates: actual`` says.
    """

    leaks: tuple[str, ...]
    checked: tuple[str, ...]
    assumes_known_covariates: bool


def check_no_leak(experiment: Experiment, epochs: int | None = None) -> LeakReport:
    """Prove that scaler, windows, chosen checkpoint and forecasts do not depend on later rows.

    Trains three times: on the table as it is, with every row of the test part
    NaN, and with noise there. Then forecasts are made with the rows after the
    middle of the test part poisoned.

    Parameters
    ----------
    experiment : any; it is not changed.
    epochs : how many to train; None: as many as its config says.

    Raises
    ------
    LeakError
        Something depends on later rows; one line for each.
    """
    report = find_leaks(experiment, epochs)
    if report.leaks:
        lines = "\n".join(f"{experiment.name}: {leak}" for leak in report.leaks)
        raise LeakError(lines)
    return report


def find_leaks(experiment: Experiment, epochs: int | None = None) -> LeakReport:
    """As `check_no_leak`, but report leaks and do not raise."""
    config = experiment.to_config()
    if epochs is not None:
        config["training"] = {**config["training"], "epochs": epochs}
    table = experiment.data.series.read()
    border = len(table) - experiment.data.test_size
    with one_blas_thread(), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        clean = _stages(config, table)
        leaks: dict[str, None] = {}
        for name, poison in POISONS.items():
            spoilt = _stages(config, poisoned(table, border, poison))
            leaks |= dict.fromkeys(
                f"the {stage} {_verb(stage)} on the test part ({name} there changes it)"
                for stage, value in clean.items()
                if value != spoilt.get(stage)
            )
        forecasts, known = _forecasts_change(config, table, border)
        leaks |= dict.fromkeys(forecasts)
    checked = tuple(stage for stage in (*clean, "forecasts") if not any(f"the {stage}" in leak for leak in leaks))
    return LeakReport(tuple(leaks), checked, known)


def _verb(stage: str) -> str:
    return "depend" if stage.endswith("windows") else "depends"


def _nan(values: Array) -> Array:
    return np.full_like(values, np.nan)


def _noise(values: Array) -> Array:
    # Outside the range of the data, so that a minimum or a maximum cannot miss it.
    noise: Array = np.random.default_rng(4).standard_normal(values.shape)
    noise *= 1e3 * (1 + np.abs(values).max())
    return noise


POISONS: Mapping[str, Poison] = {"NaN": _nan, "noise": _noise}


def poisoned(table: Table, first: int, poison: Poison) -> Table:
    """The table with all rows from `first` on replaced; what a Table refuses is put in after it was made."""
    spoilt = copy.copy(table)
    values = table.values.copy()
    values[first:] = poison(values[first:])
    object.__setattr__(spoilt, "values", values)
    return spoilt


def _with_table(config: Mapping[str, Any], table: Table) -> tuple[Experiment, Splits]:
    experiment = experiment_of({key: config[key] for key in config if key != "seed"}, config["seed"])
    experiment.data.series = _OnlyTable(table)
    return experiment, experiment.load_data()


def _stages(config: Mapping[str, Any], table: Table) -> dict[str, str]:
    """Digests of scaler, training windows, validation windows and the chosen weights."""
    try:
        experiment, splits = _with_table(config, table)
    except MinidlError as err:  # a scaler that was given NaN
        return {"scaler": f"none: {err}"}
    stages = {
        "scaler": digest_of({"offset": splits.scale.offset, "range": splits.scale.range}),
        "training windows": digest_of(dict(zip("xy", splits.train.gather(slice(None)), strict=True))),
    }
    if splits.validation is not None:
        validation = splits.validation.gather(slice(None))
        stages["validation windows"] = digest_of(dict(zip("xy", validation, strict=True)))
    try:
        trained = train_in_memory(experiment, splits)
        stages["chosen checkpoint"] = f"epoch {trained.epoch}: {digest_of(experiment.model.params)}"
    except NumericalError as err:
        stages["chosen checkpoint"] = f"none: {err}"
    return stages


def _forecasts_change(config: Mapping[str, Any], table: Table, border: int) -> tuple[list[str], bool]:
    """Leaks of the forecasts before a cut in the middle of the test part; whether later covariates are used.

    The scaling is that of the clean table: the scaler has its own check.
    """
    experiment, splits = _with_table(config, table)
    cut = border + (len(table) - border) // 2
    horizon, way = max(experiment.evaluation.horizons), experiment.evaluation.future_covariates
    T, starts = splits.test.time_steps, splits.test.starts
    issued = starts[starts + T <= cut]  # the last known row lies before the cut
    ended = starts[starts + T + horizon <= cut]  # so do all rows that are forecast
    leaks, known = [], False
    before = [model_forecaster(splits, experiment.model, way)(s, horizon) for s in (ended, issued)]
    for name, poison in POISONS.items():
        spoilt = poisoned(table, cut, poison)
        values = np.ascontiguousarray(splits.scale.transform(spoilt.values), splits.values.dtype)
        other = Splits(spoilt, splits.scale, values, splits.train, splits.validation, splits.test, border)
        after = [model_forecaster(other, experiment.model, way)(s, horizon) for s in (ended, issued)]
        if before[0].tobytes() != after[0].tobytes():
            leaks.append(f"the forecasts of rows before the cut depend on rows after it ({name} there changes them)")
        known = known or before[1].tobytes() != after[1].tobytes()
    if known and way != "actual":
        leaks.append(f"the forecasts issued before the cut depend on rows after it, although the config says {way}")
    return leaks, known
