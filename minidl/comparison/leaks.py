"""Does anything before a cut depend on what comes after it? The rows after the cut are poisoned, and all is done again.

Poison goes into the series' file, as text, before anything is made of it: numbers far
outside of the data, and gaps. It is NaN in the table that was read, too, which no sum
survives. What the config itself says is known (later weather, with
``future_covariates: actual``) is looked for too, and reported apart.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minidl.comparison.poisoned import forged_file, later_rows_of, poisoned
from minidl.comparison.trials import digest_of, train_in_memory
from minidl.core.errors import DataError, MinidlError, NumericalError
from minidl.core.layer import Array
from minidl.data import Splits, Table, WindowData
from minidl.experiment import Experiment
from minidl.forecasting import Persistence, Rows
from minidl.forecasting.forecasters import Starts
from minidl.forecasting.mixture import Member, Mixture, equal_weights, fitted_weights
from minidl.forecasting.quantile_mean import mean_distributions
from minidl.forecasting.scores import lead_starts
from minidl.forecasting.several_targets import model_forecasters
from minidl.parallel.experiments import OnlyTable
from minidl.tasks import forecast_task, window_data
from minidl.training import Source
from minidl.training.threads import one_blas_thread


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
    from_file : whether the poison was put into the series' file. A series without
        one is poisoned in the table that it gives: what its ``read`` does is not
        checked then (see `Series.forged`).
    """

    leaks: tuple[str, ...]
    checked: tuple[str, ...]
    assumes_known_covariates: bool
    from_file: bool


