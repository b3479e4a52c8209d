"""Does a fold of a backtest depend on rows that come after it? They are poisoned in the file, and it is done again."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np

from minidl.backtesting.folds import Fold, Record, edges_of, fold_record, longest
from minidl.comparison.leaks import LeakError
from minidl.comparison.poisoned import forged_file, later_rows_of
from minidl.data import Poison, Table, WindowData
from minidl.data.test_rows import rows_left
from minidl.experiment import Experiment
from minidl.files.appending import write_new
from minidl.tasks import window_data
from minidl.training.threads import ONE_THREAD


def check_no_backtest_leak(experiment: Experiment, folds: int) -> None:
    """Prove that weights and scores of each fold do not depend on later rows.

    Each fold is trained on the series as it is, and again with all rows poisoned from one of the origins on: noise
    in the file, gaps in the file. What was trained before that origin, and scored on stretches before it, must not
    change by a bit.

    Parameters
    ----------
    experiment : with few epochs; it is not changed.

    Raises
    ------
    LeakError
        Something depends on later rows; one line for each.
    """
    data = window_data(experiment.data)
    table = data.series.read()
    edges = edges_of(experiment, longest(table), folds)
    asked = [Fold(experiment.to_config(), experiment.seed, number, edges) for number in range(folds)]
    leaks: dict[str, None] = {}
    with ONE_THREAD, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        clean = [fold_record(fold, table) for fold in asked]
        for k, first in enumerate(edges[:-1]):
            left = rows_left(table, edges[-1] - first, data.test_by_time)
            firsts = [rows.stop - n for rows, n in zip(table.stretches(), left, strict=True)]
            for name, spoilt in _poisoned(data, table, firsts):
                for before, fold in zip(clean[: k + 1], asked, strict=False):
                    after = fold_record(fold, spoilt)
                    when = f"on rows from {table.when(firsts[0])} on ({name} there)"
                    found = (f"fold {fold.number + 1}: {what} {when}" for what in _changed(before, after, k))
                    leaks |= dict.fromkeys(found)
    if leaks:
        raise LeakError(*(f"{experiment.name}: {leak}" for leak in leaks))


def _changed(before: Record, after: Record, k: int) -> Iterator[str]:
    """What has changed, and may not, since rows from the k-th origin on are others."""
    if before["weights_sha256"] != after["weights_sha256"]:
        yield "the weights depend"
    for name, scored in {"": before, **before["targets"]}.items():
        now, of = (after["targets"][name], f" of {name}") if name else (after, "")
        if before["fold"] < k and scored["scores"] != now["scores"]:
            yield f"the scores{of} depend"
        for stretch, scores in scored["kept"].items():
            if int(stretch) < k and scores != now["kept"][stretch]:
                yield f"its scores{of} on stretch {int(stretch) + 1} depend"


def _poisoned(data: WindowData, table: Table, firsts: Sequence[int]) -> Iterator[tuple[str, Table]]:
    """The table with other cells from these rows of its series on, by each kind of poison that its file takes."""
    for kind in get_args(Poison):
        content = forged_file(data, table, firsts, kind)
        if content is not None:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "poisoned.csv")
                write_new(file, content)
                yield f"{kind} in the file", data.series.read(file)
        elif kind == "noise":
            values = table.values.copy()
            values[later_rows_of(table, firsts)] = 1e3 * (1 + np.abs(values).max())
            yield kind, replace(table, values=values)
