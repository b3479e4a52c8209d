"""How forecasts are compared: horizons, the protocol's shortcuts, errors by lead, two runs over time."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypedDict

import numpy as np

from minidl.core.layer import Layer
from minidl.data import Splits
from minidl.data.steps import ahead_short, unit, units
from minidl.files.reading import convert_json
from minidl.forecasting import (
    COVARIATES,
    all_blocks,
    model_forecaster,
    possible_covariates,
    score_shifted,
)
from minidl.forecasting.intervals import INTERVAL_METRICS
from minidl.forecasting.over_time import over_time, over_time_table
from minidl.forecasting.shortcuts import honest_configs, shortcut_effects, shortcuts_table
from minidl.forecasting.words import baseline_short, baseline_words, horizons_words
from minidl.metrics import Metric
from minidl.tasks.forecast_figures import Scoring, lead_figure, run_figures
from minidl.tasks.protocols import Scored
from minidl.tasks.terms import Block, Drawn, Facts, OpenRun, Record, Result, Terms

_STEP = re.compile(r"(?:\d+ )?[a-z]+")  # ``h``, ``30 min``
MOST_CONFIGS = 6  # whose leads a report lists
MOST_PROTOCOLS = 4


_Block = dict[str, dict[str, float | None]]  # by horizon and metric


class _More(TypedDict):
    """What `ForecastTerms.more_scores` gives."""

    covariates: dict[str, _Block]
    shifted: _Block


class Horizons(Scored, Scoring, Protocol):
    """What a `minidl.tasks.Forecast` has beyond other tasks."""

    def tables_of(self, splits: Splits, model: Layer) -> dict[str, Any]:
        """A model's block and lead scores."""


