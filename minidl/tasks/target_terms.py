"""What a comparison says of each of several targets: beside the scores of all of them together, which are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from minidl.core.layer import Layer
from minidl.core.text import listed
from minidl.data import Splits
from minidl.data.steps import ahead_short
from minidl.forecasting import all_blocks
from minidl.metrics import Metric
from minidl.tasks.forecast_figures import Scoring

Record = Mapping[str, Any]
SHOWN = ("r2", "rmse")


class TargetScores(TypedDict):
    """Block scores of one target, by horizon and metric."""

    units: str
    block: dict[str, dict[str, float | None]]
    persistence: dict[str, dict[str, float | None]]


def target_scores(task: Scoring, parts: Splits, model: Layer) -> dict[str, TargetScores]:
    """Of a model and of "same as now", by target; empty where there is one."""
    if not parts.table.targets:
        return {}
    found: dict[str, TargetScores] = {}
    for one in parts.of_targets():
        scores = task.scores_on(one)
        blocks: list[Any] = [
            all_blocks(one, of, task.horizons) for of in (scores.forecaster(model), scores.persistence())
        ]
        found[one.table.target_name] = {"units": one.table.units, "block": blocks[0], "persistence": blocks[1]}
    return found


def over_seeds(records: Mapping[str, Sequence[Record]]) -> dict[str, Any]:
    """By target and config what all its runs with scores have: units, and lists of numbers by horizon and metric."""
    done = {label: [one for one in runs if one["status"] == "done"] for label, runs in records.items()}
    names = {name: None for runs in done.values() for one in runs for name in one["more"].get("targets", {})}
    found: dict[str, Any] = {}
    for name in names:
        own = {label: [run["more"]["targets"][name] for run in runs] for label, runs in done.items() if runs}
        first = next(iter(own.values()))[0]
        blocks = {
            label: {
                row: {metric: [run["block"][row][metric] for run in runs] for metric in SHOWN} for row in first["block"]
            }
            for label, runs in own.items()
        }
        found[name] = {"units": first["units"], "configs": blocks, "persistence": first["persistence"]}
    return found


def target_tables(found: Mapping[str, Any], metrics: Sequence[Metric], step: str, now: str) -> list[tuple[str, Any]]:
    """A heading, and tables of each target: median, lowest and highest of the seeds, and "same as now" beside."""
    if not found:
        return []
    words = f"The scores of {listed(list(found))} apart: median (lowest to highest) of the runs that gave a score."
    blocks: list[tuple[str, Any]] = [("heading", "Each target"), ("text", words)]
    for name, target in found.items():
        for metric in metrics:
            table = [[f"{name}: {metric.title(target['units'])}", *target["configs"], now]]
            for row, scores in target["persistence"].items():
                cells = [_cell(rows[row][metric.name], metric) for rows in target["configs"].values()]
                table.append([f"blocks of {ahead_short(row, step)}", *cells, metric.shown(scores[metric.name])])
            blocks.append(("table", table))
    return blocks


def _cell(values: Sequence[float | None], metric: Metric) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return metric.shown(None)
    median, low, high = (metric.shown(float(of(known))) for of in (np.median, np.min, np.max))
    return f"{median} ({low} to {high})" if len(known) > 1 else median
