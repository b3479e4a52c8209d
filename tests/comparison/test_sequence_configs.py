"""Models of sequences are compared: classifiers with pictures and verdict, labels of steps, and numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.cli import main
from minidl.compiled.jit import numba_installed

Capture = pytest.CaptureFixture[str]
CONFIG = """\
dtype: float64
engine: numpy
data:
  type: Sequences
  source: {source}
model:
  type: Sequential
  layers: [{{type: RecurrentLayer, hidden_size: 8}}, {last}{{type: Dense, output_size: {size}}}]
loss: {loss}
optimizer: {{type: Adam, learning_rate: 0.03}}
training: {{epochs: 8, batch_size: 16, clip_norm: 1.0}}
evaluation: {{type: {task}}}
"""
WAVES = "{{type: Waves, learn: {}, n_sequences: 120, noise: 0.05}}"
MOVES = "{type: CSVSequences, path: moves.csv, sequence: move, features: [x], label: way, labels: [down, up]}"
TASKS = {
    "Classify": {"source": MOVES, "last": "LastStep, ", "size": 2, "loss": "CrossEntropy"},
    "Label": {"source": WAVES.format("half"), "last": "", "size": 2, "loss": "CrossEntropy"},
    "Regress": {"source": WAVES.format("numbers"), "last": "LastStep, ", "size": 3, "loss": "HalfMSE"},
}
PICTURES = {"Classify": {"confusion", "classes"}, "Label": {"confusion", "classes"}, "Regress": {"truth"}}
COMMON = {"scores", "differences", "curves"}
FOREIGN = ("hour", "window", "horizon", "forecast", "persistence", " h |", "block")


def write_moves(path: Path, *, shortest: int, longest: int) -> None:
    """Sequences of so many noisy steps each, of which half go up."""
    rng = np.random.default_rng(3)
    rows = ["move,x,way"]
    for move in range(120):
        up = move % 2
        steps = rng.normal(2 * up - 1, 1.5, rng.integers(shortest, longest + 1))
        rows += [f"{move},{x:.3f},{['down', 'up'][up]}" for x in steps]
    path.write_text("\n".join(rows) + "\n")


@pytest.fixture
def waves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_moves(Path("moves.csv"), shortest=3, longest=8)
    for task, words in TASKS.items():
        Path(f"{task}.yaml").write_text(CONFIG.format(task=task, **words))
        Path(f"{task}_slow.yaml").write_text(f"extends: {task}.yaml\noptimizer: {{learning_rate: 0.00001}}\n")
    return tmp_path


def compare(*arguments: str) -> Any:
    assert main(["compare", *arguments, "--jobs", "1"]) == 0
    newest = max(Path("runs").glob("compare-*"))
    return json.loads((newest / "comparison.json").read_text(encoding="utf-8"))


@pytest.mark.figures
@pytest.mark.parametrize("task", TASKS)
def test_the_better_model_is_found_with_its_pictures_and_words(waves: Path, task: str, capsys: Capture) -> None:
    found = compare(f"{task}.yaml", f"{task}_slow.yaml", "--seeds", "6")
    assert found["asked"]["tested"] == {"all": "r2" if task == "Regress" else "accuracy"}
    (pair,) = found["verdict"]["pairs"]
    assert pair["better"] == task
    metric = "R²" if task == "Regress" else "accuracy"
    assert pair["sentence"].startswith(f"{task} is better than {task}_slow: {metric} of {task} is higher by 0.")
    assert pair["sentence"].endswith(", and better in 6 of 6 seeds; corrected p = 0.031.")
    figures = {path.stem for path in Path("runs/compare-001/figures").iterdir()}
    assert figures == COMMON | {f"{name}_{label}" for name in PICTURES[task] for label in (task, f"{task}_slow")}
    report = Path("runs/compare-001/report.md").read_text(encoding="utf-8")
    assert "the mean of the training part" if task == "Regress" else "the most frequent class" in report
    assert "| test part |" in report
    assert "multiply-adds a step" in report  # these sequences differ in length
    out, err = capsys.readouterr()
    for text in (out, err, report):
        said = text.replace(str(waves), "").lower()
        assert [word for word in FOREIGN if word in said] == []


@pytest.mark.slow
@pytest.mark.skipif(not numba_installed(), reason="needs numba")
def test_classifiers_are_compared_in_the_compiled_engine(waves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidl.plotting.style.have_matplotlib", lambda: False)
    write_moves(Path("even.csv"), shortest=5, longest=5)
    even = ("--set", "data.source.path=even.csv", "--seeds", "6")
    results = []
    for engine in ("numpy", "compiled"):
        results.append(compare("Classify.yaml", "Classify_slow.yaml", *even, "--set", f"engine={engine}", "--fresh"))
    assert [found["configs"]["Classify"]["engines"] for found in results] == [["numpy"], ["compiled"]]
    assert [found["verdict"]["pairs"][0]["better"] for found in results] == ["Classify"] * 2


def test_a_classifiers_scores_are_those_of_train_and_evaluate(waves: Path) -> None:
    compare("Classify.yaml", "Classify_slow.yaml", "--seeds", "2")
    assert main(["train", "Classify.yaml", "--set", "seed=1"]) == 0
    scored = json.loads(Path("runs/Classify-001/evaluation.json").read_text(encoding="utf-8"))
    record = json.loads(Path("runs/compare-001/runs/Classify/seed-0001.json").read_text())["record"]
    assert record["scores"] == {"scores": scored["scores"]}
    assert record["more"] == {}
    assert {name for name in record["curve"] if name.startswith("validation_")} >= {"validation_loss"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data: {source: {path: fewer.csv}}", "are scored on different test sequences (data.source differ)"),
        ("data: {split: {test: 0.3}}", "are scored on different test sequences (data.split differ)"),
    ],
)
def test_other_sequences_are_refused(waves: Path, change: str, message: str, capsys: Capture) -> None:
    Path("fewer.csv").write_text("\n".join(Path("moves.csv").read_text().splitlines()[:300]) + "\n")
    Path("other.yaml").write_text(f"extends: Classify.yaml\n{change}\n")
    assert main(["compare", "Classify.yaml", "other.yaml", "--seeds", "1"]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(re.findall("^minidl compare: ", err, re.MULTILINE)) == 1
