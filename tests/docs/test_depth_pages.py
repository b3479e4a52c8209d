"""The numbers of the pages on the textbook's tasks, and of that on depth, are those of the records of their runs."""

from __future__ import annotations

import importlib.util
import json
import re
import statistics
from pathlib import Path
from typing import Any

import pytest

from benchmarks.depth import written
from minidl.experiment import load_experiment

DOCS = Path(__file__).parents[2] / "docs"
RECORDS: dict[str, Any] = json.loads((DOCS / "depth/records.json").read_text(encoding="utf-8"))
COMPARISONS: list[dict[str, Any]] = RECORDS["comparisons"]
TASKS = ("subtraction", "digits", "echo", "letters", "names")
NEEDS = {"digits": "sklearn", "names": "faker", "letters": "faker"}
PARTS = {"echo": "({} sequences", "subtraction": "({} pairs", "names": "({} names", "digits": "({} pictures"}
PARTS["letters"] = "({} names, {} steps)"
EACH = [pytest.param(each, id=f"{each['task']}-{each['cell']}") for each in COMPARISONS]


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def signed(low: float, high: float) -> str:
    return f"{low:+.4f} to {high:+.4f}"


def test_there_are_three_comparisons_of_each_task() -> None:
    assert [(each["task"], each["cell"]) for each in COMPARISONS] == [
        (task, cell) for task in TASKS for cell in ("tanh", "LSTM", "GRU")
    ]
    assert {len(config["accuracy"]) for each in COMPARISONS for config in each["configs"].values()} == {30}


@pytest.mark.parametrize("each", EACH)
def test_a_row_of_the_page_on_depth_is_what_was_recorded(each: dict[str, Any]) -> None:
    one, two = (statistics.median(config["accuracy"]) for config in each["configs"].values())
    found, single = each["difference"], next(iter(each["configs"]))
    p = "< 0.001" if found["p"] < 0.001 else f"{found['p']:.3f}"
    better = {None: "no evidence", single: "one layer"}.get(each["better"], "two layers")
    cells = [each["task"], each["cell"], f"{one:.4f}", f"{two:.4f}", f"{found['mean']:+.4f}"]
    cells += [signed(found["low"], found["high"]), signed(*found["over_both"]), p, better]
    assert f"| {' | '.join(cells)} |" in page("depth").splitlines()


@pytest.mark.parametrize("each", EACH)
def test_the_page_of_a_task_has_the_medians_of_the_first_five_seeds(each: dict[str, Any]) -> None:
    text = page(each["task"])
    for name, config in each["configs"].items():
        five = config["accuracy"][:5]
        scores = f"{statistics.median(five):.4f} ({min(five):.4f} to {max(five):.4f})"
        row = rf"^\| `{name}` \| [^|]* \| {config['parameters']:,} \| {re.escape(scores)} \|$"
        assert re.search(row, text, re.MULTILINE), f"{name}: {scores}"
    for name, score in each["baselines"].items():
        begin = name.split("_")[0].replace("_", " ")
        assert re.search(rf"^\| {begin}[^|]*\|[^|]*\|[^|]*\| {score:.4f} \|$", text, re.MULTILINE), (
            f"{name}: {score:.4f}"
        )


@pytest.mark.parametrize("task", TASKS)
def test_the_page_of_a_task_tells_how_large_its_test_part_is(task: str) -> None:
    # Caught: "361 pictures", of which there are 359.
    if task in NEEDS and importlib.util.find_spec(NEEDS[task]) is None:
        pytest.skip(f"needs {NEEDS[task]}")
    test = load_experiment(f"{task}_single").load_data().test
    assert PARTS[task].format(f"{len(test):,}", f"{test.lengths.sum():,}") in page(task)


def test_the_page_on_depth_says_in_words_what_was_recorded() -> None:
    text = " ".join(page("depth").split())
    shown = [each for each in COMPARISONS if each["better"]]
    sizes = [abs(each["difference"]["mean"]) for each in shown]
    words = dict(enumerate(["none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]))
    single, deep = RECORDS["across"]["contenders"]["single"], RECORDS["across"]["contenders"]["deep"]
    (pair,) = RECORDS["across"]["pairs"]
    n, reach = words[len(shown)], sum(each["difference"]["over_both"][1] >= 0 for each in shown)
    gated, of_lstms = (sum(each["cell"] in cells for each in shown) for cells in (("LSTM", "GRU"), ("LSTM",)))
    wins, skill = interval(single["wins"], 0, 100), pair["skill"]
    for sentence in (
        f"In {n} one layer is; in {words[len(COMPARISONS) - len(shown)]} there is no evidence.",
        f"The differences that can be shown are {min(sizes):.3f} to {max(sizes):.3f}.",
        f"{words[reach]} of the {n} intervals",
        f"{words[gated]} of the {n} are LSTMs and GRUs, and with the LSTM one layer is ahead in {words[of_lstms]}",
        f"one layer wins {wins.replace(' ', ' % of the seeds ', 1)}, its mean rank is {interval(single['rank'], 2)}",
        f"against {deep['rank']['value']:.2f}, and the skill of two layers is lower by {-skill['value']:.3f}",
        f" ({-skill['high']:.3f} to {-skill['low']:.3f}). As",
        f"p = {pair['tasks']['p']:.3f} of a permutation test over tasks",
    ):
        assert sentence in text
    assert all(each["difference"]["mean"] < 0 for each in shown)


def interval(found: dict[str, float], digits: int, factor: float = 1) -> str:
    value, low, high = (f"{factor * found[name]:.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def test_a_comparison_is_recorded_with_its_task_and_cell() -> None:
    scores = {"all": {"accuracy": {"values": [0.5, 1.0]}}}
    row = {"mean": 0.1, "low": 0.0, "high": 0.2, "p": 0.5, "detectable": 0.3, "both": {"low": -1, "high": 1}}
    names = ["echo_lstm_single", "echo_lstm_deep"]
    made = {
        "configs": {name: {"parameters": 3, "engines": ["numpy"], "scores": scores} for name in names},
        "baselines": {"linear": {"scores": {"all": {"accuracy": 0.25}}}},
        "pairs": [{"first": names[0], "second": names[1], "rows": {"all": row}}],
        "verdict": {"pairs": [{"better": None}]},
    }
    found = json.loads(written([made], {"contenders": {}, "pairs": [], "tasks": {"/home": 1}}))
    assert found["across"] == {"contenders": {}, "pairs": []}
    (one,) = found["comparisons"]
    assert (one["task"], one["cell"], one["better"], one["baselines"]) == ("echo", "LSTM", None, {"linear": 0.25})
    assert one["configs"]["echo_lstm_deep"]["accuracy"] == [0.5, 1.0]
    assert one["difference"]["over_both"] == [-1, 1]
