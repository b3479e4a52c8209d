"""From a CSV file of sequences to a run folder, scores and predictions, on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from command_line import Cli

from minidl.compiled.jit import numba_installed

CONFIG = """\
data:
  type: Sequences
  source: {type: CSVSequences, path: walks.csv, sequence: walk, time: t, features: [x], label: way, labels: [up, down]}
model:
  type: Sequential
  layers:
    - {type: RecurrentLayer, hidden_size: 3}
    - {type: LastStep}
    - {type: Dense, output_size: 2}
loss: CrossEntropy
optimizer: {type: Adam, learning_rate: 0.02}
training: {epochs: 2, batch_size: 8}
evaluation: {type: Classify, checkpoint: best}
"""

MEAN = """\
from minidl import Layer
from minidl.compiled import LayerKernel, register_kernel
from minidl.core.registry import register

@register
class MeanStep(Layer):
    def output_shape(self, input_shape):
        return input_shape[1:]

    def output_lengths(self, lengths):
        return None

    def forward(self, x, ctx=None):
        return x.mean(axis=1), x

    def backward(self, dy, cache):
        raise NotImplementedError

register_kernel(MeanStep)(lambda layer: LayerKernel(print, print))
"""


@pytest.fixture
def walks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with walks.csv and walks.yaml, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    with open("walks.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["walk", "t", "x", "way"])
        for walk in range(30):
            x = np.cumsum(rng.standard_normal(4 + walk % 5) + (1 - 2 * (walk % 2)))
            table.writerows([[f"w{walk}", t, round(float(v), 3), ("up", "down")[walk % 2]] for t, v in enumerate(x)])
    Path("walks.yaml").write_text(CONFIG)
    return tmp_path


def test_train_evaluate_and_predict_say_what_they_did(cli: Cli, walks: Path) -> None:
    outcome = cli("train", "walks.yaml")
    assert outcome.code == 0, outcome.err
    assert "30 sequences of 4 to 8 steps: 18 for training, 6 for validation, 6 for the test" in outcome.err
    assert "18 training sequences" in outcome.err
    assert "accuracy" in outcome.err.split("epoch 1/2")[1]
    for line in ("accuracy", "macro F1 (mean of the classes' F1)", "class", "assumed: the sequences of the test part"):
        assert any(text.startswith(line) for text in outcome.out.splitlines()), line
    assert outcome.out.splitlines()[-1] == "next: minidl predict runs/walks-001 --input FILE"
    scores = json.loads(Path("runs/walks-001/evaluation.json").read_text())
    assert scores["scores"]["all"].keys() == {"accuracy", "macro_f1"}
    assert cli("evaluate", "runs/walks-001").code == 0
    again = json.loads(Path("runs/walks-001/evaluation.json").read_text())
    assert again == scores


def test_predict_gives_a_class_to_each_sequence_of_a_file(cli: Cli, walks: Path) -> None:
    assert cli("train", "walks.yaml").code == 0
    rows = [line.rsplit(",", 1)[0] for line in Path("walks.csv").read_text().splitlines()]
    Path("new.csv").write_text("\n".join([row for row in rows if row.startswith(("walk", "w3,", "w4,"))]) + "\n")
    outcome = cli("predict", "runs/walks-001", "--input", "new.csv", "--output", "ways.csv")
    assert (outcome.code, outcome.out.strip()) == (0, "ways.csv: 2 sequences of new.csv")
    head, *found = [line.split(",") for line in Path("ways.csv").read_text().splitlines()]
    assert head == ["sequence", "class", "p(up)", "p(down)"]
    assert [row[0] for row in found] == ["w3", "w4"]
    for _, label, up, down in found:
        assert float(up) + float(down) == pytest.approx(1)
        assert label == ("up" if float(up) > float(down) else "down")
    alone = json.loads(cli("predict", "runs/walks-001", "--input", "new.csv", "--json").out)
    assert alone["class"] == [row[1] for row in found]


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        ((), 2, "minidl predict: --input: Classify needs a file with sequences, of the form of the run's own."),
        (
            ("--input", "walks.csv", "--horizon", "2"),
            2,
            "minidl predict: --horizon: Classify looks at what is there",
        ),
        (("--input", "none.csv"), 4, "minidl predict: none.csv: no such file"),
        (("--input", "bad.csv"), 3, "minidl predict: bad.csv:1: no column 'walk'"),
    ],
)
def test_what_predict_cannot_do_is_one_line(
    cli: Cli, walks: Path, arguments: tuple[str, ...], code: int, line: str
) -> None:
    assert cli("train", "walks.yaml", "--set", "training.epochs=1").code == 0
    Path("bad.csv").write_text("id,t,x\n1,0,2\n1,1,2\n")
    outcome = cli("predict", "runs/walks-001", *arguments)
    assert outcome.code == code
    assert outcome.line.startswith(line)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("w3,0,", "w3,0,x", "minidl train: walks.csv:"),
        ("up\n", "upp\n", "minidl train: walks.csv:2: column way: unknown label 'upp'; did you mean up?"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(cli: Cli, walks: Path, old: str, new: str, line: str) -> None:
    text = Path("walks.csv").read_text()
    Path("walks.csv").write_text(text.replace(old, new, 1))
    outcome = cli("train", "walks.yaml")
    assert outcome.code == 3
    assert outcome.line.startswith(line)
    assert not Path("runs").exists()


@pytest.mark.skipif(not numba_installed(), reason="needs numba")
@pytest.mark.parametrize("verb", [["train"], ["compare", "walks.yaml"]])
def test_an_engine_that_cannot_take_the_lengths_is_refused_before_anything_is_made(
    cli: Cli, walks: Path, verb: list[str]
) -> None:
    # It was refused in the first step only, and left an empty run.
    Path("own.py").write_text(MEAN)
    text = Path("walks.yaml").read_text()
    assert "LastStep" in text
    Path("walks.yaml").write_text(text.replace("LastStep", "MeanStep"))
    outcome = cli(*verb, "walks.yaml", "--plugin", "own.py", "--set", "engine=compiled")
    assert outcome.code == 2
    assert "engine: is compiled, but the examples have lengths, and MeanStep" in outcome.line
    assert not Path("runs").exists()
    out = cli("summary", "walks.yaml", "--plugin", "own.py").out
    assert "engine: numpy: the examples have lengths, and MeanStep 1 has no kernel for them" in out


def test_the_next_command_is_one_that_works(cli: Cli, walks: Path) -> None:
    # A run on generated sequences led to minidl predict --input, which refuses every file then.
    assert cli("train", "walks.yaml").out.endswith("next: minidl predict runs/walks-001 --input FILE\n")
    few = ("--set", "data.source.n_sequences=30", "--set", "training.epochs=1")
    assert cli("train", "waves_label", *few).out.endswith("next: minidl reproduce runs/waves_label-001\n")
    assert cli("reproduce", "runs/waves_label-001").code == 0
