"""How forecasts are compared: horizons, the protocol's shortcuts, errors by lead, two runs over time."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypedDict

import numpy as np

from minidl.core.layer import Layer
from minidl.core.text import listed
from minidl.data import Splits
from minidl.data.steps import ahead_short, unit, units
from minidl.files.reading import convert_json
from minidl.forecasting import COVARIATES, possible_covariates
from minidl.forecasting.intervals import INTERVAL_METRICS
from minidl.forecasting.over_time import over_time, over_time_table
from minidl.forecasting.shortcuts import honest_configs, shortcut_effects, shortcuts_table
from minidl.forecasting.words import baseline_short, baseline_words, horizons_words
from minidl.metrics import Metric
from minidl.tasks.forecast_figures import Scoring, lead_figure, run_figures
from minidl.tasks.protocols import Scored
from minidl.tasks.several_targets import Protocols
from minidl.tasks.target_terms import SHOWN, TargetScores, over_seeds, target_scores, target_tables
from minidl.tasks.terms import Block, Drawn, Facts, OpenRun, Record, Result, Terms

_STEP = re.compile(r"(?:\d+ )?[a-z]+")  # ``h``, ``30 min``
MOST_CONFIGS = 6  # whose leads a report lists
MOST_PROTOCOLS = 4


_Block = dict[str, dict[str, float | None]]  # by horizon and metric


class _OfOne(TypedDict):
    covariates: dict[str, _Block]
    shifted: _Block


class _More(_OfOne, total=False):
    """What `ForecastTerms.more_scores` gives."""

    targets: dict[str, TargetScores]


class Horizons(Scored, Scoring, Protocol):
    """What a `minidl.tasks.Forecast` has beyond other tasks."""

    def tables_of(self, splits: Splits, model: Layer) -> dict[str, Any]:
        """A model's block and lead scores."""

    def protocol(self, splits: Splits) -> Protocols:
        """How forecasts of these data are scored, of one target or of several."""


class ForecastTerms(Terms):
    """See `Terms`; the task is a `Forecast`."""

    task: Horizons
    agree: ClassVar[tuple[str, ...]] = (
        "evaluation.horizons",
        "evaluation.future_covariates",
        "evaluation.intervals.coverage",
        "data.test_size",
        "data.test_by_time",
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
        """The ``step`` from row to row is among the facts, and the names of ``targets`` where they are several."""
        found, names = super().describe(parts, model), [one.target_name for one in parts.table.of_targets()]
        facts = {**found["facts"], "step": parts.table.step_name()}
        return {**found, "facts": facts | ({"targets": listed(names)} if len(names) > 1 else {})}

    def truth(self, parts: Splits) -> str:
        """SHA-256 of the test part's targets, unscaled, with its rows' times, and which is scored, if not all."""
        rows, digest = parts.test.origin_rows, hashlib.sha256()
        for table in parts.table.of_targets():
            digest.update(np.ascontiguousarray(table.values[rows, table.target_index], "<f8").tobytes())
            if not table.target_known[rows].all():
                digest.update(table.target_known[rows].tobytes())
        if parts.table.times is not None:
            digest.update(parts.table.times[rows].astype("datetime64[s]").astype("<i8").tobytes())
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
        """``blocks of k hours``, and of which targets if they are several."""
        of = f", {facts['targets']} together" if "targets" in facts else ""
        return f"blocks of k {units(facts['step'])}{of}"

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
        """Block scores with each other way to know the future, of a plot that is shifted, and of several targets."""
        asked, protocol = self.task.future_covariates, self.task.protocol(parts)
        ways = [way for way in possible_covariates(parts) if way != asked]
        targets = target_scores(self.task, parts, model)
        return {
            "covariates": {way: protocol.blocks_of(model, way) for way in ways},
            "shifted": protocol.blocks_of(model, asked, shifted=True),
            **({"targets": targets} if targets else {}),
        }

    def check_more_scores(self, more: Any) -> None:
        """Blocks of the horizons each."""
        found = convert_json(more, _More, "more")
        if more.keys() != found.keys() or not found["covariates"].keys() <= {*COVARIATES}:
            raise ValueError("they are of something else")
        added = {metric.name for metric in INTERVAL_METRICS}
        rows, metrics = set(self.task.rows()), {metric.name for metric in self.task.metrics} - added
        of_targets = [one["block"] for one in found.get("targets", {}).values()]
        for block in (found["shifted"], *found["covariates"].values(), *of_targets):
            if block.keys() != rows or any(one.keys() != metrics for one in block.values()):
                raise ValueError("they are of other horizons")

    def more_from_records(
        self,
        records: Mapping[str, Sequence[Record]],
        configs: Mapping[str, Any],
        tested: Mapping[str, str],
        targets: Mapping[str, Any],
    ) -> dict[str, Any]:
        """``protocol``: what each shortcut does to the score, by config; and scores of each of several ``targets``."""
        points = {row: "rmse" if name == "crps" else name for row, name in tested.items()}  # shortcuts move points
        of_each = over_seeds({label: records[label] for label in configs}, targets, self.task.rows())
        return {"protocol": shortcut_effects(records, configs, points), **({"targets": of_each} if of_each else {})}

    def more_from_runs(self, result: Result, open_run: OpenRun) -> dict[str, Any]:
        """``over_time``: the Diebold-Mariano tests of the median runs, of one target."""
        if "targets" in result.get("facts", ()):
            return {"over_time": []}
        return {"over_time": over_time(result, open_run, max(self.task.horizons), self.task.future_covariates)}

    def more_blocks(self, result: Result) -> dict[str, list[Block]]:
        """Scores by lead are in the comparison's own form; here are two runs over time and the shortcuts."""
        metrics = [self.metric(name) for name in SHOWN]
        targets = target_tables(result.get("targets", {}), metrics, result["facts"]["step"])
        return {"differences": _over_time(result), "sections": targets + self._protocol(result)}

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
