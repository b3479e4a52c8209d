"""Callbacks of a config: in runs that are stopped and go on, in comparisons, and what is said of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from small import write_experiment

from minidl.cli import main
from minidl.comparison.trials import train_in_memory
from minidl.experiment import load_experiment
from minidl.runs.run import Run

PATIENT = (
    "training.callbacks=[{type: EarlyStopping, metric: validation_r2, larger_is_better: true, patience: 2}, CSVLog,"
    " ParameterStatistics, {type: Saturation, margin: 0.2, every: 2}]"
)
EARLY = ["training.epochs=40", "optimizer={type: SGD, learning_rate: 1.5}", "evaluation.checkpoint=best", PATIENT]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("minidl.plotting.have_matplotlib", lambda: False)
    return tmp_path


def early(name: str, *overrides: str, stop_at: int = 10**9) -> Run:
    experiment = load_experiment("small.yaml", [*EARLY, *overrides])
    run, calls = Run.create(experiment, Path(name)), iter(range(1, 10**6))
    run.train(experiment.load_data(), should_stop=lambda: next(calls) >= stop_at)
    return run


def left(run: Run) -> dict[str, Any]:
    """Weights, best and last, and the log and the table without the seconds."""
    files = ("last/weights.safetensors", "last/optimizer.safetensors", "best/weights.safetensors")
    found: dict[str, Any] = {name: (run.path / "checkpoints" / name).read_bytes() for name in files}
    for name in ("parameters.csv", "saturation.csv"):
        found[name] = (run.path / name).read_bytes()
    lines = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    rows = [line.split(",") for line in (run.path / "log.csv").read_text().splitlines()]
    return found | {"log": [{**line, "seconds": 0} for line in lines], "table": [row[:3] + row[4:] for row in rows]}


def scores(run: Run) -> list[float]:
    return [json.loads(line)["validation_r2"] for line in (run.path / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_a_run_that_is_stopped_anywhere_ends_where_the_whole_one_does(folder: Path, engine: str, capsys: Any) -> None:
    if engine == "compiled":
        pytest.importorskip("numba")
    whole = early("whole", f"engine={engine}")
    n = len(scores(whole))
    assert 3 <= n < 40
    assert scores(whole).index(max(scores(whole))) + 1 == n - 2
    assert Run.open("whole").load_weights("best")["epoch"] == n - 2
    more = [f"engine={engine}", "training.checkpoint_every={steps: 3}"]
    every = early("every", *more)
    for stop_at in range(2, 26, 5):
        stopped = early(f"stopped{stop_at}", *more, stop_at=stop_at)
        while main(["resume", str(stopped.path)]) != 0:
            raise AssertionError(capsys.readouterr().err)
        assert left(stopped) == left(every)
    assert left(every)["log"] == left(whole)["log"]


def test_a_run_that_ended_early_is_complete(folder: Path, capsys: Any) -> None:
    run = early("run")
    before, n = left(run), len(scores(run))
    assert main(["resume", "run"]) == 0
    said = f"it ended after {n} epochs: no better validation_r2 for 2 epochs; it is scored again"
    assert said in capsys.readouterr().err
    assert left(run) == before
    assert main(["reproduce", "run"]) == 0
    assert f"equal: {n} epochs" in capsys.readouterr().out
    assert (
        main(
            ["resume", "run", "--allow-changes", "--set", "training.callbacks=[]", "--set", f"training.epochs={n + 1}"]
        )
        == 0
    )
    assert "callbacks: others than when the run was saved" in capsys.readouterr().err
    assert len(scores(run)) == n + 1


def test_a_comparison_trains_the_same(folder: Path) -> None:
    run = early("run")
    experiment = load_experiment("small.yaml", EARLY)
    trained = train_in_memory(experiment, experiment.load_data())
    assert trained.epoch == Run.open("run").load_weights("best")["epoch"]
    assert len(trained.history) == len(scores(run))
    assert main(["compare", "run/config.yaml", "small.yaml", "--seeds", "2", "--jobs", "1"]) == 0
    assert main(["compare", "--resume", "runs/compare-001"]) == 0  # its records are read again


def test_mistakes_are_named_with_their_place(folder: Path, capsys: Any) -> None:
    for callback, problem in {
        "{type: EarlyStopping, patience: 0}": "training.callbacks.0.patience: expected `int` >= 1, got 0",
        "{type: EarlyStopping, metric: validation_r3}": (
            "training.callbacks.0.metric: validation_r3 is no score of an epoch; did you mean validation_r2?"
        ),
        "{type: EarlyStopping, metric: validation_r2}": (
            "training.callbacks.0.metric: of validation_r2 the larger one is better; write larger_is_better: true"
        ),
        "{type: EarlyStopping, larger_is_better: true}": "of validation_loss the smaller one is better; write larger",
        "{type: EarlyStopping, metric: train_loss, larger_is_better: true}": "of train_loss the smaller one is better",
        "CSVLog, CSVLog": "callbacks: two of them write log.csv; give one another filename",
        "EarlyStoping": "training.callbacks.0: unknown callback 'EarlyStoping'; did you mean EarlyStopping?",
        "{type: CSVLog, filename: ../x.csv}": "callbacks.0.filename: expected a name that ends in .csv",
    }.items():
        assert main(["check", "small.yaml", "--set", f"training.callbacks=[{callback}]"]) == 2
        assert problem in capsys.readouterr().err
    assert main(["list", "callbacks"]) == 0
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()} >= {"CSVLog", "EarlyStopping"}


def test_where_the_watched_score_is_undefined_in_every_epoch_the_last_weights_are_scored(
    folder: Path, capsys: Any
) -> None:
    # Caught here: evaluation.checkpoint is best, and no such checkpoint was ever saved.
    lines = Path("air.csv").read_text().splitlines()
    for row in range(140, 180):  # the validation part: a constant target, of which there is no R²
        when, _, rest = lines[row + 1].split(",", 2)
        lines[row + 1] = f"{when},50.0,{rest}"
    Path("air.csv").write_text("\n".join(lines) + "\n")
    assert main(["train", "small.yaml", "--set", PATIENT]) == 0
    said = capsys.readouterr()
    assert "no epoch is the best: validation_r2 is undefined in all of them; the last weights are scored" in said.err
    assert "model: the weights of epoch 2 (last)" in said.out
    found = json.loads(Path("runs/small-001/evaluation.json").read_text())
    assert (found["checkpoint"], found["epoch"]) == ("last", 2)
    assert main(["evaluate", "runs/small-001"]) == 0
    assert main(["predict", "runs/small-001"]) == 0
    assert main(["reproduce", "runs/small-001"]) == 0
    experiment = load_experiment("small.yaml", [PATIENT])
    assert train_in_memory(experiment, experiment.load_data()).epoch == 2
    (Path("runs/small-001") / "checkpoints/last/state.json").unlink()
    assert main(["evaluate", "runs/small-001"]) == 3


def test_a_best_checkpoint_that_was_removed_is_missed(folder: Path) -> None:
    assert main(["train", "small.yaml"]) == 0
    shutil.rmtree("runs/small-001/checkpoints/best")
    assert main(["evaluate", "runs/small-001"]) == 3


def test_the_best_weights_get_the_score_by_which_they_are_chosen_now(folder: Path) -> None:
    # Caught here: an R² that is compared with losses, so that the first loss below it is called better.
    run = early("run", "engine=numpy")
    n = len(scores(run))
    by_loss = "training.callbacks=[{type: EarlyStopping, patience: 2}]"
    assert main(["resume", "run", "--allow-changes", "--set", by_loss, "--set", "optimizer.learning_rate=1e-37"]) == 0
    losses = [json.loads(line)["validation_loss"] for line in (run.path / "log.jsonl").read_text().splitlines()]
    assert len(losses) == n + 3  # the first of them, and two that are no better
    state = json.loads((run.path / "checkpoints/best/state.json").read_bytes())
    assert (state["epoch"], state["validation_loss"], "score" in state) == (n - 2, min(losses), False)
    assert losses[n - 3] == min(losses)
    assert main(["resume", "run"]) == 0
    assert main(["evaluate", "run"]) == 0
