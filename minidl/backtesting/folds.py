"""One training of a backtest: on all rows before a stretch of the test part, scored on that stretch.

The test part is cut into stretches of equal length. A fold is trained as the config says, on a table that ends with
its stretch and has it for a test part: whatever comes later is not there. The first fold's model is scored on all
stretches, too, each time with what is known by then: that is the model which nobody trains again. A fold can be
pickled and runs in any process; it writes no file.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.comparison.trials import digest_of, train_in_memory, without_nan
from minidl.core.errors import ConfigError, DataError, NumericalError
from minidl.data import Splits, Table
from minidl.data.steps import time_text
from minidl.data.test_rows import rows_left
from minidl.experiment import Experiment
from minidl.files.plugins import PluginRecord, load_plugin, plugin_faults
from minidl.forecasting.forecasters import Remembered
from minidl.forecasting.groups import group_scores
from minidl.forecasting.several_targets import deviations, joint_leads, model_forecasters
from minidl.parallel.experiments import OnlyTable, experiment_of
from minidl.tasks import forecast_task, window_data
from minidl.tasks.forecast_scores import ForecastScores
from minidl.training.threads import ONE_THREAD

Record = dict[str, Any]
Scores = dict[str, dict[str, dict[str, float]]]  # by lead, forecaster and metric
Values = npt.NDArray[np.float64]
MAX_FOLDS = 1000


@dataclass(frozen=True)
class Fold:
    """What one training needs.

    Parameters
    ----------
    config, seed : of the experiment, as plain values.
    number : of the fold, from 0.
    edges : the first rows of all stretches, and the number of rows; of several series those of the longest.
    plugins : Python files to load first, if their content is still that.
    """

    config: Mapping[str, Any]
    seed: int
    number: int
    edges: tuple[int, ...]
    plugins: tuple[PluginRecord, ...] = ()


def edges_of(experiment: Experiment, n_rows: int, folds: int) -> tuple[int, ...]:
    """The first rows of so many stretches of the test part, and the number of rows.

    Parameters
    ----------
    n_rows : of the table; of several series, those of the longest. The test part of each is cut in the same way.

    Raises
    ------
    ConfigError
        They are too short to be scored, or too many.
    """
    if not 1 <= folds <= MAX_FOLDS:
        raise ConfigError(f"--folds: expected 1 to {MAX_FOLDS:,}, got {folds}.")
    data, furthest = window_data(experiment.data), max(forecast_task(experiment.evaluation).horizons)
    shortest, needed = data.test_size // folds, data.time_steps + furthest
    if shortest < needed:
        raise ConfigError(
            f"--folds: {folds} stretches of data.test_size {data.test_size} have {shortest} rows; a window and the "
            f"largest horizon take {needed}."
        )
    if n_rows <= data.test_size:
        raise DataError(f"data.test_size: {data.test_size} of {n_rows} rows leave none for training.")
    return tuple(n_rows - data.test_size + i * data.test_size // folds for i in range(folds + 1))


def run_fold(fold: Fold) -> Record:
    """Train and score; a training that meets NaN or Inf gives a record that says so.

    Raises
    ------
    MinidlError
        The data cannot be read, or a plugin cannot be loaded, has changed, or fails.
    """
    with plugin_faults():
        for plugin in fold.plugins:
            load_plugin(plugin["path"], plugin["sha256"])
        with ONE_THREAD:
            return fold_record(fold, read_table(fold))


def fold_record(fold: Fold, table: Table) -> Record:
    """What comes of a fold on this table; see `minidl.backtesting.folder.FoldRecord`."""
    first, stop = fold.edges[fold.number : fold.number + 2]
    experiment = points_of(experiment_of(fold.config, fold.seed))
    by_time = window_data(experiment.data).test_by_time
    started = time.perf_counter()
    splits = stretch(experiment, table, stop - first, fold.edges[-1] - stop)
    record: Record = {
        "fold": fold.number,
        "error": None,
        "rows": [first, stop],
        "times": _times(table, *(rows_left(table, fold.edges[-1] - row, by_time) for row in (first, stop))),
        "epoch": 0,
        "weights_sha256": "",
        "scores": {},
        "kept": {},
        "targets": {},
    }
    try:
        record["epoch"] = train_in_memory(experiment, splits).epoch
    except NumericalError as err:
        return {**record, "error": str(err), "seconds": time.perf_counter() - started}
    record["weights_sha256"] = digest_of(experiment.model.params)
    units = units_of(table, rows_left(table, fold.edges[-1] - fold.edges[0], by_time))
    record["scores"], of_each = lead_tables(experiment, splits, units, baselines=True)
    record["targets"] = {name: {"scores": scores, "kept": {}} for name, scores in of_each.items()}
    if fold.number == 0:
        whole = stretch(experiment, table, fold.edges[-1] - first, 0)
        for k, ends in enumerate(pairwise(fold.edges)):
            left = (rows_left(table, fold.edges[-1] - row, by_time) for row in ends)
            kept = within(whole, *left)
            record["kept"][str(k)], of_each = lead_tables(experiment, kept, units, baselines=False)
            for name, scores in of_each.items():
                record["targets"][name]["kept"][str(k)] = scores
    made: Record = without_nan({**record, "seconds": time.perf_counter() - started})
    return made


def points_of(experiment: Experiment) -> Experiment:
    """The experiment, scored by its points alone."""
    experiment.evaluation = replace(forecast_task(experiment.evaluation), intervals=None)
    experiment.evaluation.check(experiment)  # which tells the task of its targets
    return experiment


def read_table(fold: Fold) -> Table:
    """All rows of the series.

    Raises
    ------
    DataError
        They are not as many as at the start.
    """
    table = window_data(experiment_of(fold.config, fold.seed).data).series.read()
    rows = longest(table)
    if rows != fold.edges[-1]:
        raise DataError(f"the series has {rows} rows now; it had {fold.edges[-1]} when the backtest began.")
    return table


def longest(table: Table) -> int:
    """The rows of a table, or of the longest of its series."""
    return max(map(len, table.each()))


def _times(table: Table, first: Sequence[int], stop: Sequence[int]) -> list[str] | None:
    """The earliest time at which so many rows of a series are left, and the latest one before that; see `within`."""
    if table.times is None:
        return None
    ends = np.array([rows.stop for rows in table.stretches()])
    after, before, there = ends - first, ends - stop, np.array(first) > np.array(stop)
    both = table.times[after[there]].min(), table.times[before[there] - 1].max()
    return [time_text(time, table.utc) for time in both]


def stretch(experiment: Experiment, table: Table, length: int, left: int) -> Splits:
    """The data of a fold, in which each series lacks the last `left` rows; the `length` last others are for testing."""
    data = window_data(experiment.data)
    data.series, data.test_size = OnlyTable(rows_until(table, left, data.test_by_time)), length
    splits: Splits = experiment.load_data()
    return splits


def rows_until(table: Table, left: int, by_time: bool = False) -> Table:
    """The rows of each series but for the last ones, gaps as they are; see `rows_left`."""
    pairs = zip(table.each(), rows_left(table, left, by_time), strict=True)
    return Table.joined([_cut(one, len(one) - n) for one, n in pairs])


def _cut(table: Table, stop: int) -> Table:
    """The first rows of a series; nothing is known of what comes after them."""
    gaps = None if table.gaps is None else replace(table.gaps, where=table.gaps.where[:stop])
    times = None if table.times is None else table.times[:stop]
    return replace(table, values=table.values[:stop], times=times, gaps=gaps, later=())


def within(splits: Splits, first: Sequence[int], stop: Sequence[int]) -> Splits:
    """The same data, with those windows of the test part that lie, with what follows them, in rows of a stretch.

    Parameters
    ----------
    first, stop : how many rows of each series are left from the stretch's first row on, and after it.
    """
    table, starts = splits.table, splits.test.starts
    ends, of = np.array([rows.stop for rows in table.stretches()]), table.series_of(starts)
    after, before = (ends - np.array(first))[of], (ends - np.array(stop))[of]
    inside = (after <= starts) & (starts + splits.test.time_steps < before)
    return replace(splits, test=replace(splits.test, starts=starts[inside]))


def units_of(table: Table, left: Sequence[int]) -> Values:
    """In which errors of several targets together are, in all folds: their deviations before the first origin.

    Parameters
    ----------
    left : the rows of each series from there on.
    """
    before = np.ones(len(table), bool)
    for rows, n in zip(table.stretches(), left, strict=True):
        before[rows.stop - n : rows.stop] = False
    return deviations(table, before)


def lead_tables(
    experiment: Experiment, splits: Splits, units: Values, *, baselines: bool
) -> tuple[Scores, dict[str, Scores]]:
    """By lead the scores of the model, and of baselines and rivals; those of each of several targets, by its name.

    Of several targets the first are those of all together; see `joint_leads`, which has the `units`.
    """
    task, each = forecast_task(experiment.evaluation), splits.of_targets()
    models = model_forecasters(each, experiment.scored_model, task.future_covariates)
    made = []
    for one, model in zip(each, models, strict=True):
        scores: ForecastScores = task.scores_on(one)
        made.append({"model": model, **(scores.compared if baselines else {})})
    furthest = max(task.horizons)
    with np.errstate(all="ignore"):
        if not splits.table.targets:
            return group_scores(splits, made[0], "lead", furthest), {}
        made = [{name: Remembered(forecaster) for name, forecaster in of.items()} for of in made]
        lead = {name: joint_leads(each, [of[name] for of in made], furthest, units) for name in made[0]}
        pairs = zip(each, made, strict=True)
        of_each = {one.table.target_name: group_scores(one, of, "lead", furthest) for one, of in pairs}
    return {row: {name: lead[name][row] for name in lead} for row in lead["model"]}, of_each