class ForecastTerms(Terms):
    """See `Terms`; the task is a `Forecast`."""

    task: Horizons
    agree: ClassVar[tuple[str, ...]] = (
        "evaluation.horizons",
        "evaluation.future_covariates",
        "evaluation.intervals.coverage",
        "data.test_size",
    )
    unimportant: ClassVar[tuple[str, ...]] = ("evaluation.published",)
    key_words: ClassVar[Mapping[str, str]] = {
        "data.series.type": "data",
        "data.series.path": "data file",
        "data.series.features": "features",
        "data.series.series_by": "column of series",
        "data.validation.type": "kind of validation",
        "data.validation.size": "size of the validation",
        "data.time_steps": "window length",
    }
    example: ClassVar[str] = "window"
    does_better: ClassVar[str] = "forecasts better"
    row_noun: ClassVar[str] = "horizon"
    rows_words: ClassVar[str] = "A block of k averages leads 1 to k, as in the textbook. "
    loss_words: ClassVar[str] = "training loss, scaled"
    beyond: ClassVar[str] = "the forecasts grow beyond all numbers"
    same_data: ClassVar[str] = "series, target, test_size and time_steps"
    skill_words = "1 - MSE / MSE of persistence"
    reference_words, reference_head = "persistence", "now"

    @property
    def metrics(self) -> Sequence[Metric]:
        """The task's; where intervals are scored the CRPS first, which is of all that a model says."""
        own = self.task.metrics
        return sorted(own, key=lambda metric: metric.name != "crps")

    @property
    def also_shown(self) -> Sequence[Metric]:
        """What intervals cover, and at which cost."""
        return [metric for metric in self.task.metrics if metric in INTERVAL_METRICS[1:]]

    @property
    def measure(self) -> Metric:
        """RMSE, which is always defined."""
        return self.metric("rmse")

    def skill(self, scores: Mapping[str, Any], reference: Mapping[str, Any]) -> float | None:
        """1 - MSE / MSE of persistence; above 0 is better. None if persistence is perfect, or beyond all numbers."""
        mine, other = scores["rmse"], reference["rmse"]
        ratio = mine / other if other and mine is not None else math.nan
        way = 1 - ratio * ratio  # a power would be an error where this is infinite
        return way if math.isfinite(way) else None

    def describe(self, parts: Splits, model: Layer) -> dict[str, Any]:
        """The ``step`` from row to row is among the facts."""
        found = super().describe(parts, model)
        return {**found, "facts": {**found["facts"], "step": parts.table.step_name()}}

    def truth(self, parts: Splits) -> str:
        """SHA-256 of the test part's target, unscaled, with its rows' times, and which is scored, if not all."""
        rows, table = parts.test.origin_rows, parts.table
        digest = hashlib.sha256(np.ascontiguousarray(table.values[rows, table.target_index], "<f8").tobytes())
        if not table.target_known[rows].all():
            digest.update(table.target_known[rows].tobytes())
        if table.times is not None:
            digest.update(table.times[rows].astype("datetime64[s]").astype("<i8").tobytes())
        return digest.hexdigest()

    def score(self, parts: Splits, model: Layer) -> dict[str, Any]:
        """Block and lead scores."""
        return self.task.tables_of(parts, model)

    def rows_of(self, table: str) -> Sequence[str]:
        """The horizons, or all leads to the largest."""
        rows: Sequence[str] = self.task.rows()
        return rows if table == "block" else [str(lead) for lead in range(1, max(self.task.horizons) + 1)]

    def row_short(self, row: str, facts: Facts) -> str:
        """``8 h``: the block score over leads 1 to 8, or lead 8."""
        return ahead_short(row, facts["step"])

    def row_title(self, row: str, facts: Facts) -> str:
        """``blocks of 8 h``."""
        return f"blocks of {self.row_short(row, facts)}"

    def rows_title(self, facts: Facts) -> str:
        """``blocks of k hours``."""
        return f"blocks of k {units(facts['step'])}"

    def where(self, rows: Sequence[str], facts: Facts) -> str:
        """`` at 8 and 4 hours``."""
        return f" at {horizons_words(rows, facts['step'])}"

    def scored_on(self, facts: Facts) -> str:
        """``hours``."""
        return f"{unit(facts['step'])}s"

    def everywhere(self) -> str:
        """`` at every horizon``."""
        return " at every horizon"

    def baseline_short(self, name: str) -> str:
        """``same as now``."""
        return baseline_short(name)

    def baseline_words(self, name: str) -> str:
        """``persistence (same as now)``."""
        return baseline_words(name)

    def check_facts(self, facts: Facts) -> None:
        """The step is one that `Table.step_name` may give."""
        if not _STEP.fullmatch(facts["step"]):
            raise ValueError("its step is none")

    def more_configs(self, config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The config without the scaler's shortcut, if it takes it."""
        return honest_configs(config)

    def more_scores(self, parts: Splits, model: Layer) -> dict[str, Any]:
        """Block scores with each other way to know the future, and those of a plot that is shifted."""
        asked, horizons = self.task.future_covariates, self.task.horizons
        ways = [way for way in possible_covariates(parts) if way != asked]
        forecaster = model_forecaster(parts, model, asked)
        return {
            "covariates": {w: all_blocks(parts, model_forecaster(parts, model, w), horizons) for w in ways},
            "shifted": {str(k): score_shifted(parts, forecaster, k) for k in horizons},
        }

    def check_more_scores(self, more: Any) -> None:
        """Blocks of the horizons each."""
        found = convert_json(more, _More, "more")
        if more.keys() != found.keys() or not found["covariates"].keys() <= {*COVARIATES}:
            raise ValueError("they are of something else")
        added = {metric.name for metric in INTERVAL_METRICS}
        rows, metrics = set(self.task.rows()), {metric.name for metric in self.task.metrics} - added
        for block in (found["shifted"], *found["covariates"].values()):
            if block.keys() != rows or any(one.keys() != metrics for one in block.values()):
                raise ValueError("they are of other horizons")

    def more_from_records(
        self, records: Mapping[str, Sequence[Record]], configs: Mapping[str, Any], tested: Mapping[str, str]
    ) -> dict[str, Any]:
        """``protocol``: what each shortcut does to the score, by config."""
        points = {row: "rmse" if name == "crps" else name for row, name in tested.items()}  # shortcuts move points
        return {"protocol": shortcut_effects(records, configs, points)}

    def more_from_runs(self, result: Result, open_run: OpenRun) -> dict[str, Any]:
        """``over_time``: the Diebold-Mariano tests of the median runs."""
        return {"over_time": over_time(result, open_run, max(self.task.horizons), self.task.future_covariates)}

    def more_blocks(self, result: Result) -> dict[str, list[Block]]:
        """Scores by lead are in the comparison's own form; here are two runs over time and the shortcuts."""
        return {"differences": _over_time(result), "sections": self._protocol(result)}

    def _protocol(self, result: Result) -> list[Block]:
        if len(result["configs"]) > MOST_PROTOCOLS or not any(result["protocol"].values()):
            return []
        about = (
            "Each shortcut of the evaluation, taken and avoided, from runs of the same seeds. Moved by more than 0: "
            "the shortcut flatters. A shifted plot is no score: it shows how good a plot looks that is drawn one row "
            "early."
        )
        blocks: list[Block] = [("heading", "What the protocol does to the number"), ("text", about)]
        words = {metric.name: metric.words for metric in self.task.metrics}
        for label, rows in result["protocol"].items():
            table = shortcuts_table(rows, result["facts"]["step"], words)
            blocks += [("text", f"{label}:"), ("table", table)]
        return blocks

    def table_words(self, table: str, facts: Facts) -> str:
        """Over the statistics of a table."""
        if table == "block":
            return f"By block, all statistics of {self.leading.words}:"
        return f"By lead: the error at exactly so many {units(facts['step'])} ahead."

    def more_figures(self, result: Result, shown: Mapping[str, Any], said: str) -> list[Drawn]:
        """The error by lead."""
        text = f"RMSE for each {unit(result['facts']['step'])} ahead, with the baselines. {said}"
        return [("error_by_lead", lead_figure(result, shown), f"Error by lead. {said}", text)]

    def run_figures(self, model: Layer, parts: Splits) -> list[Drawn]:
        """Forecast against truth over a stretch of the test part, and intervals if there are any."""
        return run_figures(self.task, model, parts)


def _over_time(result: Result) -> list[Block]:
    if not (result["over_time"] and result["over_time"][0]["leads"]):
        return []
    pair = result["over_time"][0]
    text = (
        f"Two given runs over time: {pair['first']} with seed {pair['seeds'][0]} and {pair['second']} with seed "
        f"{pair['seeds'][1]}, the median runs, by the Diebold-Mariano test on squared errors. It is about these "
        "two runs only: with other seeds it can turn round."
    )
    return [("text", text), ("table", over_time_table(result["over_time"], result["facts"]["step"]))]
