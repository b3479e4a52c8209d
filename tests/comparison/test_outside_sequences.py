"""Answers of another program about sequences: scored as the truth or baseline they copy; wrong files are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comparing import Capture, compare, result
from test_sequence_configs import TASKS, waves

from minidl.cli import main
from minidl.data import SequenceParts
from minidl.experiment import load_experiment

__all__ = ["waves"]
HEADS = {"Classify": "sequence,class", "Label": "step,sequence,class", "Regress": "sequence,{}"}


def true_lines(task: str, of: Callable[[Any], Any] = lambda answer: answer) -> list[str]:
    """The truth of the test part as another program writes it, last sequence first, and what `of` makes of it."""
    parts = load_experiment(f"{task}.yaml").load_data()
    assert isinstance(parts, SequenceParts)
    table, lines = parts.table, [HEADS[task].format(",".join(parts.table.target_names))]
    for i in reversed(parts.members[2].tolist()):
        if task == "Regress":
            assert table.targets is not None
            lines.append(f"{table.name(i)},{','.join(map(repr, of(table.targets[i]).tolist()))}")
            continue
        labels = table.step_labels() if task == "Label" else table.sequence_labels()
        start = int(table.starts[i])
        steps = range(int(table.lengths[i])) if task == "Label" else [None]
        for step in steps:
            label = of(table.label_names[labels[i if step is None else start + step]])
            lines.append(f"{table.name(i)},{label}" if step is None else f"{step},{table.name(i)},{label}")
    return lines


def write(lines: list[str]) -> None:
    Path("theirs.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def compared(task: str, *more: str) -> Any:
    arguments = (f"{task}.yaml", f"{task}_slow.yaml", "--set", "training.epochs=1", "--outside", "theirs.csv")
    assert compare(*arguments, "--seeds", "6", *more) == 0
    return result()


@pytest.mark.parametrize("task", TASKS)
def test_the_truth_has_the_best_scores_and_is_tested_against_each_config(waves: Path, task: str) -> None:
    write(true_lines(task))
    found = compared(task)
    theirs = found["baselines"]["theirs"]["scores"]["all"]
    best = {"r2": 1.0, "rmse": 0.0, "mae": 0.0} if task == "Regress" else {"accuracy": 1.0, "macro_f1": 1.0}
    assert theirs == pytest.approx(best, abs=1e-12)
    pairs = {(pair["first"], pair["second"]): pair["rows"]["all"] for pair in found["pairs"]}
    assert list(pairs) == [(task, f"{task}_slow"), ("theirs", task), ("theirs", f"{task}_slow")]
    leading = next(iter(best))
    own = found["configs"][task]["scores"]["all"][leading]["values"]
    row = pairs["theirs", task]
    assert row["differences"] == pytest.approx([value - 1 for value in own])
    assert row["both"]["low"] < 0
    assert "| theirs |" in Path("runs/compare-001/report.md").read_text(encoding="utf-8")


def test_a_copy_of_a_baseline_has_its_scores(waves: Path) -> None:
    parts: Any = load_experiment("Regress.yaml").load_data()
    mean = parts.table.targets[parts.members[0]].mean(axis=0)
    write(true_lines("Regress", lambda _: mean))
    scores = compared("Regress")["baselines"]
    assert scores["theirs"]["scores"]["all"] == pytest.approx(scores["mean"]["scores"]["all"], rel=1e-9)
    labelled: Any = load_experiment("Label.yaml").load_data()
    often = labelled.table.label_names[np.bincount(labelled.train.target[: labelled.train.starts.max()]).argmax()]
    write(true_lines("Label", lambda _: often))
    assert compare("Label.yaml", "Label_slow.yaml", "--seeds", "1", "--outside", "theirs.csv") == 0
    scores = result("compare-002")["baselines"]
    assert scores["theirs"]["scores"]["all"] == scores["most_frequent"]["scores"]["all"]


def test_what_predict_writes_has_the_scores_of_its_run(waves: Path, capsys: Capture) -> None:
    assert main(["train", "Classify.yaml", "--set", "seed=0"]) == 0
    capsys.readouterr()
    assert main(["predict", "runs/Classify-001", "--input", "moves.csv", "--output", "theirs.csv"]) == 0
    arguments = ("Classify.yaml", "Classify_slow.yaml", "--seeds", "1", "--outside", "theirs.csv")
    assert compare(*arguments) == 0
    found = result()
    own = found["configs"]["Classify"]["scores"]["all"]
    for metric, value in found["baselines"]["theirs"]["scores"]["all"].items():
        assert own[metric]["values"] == [pytest.approx(value)]


@pytest.mark.parametrize(
    ("task", "change", "message"),
    [
        ("Classify", lambda lines: lines[:-1], "theirs.csv: 1 of 24 answers that are scored are missing; the first is"),
        ("Classify", lambda lines: [*lines, lines[1]], "theirs.csv:26: an answer for this sequence stands there twice"),
        ("Classify", lambda lines: [lines[0], f"{lines[1]}n", *lines[2:]], "theirs.csv:2: column class: '"),
        ("Classify", lambda lines: ["sequence,answer", *lines[1:]], "theirs.csv:1: no column 'class'"),
        ("Label", lambda lines: lines[:-1], "Every step of a sequence of the test part needs one."),
        ("Label", lambda lines: [*lines, lines[1]], ": an answer for this step stands there twice."),
        ("Label", lambda lines: ["sequence,class", "1,first", "2,first"], "theirs.csv:1: no column 'step'"),
        (
            "Label",
            lambda lines: [lines[0], f"-{lines[1]}", *lines[2:]],
            "is no step; expected a whole number from 0 on",
        ),
        ("Label", lambda lines: [*lines, f"99{lines[1]}"], " steps, counted from 0; got step 99"),
        ("Regress", lambda lines: [lines[0], f"{lines[1]}x", *lines[2:]], "theirs.csv:2: column "),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_before_anything_is_trained(
    waves: Path, task: str, change: Callable[[list[str]], list[str]], message: str, capsys: Capture
) -> None:
    write(change(true_lines(task)))
    assert compare(f"{task}.yaml", f"{task}_slow.yaml", "--seeds", "1", "--outside", "theirs.csv") == 3
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not Path("runs").exists()


def test_sequences_of_other_parts_do_not_matter(waves: Path) -> None:
    lines = true_lines("Classify")
    tested = {line.split(",")[0] for line in lines}
    other = next(str(i) for i in range(120) if str(i) not in tested)
    write([*lines, f"{other},up", f"{other},up", "nobody,down"])
    assert compared("Classify")["baselines"]["theirs"]["scores"]["all"]["accuracy"] == 1
