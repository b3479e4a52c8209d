"""In which terms a comparison's result speaks, and which metric is compared in which row.

A task's first metric leads. It may be undefined, as R² is where the target does not
change in the test part; there the next one is compared. Undefined is not broken: a
run is broken if its training or its scores met NaN or Inf. But where some runs have a
metric and others do not, as precision of a run that never says yes, these lose like broken ones.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.config import construct
from minidl.tasks import Metric, Task
from minidl.tasks.terms import Terms

Result = Mapping[str, Any]
Values = npt.NDArray[np.float64]


def terms_of(config: Mapping[str, Any]) -> Terms:
    """Those of a resolved config's task."""
    return _terms(json.dumps(config["evaluation"]))


def terms(result: Result) -> Terms:
    """Those of what a comparison has found."""
    return _terms(json.dumps(result["asked"]["task"]))


@functools.lru_cache(maxsize=64)
def _terms(described: str) -> Terms:
    task: Task = construct(Task, json.loads(described))
    return task.terms()


def tested_metrics(of: Terms, scores: Sequence[Mapping[str, Any]], baselines: Mapping[str, Any]) -> dict[str, str]:
    """The metric that is compared, by row: the first one that anything at all, run or baseline, has there."""
    table, everything = of.task.table, [*scores, *baselines.values()]
    tested = {}
    for row in of.task.rows():
        defined = [m.name for m in of.metrics if any(one[table][row][m.name] is not None for one in everything)]
        tested[row] = defined[0] if defined else of.leading.name
    return tested


def metric_at(result: Result, row: str) -> Metric:
    """The metric that a comparison's result compares in a row."""
    return terms(result).metric(result["asked"]["tested"][row])


def undefined_at(result: Result) -> list[str]:
    """The rows without the leading metric."""
    leading = terms(result).leading.name
    return [row for row, metric in result["asked"]["tested"].items() if metric != leading]


def scores_of(result: Result, label: str) -> Mapping[str, Any]:
    """A config's scores over seeds, by row and metric."""
    found: Mapping[str, Any] = result["configs"][label][terms(result).task.table]
    return found


def defined(scores: Mapping[str, Any]) -> Values:
    """The values of a metric over seeds, without runs for which it is undefined."""
    return np.array([value for value in scores["values"] if value is not None], np.float64)


def sign_of(metric: Metric) -> int:
    """1 if of two values the larger is the better one, else -1."""
    return 1 if metric.larger_is_better else -1
