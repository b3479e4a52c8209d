"""In which terms models of any task are compared: skill, digests of the truth, names and words, pictures."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minidl.data import Batch
from minidl.tasks import Classify, Metric, Regress, Task
from minidl.tasks.terms import SKILL, Terms


@dataclass(eq=False)
class Grades(Classify):
    """A task with two rows and two tables."""

    tables = ("scores", "more")

    def rows(self) -> list[str]:
        return ["easy", "hard"]

    def evaluate(self, parts: Any, model: Any) -> dict[str, Any]:
        tables = {table: {"easy": {"accuracy": i}} for i, table in enumerate(("scores", "more", "other"))}
        return {
            **tables,
            "baselines": {"most_frequent": {**tables, "note": 1}},
            "units": "m",
            "assumptions": ["a"],
            "left_out": {"linear": "why"},
            "parameters": 3,
            "evaluated": (parts, model),
        }


class Less(Regress):
    """Its first metric is one of which less is better."""

    metrics = (Metric("rmse", "RMSE", False), Metric("r2", "R²", True))


@pytest.mark.parametrize(
    ("mine", "other", "skill"),
    [
        (0.9, 0.6, 0.75),
        (0.6, 0.9, -3.0),
        (0.6, 0.6, 0.0),
        (1.0, 0.5, 1.0),
        (0.9, 1.0, None),
        (None, 0.5, None),
        (0.5, None, None),
    ],
)
def test_skill_is_the_way_to_1_where_more_is_better(
    mine: float | None, other: float | None, skill: float | None
) -> None:
    found = Terms(Grades()).skill({"accuracy": mine}, {"accuracy": other})
    assert found == (None if skill is None else pytest.approx(skill))


@pytest.mark.parametrize(
    ("mine", "other", "skill"), [(1.0, 4.0, 0.75), (4.0, 1.0, -3.0), (0.0, 4.0, 1.0), (1.0, 0.0, None), (2.0, 2.0, 0.0)]
)
def test_skill_is_the_way_to_0_where_less_is_better(mine: float, other: float, skill: float | None) -> None:
    assert Terms(Less()).skill({"rmse": mine}, {"rmse": other}) == skill


def test_the_first_metric_leads_and_skill_is_a_metric_by_its_name() -> None:
    of = Terms(Grades())
    assert (of.leading.name, of.measure.name) == ("accuracy", "accuracy")
    assert of.metric("skill") is SKILL
    assert of.metric("macro_f1").words == "macro F1"
    assert (SKILL.larger_is_better, SKILL.digits, SKILL.words) == (True, 3, "skill")
    assert list(of.rows_of("more")) == ["easy", "hard"]


def test_only_the_tasks_own_tables_are_passed_on() -> None:
    of: Any = Terms(Grades())
    tables = {"scores": {"easy": {"accuracy": 0}}, "more": {"easy": {"accuracy": 1}}}
    assert of.score(None, None) == tables
    assert of.describe(None, None) == {
        "baselines": {"most_frequent": tables},
        "facts": {"units": "m"},
        "assumptions": ["a"],
        "left_out": {"linear": "why"},
        "targets": {},
    }


class Asked:
    """Targets, of which a batch has one."""

    def __init__(self, *targets: Any) -> None:
        self.targets = targets

    def __len__(self) -> int:
        return len(self.targets)

    def gather(self, indices: slice) -> Batch:
        (target,) = self.targets[indices]
        return Batch(np.zeros((1, 1)), np.asarray(target)[None])


def truth(*targets: Any) -> str:
    return Terms(Grades()).truth(SimpleNamespace(test=Asked(*targets)))


def test_the_truth_is_the_targets_in_their_order_and_shapes() -> None:
    assert truth(1, 2) != truth(2, 1)
    assert truth(1, 2) != truth(1)
    assert truth([1.0, 2.0]) != truth([[1.0, 2.0]])
    assert truth([1.0], [2.0, 3.0]) != truth([1.0, 2.0], [3.0])
    assert truth(np.float64(0.1)) == truth(np.float32(0.1))  # models in any number format
    assert truth(np.float64(0.1)) != truth(np.float64(0.2))
    assert truth(np.int64(2**40)) != truth(np.int64(2**40 + 1))  # labels stay whole numbers


def test_what_decides_no_score_is_not_asked_of_baselines() -> None:
    class More(Terms):
        unimportant = ("evaluation.colour",)

    config = {"evaluation": {"type": "Classify", "checkpoint": "best", "colour": 1, "rows": 2}}
    assert More(Grades()).asked(config) == {"type": "Classify", "rows": 2}
    assert Terms(Grades()).asked(config) == {"type": "Classify", "colour": 1, "rows": 2}


def test_words_for_one_row_and_for_several() -> None:
    one, two = Terms(Classify()), Terms(Grades())
    assert (one.row_short("all", {}), two.row_short("easy", {})) == ("test part", "easy")
    assert (one.row_title("all", {}), two.row_title("easy", {})) == ("test part", "easy")
    assert (one.where(["all"], {}), two.where(["easy", "hard"], {})) == ("", " for easy and hard")
    assert (one.everywhere(), two.everywhere()) == ("", " for every row")
    assert (one.rows_title({}), one.scored_on({})) == ("", "sequences")
    assert two.table_words("more", {}) == "All statistics of accuracy:"


def test_baselines_are_named_in_heads_and_in_sentences() -> None:
    of = Terms(Grades())
    assert (of.reference_head, of.reference_words) == ("most frequent class", "the most frequent class")
    assert of.skill_words == "the part of the way from the most frequent class to a perfect score"
    assert (of.baseline_short("linear of small"), of.baseline_words("linear of small")) == (
        "linear model of small",
        "the linear model of small",
    )
    assert (of.baseline_short("my_own"), of.baseline_words("my_own of net")) == ("my own", "my own of net")


def test_what_only_some_tasks_have_is_empty() -> None:
    of: Any = Terms(Grades())
    assert [of.more_configs({}), of.more_scores(None, None), of.more_from_runs({}, None), of.more_blocks({})] == [
        {}
    ] * 4
    assert (of.more_from_records({}, {}, {}, {}), of.more_figures({}, {}, "")) == ({}, [])
    of.check_facts({})
    of.check_more_scores({})
    with pytest.raises(ValueError, match="it is not empty"):
        of.check_more_scores({"a": 1})


def test_pictures_of_a_run_are_those_of_the_task_with_titles_from_their_names() -> None:
    asked: list[Any] = []

    class Drawn(Grades):
        def draw(self, experiment: Any, parts: Any, scores: Any) -> dict[str, Any]:
            asked.append((experiment, parts, scores))
            return {"confusion.png": "figure 1", "by_class.png": "figure 2"}

    experiment: Any = SimpleNamespace(model="model")
    of = Terms(Drawn())
    assert of.run_figures(experiment, "parts") == [
        ("confusion", "figure 1", "Confusion", "Confusion of {run}."),
        ("by_class", "figure 2", "By class", "By class of {run}."),
    ]
    assert asked == [(experiment, "parts", of.task.evaluate("parts", experiment))]
    assert asked[0][2]["evaluated"] == ("parts", experiment)


# --- what every task says


def scores(accuracy: dict[str, Any], **baselines: dict[str, Any]) -> dict[str, Any]:
    def table(values: dict[str, Any]) -> dict[str, Any]:
        return {row: {"accuracy": value} for row, value in values.items()}

    named = {name: {"scores": table(values)} for name, values in baselines.items()}
    return {"scores": table(accuracy), "baselines": named}


def losing(task: Task, found: dict[str, Any], rounding: float = 1e-9) -> str:
    return task.losing_words(None, found, rounding)  # type: ignore[arg-type]


def test_baselines_that_are_better_are_named_with_the_rows() -> None:
    class Named(Grades):
        def row_words(self, row: str, parts: Any) -> str:
            return f"{row} ones"

    found = scores(
        {"easy": 0.5, "hard": 0.5}, linear={"easy": 0.6, "hard": 0.4}, most_frequent={"easy": 0.5 + 1e-12, "hard": 0.7}
    )
    assert losing(Named(), found) == (
        "loses to the linear model on the easy ones, and to the most frequent class on the hard ones"
    )
    assert losing(Named(), scores({"easy": 0.5, "hard": 0.5}, linear={"easy": 0.5, "hard": 0.5})) == ""


def test_where_less_is_better_a_baseline_wins_by_less() -> None:
    def found(mine: float, other: float) -> dict[str, Any]:
        def one(value: float) -> dict[str, Any]:
            return {"scores": {"all": {"rmse": value}}}

        return {**one(mine), "baselines": {"mean": one(other)}}

    assert losing(Less(), found(2.0, 1.0)) == "loses to the mean of the training part on the test part"
    assert losing(Less(), found(1.0, 2.0)) == ""
