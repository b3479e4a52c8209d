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
from minidl.forecasting.several_targets import model_forecasters
from minidl.forecasting.words import baseline_short
from minidl.metrics import Metric
from minidl.tasks.forecast_figures import Scoring

Record = Mapping[str, Any]
SHOWN = ("r2", "rmse")


class TargetScores(TypedDict):
    """Block scores of one target, by horizon and metric."""

    units: str
    block: dict[str, dict[str, float | None]]


def target_scores(task: Scoring, parts: Splits, model: Layer) -> dict[str, TargetScores]:
    """Of a model, by target; empty where there is one."""
    if not parts.table.targets:
        return {}
    each, found = parts.of_targets(), dict[str, TargetScores]()
    made = model_forecasters(each, model, task.future_covariates)
    for one, forecaster in zip(each, made, strict=True):
        block: Any = all_blocks(one, forecaster, task.horizons)
        found[one.table.target_name] = {"units": one.table.units, "block": block}
    return found


def over_seeds(
    records: Mapping[str, Sequence[Record]], baselines: Mapping[str, Any], rows: Sequence[str]
) -> dict[str, Any]:
    """By target what all runs of a config with scores have, and baselines: by horizon and metric.

    Parameters
    ----------
    records : by config.
    baselines : by target and name their tables, in the order of the targets.
    rows : the horizons.
    """
    done = {label: [one for one in runs if one["status"] == "done"] for label, runs in records.items()}
    there = [name for runs in done.values() for one in runs for name in one["more"].get("targets", {})]
    names = dict.fromkeys([*(name for name in baselines if name in there), *there])
    found: dict[str, Any] = {}
    for name in names:
        own = {label: [run["more"]["targets"][name] for run in runs] for label, runs in done.items() if runs}
        first = next(iter(own.values()))[0]
        blocks = {
            label: {row: {metric: [run["block"][row][metric] for run in runs] for metric in SHOWN} for row in rows}
            for label, runs in own.items()
        }
        beside = {
            baseline: {row: {metric: tables["block"][row][metric] for metric in SHOWN} for row in rows}
            for baseline, tables in baselines.get(name, {}).items()
        }
        found[name] = {"units": first["units"], "configs": blocks, "baselines": beside}
    return found


def target_tables(found: Mapping[str, Any], metrics: Sequence[Metric], step: str) -> list[tuple[str, Any]]:
    """A heading, and tables of each target: median, lowest and highest of the seeds, and the baselines beside."""
    if not found:
        return []
    words = f"The scores of {listed(list(found))} apart: median (lowest to highest) of the runs that gave a score."
    blocks: list[tuple[str, Any]] = [("heading", "Each target"), ("text", words)]
    for name, target in found.items():
        configs, baselines = target["configs"], target["baselines"]
        for metric in metrics:
            table = [[f"{name}: {metric.title(target['units'])}", *configs, *map(baseline_short, baselines)]]
            for row in next(iter(configs.values())):
                cells = [_cell(rows[row][metric.name], metric) for rows in configs.values()]
                others = [metric.shown(rows[row][metric.name]) for rows in baselines.values()]
                table.append([f"blocks of {ahead_short(row, step)}", *cells, *others])
            blocks.append(("table", table))
    return blocks


def _cell(values: Sequence[float | None], metric: Metric) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return metric.shown(None)
    median, low, high = (metric.shown(float(of(known))) for of in (np.median, np.min, np.max))
    return f"{median} ({low} to {high})" if len(known) > 1 else median
