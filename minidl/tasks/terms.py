"""In which terms the models of a task are compared: names of rows and baselines, and what only some tasks have.

A comparison itself knows seeds, differences and tests. What its numbers are of, and how
that is said, it asks here; most of it has an answer for any task.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from minidl.core.layer import Layer
from minidl.core.text import listed
from minidl.metrics import Metric
from minidl.tasks.protocols import Scored

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Facts = Mapping[str, str]
Result = Mapping[str, Any]  # what comparison.json says
Record = Mapping[str, Any]  # what one run gave
Block = tuple[str, Any]  # of a report: ("heading" | "text" | "list" | "table", its content)
Drawn = tuple[str, "Figure", str, str]  # a figure's name, itself, its title, and what it shows in words
OpenRun = Callable[[str, int], tuple[Layer, Any]]  # of a label and a seed: the trained model, and its data

SKILL = Metric("skill", "skill", True, digits=3)


class Terms:
    """What a comparison asks of a task beyond its scores; a task that has more to say derives from it.

    Parameters
    ----------
    task : of the first config; the others' have the same rows.

    Attributes
    ----------
    agree : keys of a config that must be equal for scores to be of one thing, such as ``evaluation.horizons``.
    unimportant : keys of a config that decide no score.
    key_words : what keys of a config are called, where they differ between configs.
    example : what a model is applied to.
    does_better : what the better model does, after a name.
    row_noun : what a row of the table of scores is.
    rows_words : sentences for the report, about the rows.
    skill_words : what skill is.
    loss_words : of the axis of learning curves.
    beyond : what happens where scores of a finite training are not finite.
    same_data : what must be the same in configs that are scored on the same examples.
    baseline_names : of a baseline, its name in a table's head and in a sentence.
    """

    agree: ClassVar[tuple[str, ...]] = ()
    unimportant: ClassVar[tuple[str, ...]] = ()
    key_words: ClassVar[Mapping[str, str]] = {}
    example: ClassVar[str] = "sequence"
    does_better: ClassVar[str] = "does better"
    row_noun: ClassVar[str] = "row"
    rows_words: ClassVar[str] = ""
    loss_words: ClassVar[str] = "training loss"
    beyond: ClassVar[str] = "the model's outputs grow beyond all numbers"
    same_data: ClassVar[str] = "data and test part"
    baseline_names: ClassVar[Mapping[str, tuple[str, str]]] = {
        "linear": ("linear model", "the linear model"),
        "mean": ("mean", "the mean of the training part"),
        "most_frequent": ("most frequent class", "the most frequent class"),
    }

    def __init__(self, task: Scored) -> None:
        self.task = task

    # What is compared.

    @property
    def metrics(self) -> Sequence[Metric]:
        """Those of the task, the one that is compared wherever it is defined first."""
        return self.task.metrics

    @property
    def leading(self) -> Metric:
        """The metric that is compared wherever it is defined."""
        return self.metrics[0]

    @property
    def also_shown(self) -> Sequence[Metric]:
        """Of which there are tables beside those of the first metrics."""
        return ()

    @property
    def measure(self) -> Metric:
        """The metric by which a model is held against the baselines."""
        return self.leading

    def metric(self, name: str) -> Metric:
        """A metric by its name; skill is one."""
        return SKILL if name == SKILL.name else self.task.metric(name)

    def skill(self, scores: Mapping[str, Any], reference: Mapping[str, Any]) -> float | None:
        """The part of the way from the reference's score to a perfect one, which is 1, or 0 where less is better.

        None where the reference is perfect, or something is undefined.
        """
        mine, other = scores[self.measure.name], reference[self.measure.name]
        if mine is None or other is None:
            return None
        room = 1 - other if self.measure.larger_is_better else other
        way = mine - other if self.measure.larger_is_better else other - mine
        return way / room if room else None

    def rows_of(self, table: str) -> Sequence[str]:
        """The rows of one of the task's tables."""
        return self.task.rows()

    def describe(self, parts: Any, model: Layer) -> dict[str, Any]:
        """What stands beside every model's scores, as in ``evaluation.json``; `model` is any, its scores are not used.

        Returns
        -------
        baselines : the task's tables by baseline.
        facts : what is needed to put scores into words, such as ``units`` of the target.
        assumptions : what scores assume, the most important thing first.
        left_out : baselines that these data cannot have, and why not.
        targets : the tables by baseline of each of several targets, by its name.
        """
        found = self.task.evaluate(parts, model)
        of_targets = {name: own["baselines"] for name, own in found.get("targets", {}).items()}
        baselines, *own = (
            {name: self._tables(tables) for name, tables in of.items()}
            for of in (found["baselines"], *of_targets.values())
        )
        facts = {"units": found.get("units", "")}
        about = {"assumptions": found["assumptions"], "left_out": found.get("left_out", {})}
        return {"baselines": baselines, "facts": facts, **about, "targets": dict(zip(of_targets, own, strict=True))}

    def score(self, parts: Any, model: Layer) -> dict[str, Any]:
        """The task's tables, of a model on the test part."""
        return self._tables(self.task.evaluate(parts, model))

    def _tables(self, scores: Mapping[str, Any]) -> dict[str, Any]:
        return {table: scores[table] for table in self.task.tables}

    def truth(self, parts: Any) -> str:
        """A digest of what the test part asks for: equal if and only if scores are of the same examples."""
        digest = hashlib.sha256()
        for i in range(len(parts.test)):
            target = parts.test.gather(slice(i, i + 1)).target  # of one alone: in their order, without padding
            if target.dtype.kind == "f":
                target = target.astype(np.float32)  # the same for models in any number format
            digest.update(f"{target.shape}".encode() + target.tobytes())
        return digest.hexdigest()

    def asked(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """What a resolved config asks of the baselines."""
        ignored = ("evaluation.checkpoint", *self.unimportant)
        return {key: value for key, value in config["evaluation"].items() if f"evaluation.{key}" not in ignored}

    # Words.

    @property
    def reference_words(self) -> str:
        """After ``worse than``, in a sentence."""
        return self.baseline_words(self.task.reference)

    @property
    def reference_head(self) -> str:
        """After ``worse than``, in a table's head."""
        return self.baseline_short(self.task.reference)

    @property
    def skill_words(self) -> str:
        """What skill is, after its name."""
        return f"the part of the way from {self.reference_words} to a perfect score"

    def row_short(self, row: str, facts: Facts) -> str:
        """A row's name in a table: ``8 h``."""
        return row if len(self.task.rows()) > 1 else "test part"

    def row_title(self, row: str, facts: Facts) -> str:
        """A row's name over a picture: ``blocks of 8 h``."""
        return self.row_short(row, facts)

    def rows_title(self, facts: Facts) -> str:
        """All rows, over a table; "" where nothing needs to be said."""
        return ""

    def table_words(self, table: str, facts: Facts) -> str:
        """Over all statistics of one of the task's tables."""
        return f"All statistics of {self.leading.words}:"

    def where(self, rows: Sequence[str], facts: Facts) -> str:
        """`` at 8 and 4 hours``, after what is said of these rows; "" where there is only one."""
        return f" for {listed(rows)}" if len(self.task.rows()) > 1 else ""

    def scored_on(self, facts: Facts) -> str:
        """What a test part consists of: ``hours``."""
        return f"{self.example}s"

    def everywhere(self) -> str:
        """`` at every horizon``."""
        return f" for every {self.row_noun}" if len(self.task.rows()) > 1 else ""

    def baseline_short(self, name: str) -> str:
        """A baseline's name in a table's head or a legend; ``linear of small`` is that of a config."""
        return self._named(name, 0)

    def baseline_words(self, name: str) -> str:
        """A baseline's name in a sentence."""
        return self._named(name, 1)

    def _named(self, name: str, form: int) -> str:
        head, _, rest = name.partition(" of ")
        known = self.baseline_names[head][form] if head in self.baseline_names else head.replace("_", " ")
        return f"{known} of {rest}" if rest else known

    # What only some tasks have.

    def check_facts(self, facts: Facts) -> None:
        """Refuse facts of the data, from a file, that cannot be put into words.

        Raises
        ------
        ValueError
            They cannot.
        """

    def more_configs(self, config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Configs that are trained to show something of one that is compared, by what is added to its label."""
        return {}

    def more_scores(self, parts: Any, model: Layer) -> dict[str, Any]:
        """What a run is scored by beyond the tables; JSON values."""
        return {}

    def check_more_scores(self, more: Any) -> None:
        """Refuse what `more_scores` does not give.

        Raises
        ------
        ValueError
            It is something else.
        """
        if more != {}:
            raise ValueError("it is not empty")

    def more_from_records(
        self,
        records: Mapping[str, Sequence[Record]],
        configs: Mapping[str, Any],
        tested: Mapping[str, str],
        targets: Mapping[str, Any],
    ) -> dict[str, Any]:
        """What else comparison.json says, from the records of the compared configs and of `more_configs`, by label.

        Parameters
        ----------
        targets : by target and name the tables of baselines, where there are several targets.
        """
        return {}

    def more_from_runs(self, result: Result, open_run: OpenRun) -> dict[str, Any]:
        """What else comparison.json says, from trained models."""
        return {}

    def more_blocks(self, result: Result) -> dict[str, list[Block]]:
        """What else the report says: at the end of its ``scores``, of its ``differences``, and in ``sections``."""
        return {}

    def more_figures(self, result: Result, shown: Mapping[str, Any], said: str) -> list[Drawn]:
        """What else is drawn from the result, of the configs that are shown; `said` is what the scores assume."""
        return []

    def run_figures(self, model: Layer, parts: Any) -> list[Drawn]:
        """Pictures of one trained model; names and titles without its label, ``{run}`` in the words."""
        outputs, scores = self.task.draw_outputs(model, parts), self.task.evaluate(parts, model)
        figures = {**outputs, **self.task.draw(model, parts, scores)}
        drawn = [(Path(name).stem, figure) for name, figure in figures.items()]
        titles = [name.replace("_", " ").capitalize() for name, _ in drawn]
        return [(*one, title, f"{title} of {{run}}.") for one, title in zip(drawn, titles, strict=True)]