def check_no_leak(experiment: Experiment, epochs: int | None = None) -> LeakReport:
    """Prove that scaler, windows, chosen checkpoint, calibration and forecasts do not depend on later rows.

    Trains on the series as it is, and again with every row of the test part
    poisoned: NaN in the table, noise in the file, gaps in the file. Then forecasts
    are made with the rows after a cut in the test part poisoned; the cut lies in a
    gap if there is one, since a filled value may look ahead.

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
        raise LeakError(*(f"{experiment.name}: {leak}" for leak in report.leaks))
    return report


def find_leaks(experiment: Experiment, epochs: int | None = None) -> LeakReport:
    """As `check_no_leak`, but report leaks and do not raise."""
    if epochs is not None:
        experiment = copy.deepcopy(experiment)
        experiment.training.epochs = epochs
    data = window_data(experiment.data)
    table = data.series.read()
    borders = [rows.stop - n for rows, n in zip(table.stretches(), data.test_rows(table), strict=True)]
    with one_blas_thread(), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        clean = _stages(experiment, data.rows(table))
        leaks: dict[str, None] = {}
        for name, spoilt in poisoned(data, table, borders):
            after = _stages(experiment, spoilt)
            leaks |= dict.fromkeys(
                f"the {stage} {_verb(stage)} on the test part ({name} there {_changes(stage)})"
                for stage, value in clean.items()
                if value != after.get(stage)
            )
        leaks |= dict.fromkeys(_validation_leaks(data, table))
        forecasts, known = _forecasts_change(experiment, table)
        leaks |= dict.fromkeys(forecasts)
    checked = tuple(stage for stage in (*clean, "forecasts") if not any(f"the {stage}" in leak for leak in leaks))
    return LeakReport(tuple(leaks), checked, known, forged_file(data, table, borders, "noise") is not None)


def _verb(stage: str) -> str:
    return "depend" if stage.endswith("s") else "depends"


def _changes(stage: str) -> str:
    return "changes them" if stage.endswith("s") else "changes it"


def _on_rows(experiment: Experiment, rows: Table) -> tuple[Experiment, Splits]:
    """The experiment on rows whose gaps are filled and features added: neither is done again."""
    experiment = copy.deepcopy(experiment)
    data = window_data(experiment.data)
    data.series, data.derived = OnlyTable(rows), []
    vars(data)["rows"] = _as_they_are
    experiment.build_model()  # the same start for every training
    return experiment, experiment.load_data()


def _as_they_are(table: Table) -> Table:
    return table


def _stages(experiment: Experiment, rows: Table) -> dict[str, str]:
    """Digests of scaler, windows for training and validation, chosen weights, those of an ensemble, and calibration."""
    try:
        experiment, splits = _on_rows(experiment, rows)
    except DataError as err:  # a scaler that was given NaN
        return {"scaler": f"none: {err}"}
    stages = {
        "scaler": digest_of({"offset": splits.scale.offset, "range": splits.scale.range}),
        "training windows": _digest(splits.train),
    }
    if splits.validation is not None:
        stages["validation windows"] = _digest(splits.validation)
    try:
        trained = train_in_memory(experiment, splits)
        stages["chosen checkpoint"] = f"epoch {trained.epoch}: {digest_of(experiment.model.params)}"
        if splits.validation is not None:
            stages["ensemble weights"] = _ensemble_weights(experiment, splits)
        margins = forecast_task(experiment.evaluation).margins(splits, experiment.scored_model)
        if margins is not None:
            stages["calibration"] = digest_of({"margins": margins})
            stages["ensemble calibration"] = _ensemble_margins(experiment, splits)
    except NumericalError as err:
        stages["chosen checkpoint"] = f"none: {err}"
    return stages


def _ensemble_weights(experiment: Experiment, splits: Splits) -> str:
    """A digest of the weights of an ensemble of the model and "same as now", of each target."""
    task, found = forecast_task(experiment.evaluation), {}
    for one in splits.of_targets():
        rows = Rows.of(one.table, one.values, one.test.time_steps)
        made = [task.scores_on(one).forecaster(experiment.scored_model), Persistence(rows)]
        weights = fitted_weights([Member(one, forecaster) for forecaster in made], max(task.horizons))
        found[one.table.target_name] = weights.values
    return digest_of(found)


def _ensemble_margins(experiment: Experiment, splits: Splits) -> str:
    """A digest of the margins of an ensemble of the model twice, whose distributions are mixed, of each target."""
    task, model = forecast_task(experiment.evaluation), experiment.scored_model
    intervals: Any = task.intervals
    found = {}
    each = splits.of_targets()
    for one, told in zip(each, intervals.told(each, model, task.future_covariates), strict=True):
        member = Member(one, task.scores_on(one).forecaster(model), told)
        mixture = Mixture([member, member], equal_weights(2, 1, ""))
        found[one.table.target_name] = intervals.of(one, mean_distributions(mixture)).margins
    return digest_of(found)


def _digest(source: Source) -> str:
    batch = source.gather(slice(None))
    return digest_of({"x": batch.x, "y": batch.target})


def _validation_leaks(data: WindowData, table: Table) -> Iterator[str]:
    """Rows for training, unscaled, that depend on rows of the validation part; the scaler may, by its docstring."""
    parts = zip(table.stretches(), data.test_rows(table), strict=True)
    borders = [[rows.start + first for first in data.borders(rows.stop - rows.start, n)] for rows, n in parts]
    for firsts in list(zip(*borders, strict=True))[:-1]:
        earlier = ~later_rows_of(table, firsts)
        before = data.rows(table).values[earlier].tobytes()
        for name, spoilt in poisoned(data, table, firsts):
            if spoilt.values[earlier].tobytes() != before:
                yield f"the rows for training depend on the validation part ({name} there changes them)"


def _forecasts_change(experiment: Experiment, table: Table) -> tuple[list[str], bool]:
    """Leaks of the forecasts before a cut in the test part; whether later covariates are used.

    The scaling is that of the clean table: the scaler has its own check.
    """
    data, task = window_data(experiment.data), forecast_task(experiment.evaluation)
    experiment, splits = _on_rows(experiment, data.rows(table))
    horizon, way = max(task.horizons), task.future_covariates
    T, starts = splits.test.time_steps, splits.test.starts
    cuts = [_cut(one, len(one) - n + T) for one, n in zip(table.each(), data.test_rows(table), strict=True)]
    firsts = [first + cut for first, cut in zip(table.firsts, cuts, strict=True)]
    cut = np.array(firsts)[table.series_of(starts)]
    issued = starts[starts + T <= cut]  # the last known row lies before the cut
    ended = starts[starts + T + horizon <= cut]  # so do all rows that are forecast
    # One row ahead, no later row of another column is looked at, whatever the config says is known.
    followed = issued[np.isin(issued, lead_starts(splits, horizon))]
    asked = ((ended, horizon), (issued, 1), (followed, horizon))
    leaks, known = [], False
    before = _answers(experiment, splits, asked)
    for name, rows in poisoned(data, table, firsts, spare=True):
        scale = splits.scale_at(np.arange(len(table)))
        values = np.ascontiguousarray(scale.transform(rows.values), splits.values.dtype)
        other = replace(splits, table=rows, values=values)
        after = _answers(experiment, other, asked)
        if before[:2] != after[:2]:
            leaks.append(f"the forecasts of rows before the cut depend on rows after it ({name} there changes them)")
        known = known or before[2] != after[2]
        if way == "actual" and before[2:] != _answers(experiment, _with_later_target(splits, values), asked[2:]):
            leaks.append(f"the forecasts issued before the cut depend on later values of the target ({name} there)")
    if known and way != "actual":
        leaks.append(f"the forecasts issued before the cut depend on rows after it, although the config says {way}")
    return leaks, known and way == "actual"


def _answers(experiment: Experiment, splits: Splits, asked: Sequence[tuple[Starts, int]]) -> list[bytes]:
    """The model's forecasts of all targets, for each pair of first rows and a horizon."""
    model, way = experiment.scored_model, forecast_task(experiment.evaluation).future_covariates
    made = model_forecasters(splits.of_targets(), model, way)
    return [b"".join(one(*question).tobytes() for one in made) for question in asked]


def _with_later_target(splits: Splits, values: Array) -> Splits:
    """The data where the targets, and what is made from them, are those of `values`, and all else is clean."""
    mixed, names = splits.values.copy(), splits.table.feature_names
    columns = [*splits.table.target_columns, *map(names.index, splits.table.of_target)]
    mixed[:, columns] = values[:, columns]
    return replace(splits, values=mixed)


def _cut(table: Table, first: int) -> int:
    """The row after a gap's from row `first` on, the one nearest to the middle of the rest; without gaps the middle.

    The gap's row was then filled from what is known before the cut, or from what comes after.
    """
    middle = (first + len(table)) // 2
    if table.gaps is None:
        return middle
    cuts = np.flatnonzero(table.gaps.where[first - 1 : -1].any(axis=1)) + first
    return int(cuts[np.abs(cuts - middle).argmin()]) if len(cuts) else middle
