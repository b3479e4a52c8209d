"""training.refit: once more on training and validation examples, for the number of epochs that was best."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import write_experiment

from minidl import ConfigError
from minidl.cli import main
from minidl.comparison.trials import train_in_memory
from minidl.data import ArraySequences, Sequences, Windows
from minidl.data.sequence_splits import FractionSplit
from minidl.experiment import load_experiment
from minidl.runs.resuming import resume
from minidl.runs.run import Run
from minidl.training import Arrays
from minidl.training.selection import joined, spread_examples

# Ends after epoch 6; epoch 5 is the best, and E* = 5 is neither the last one nor all of them.
REFIT = ["training.refit=true", "training.epochs=20", "training.callbacks=[{type: EarlyStopping, patience: 1}]"]
BEST = 5


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("minidl.plotting.have_matplotlib", lambda: False)
    return tmp_path


def refitted(name: str, *overrides: str, stop_at: int = 10**9) -> Run:
    experiment = load_experiment("small.yaml", [*REFIT, *overrides])
    run, calls = Run.create(experiment, Path(name)), iter(range(1, 10**6))
    run.train(experiment.load_data(), should_stop=lambda: next(calls) >= stop_at)
    return run


def weights(run: Run, name: str = "refit") -> bytes:
    return (run.path / "checkpoints" / name / "weights.safetensors").read_bytes()


def test_the_weights_are_those_of_a_training_without_validation_that_is_as_long(folder: Path) -> None:
    run = refitted("run")
    assert run.load_weights()["epoch"] == run.load_weights("best")["epoch"] == BEST
    plain = ["data.validation=null", "evaluation.checkpoint=last", f"training.epochs={BEST}"]
    experiment = load_experiment("small.yaml", plain)
    other = Run.create(experiment, Path("plain"))
    other.train(experiment.load_data())
    assert weights(run) == weights(other, "last")
    assert weights(run) != weights(run, "best")


def test_the_test_part_plays_no_role(folder: Path) -> None:
    before = weights(refitted("before"))
    lines = Path("air.csv").read_text().splitlines()
    for row in range(180, 240):
        when, _, rest = lines[row + 1].split(",", 2)
        lines[row + 1] = f"{when},{row}.5,{rest}"
    Path("air.csv").write_text("\n".join(lines) + "\n")
    assert weights(refitted("after")) == before


def test_the_schedule_keeps_its_time(folder: Path) -> None:
    # Caught here: a cosine over the best number of epochs, which ends at 0 where the first training was half way.
    schedule = "training.schedule={type: Cosine, warmup_steps: 4}"
    shared = [schedule, "training.epochs=9", "optimizer.learning_rate=0.3"]
    run = refitted("run", *shared, "training.callbacks=[]")
    epoch = run.load_weights("best")["epoch"]
    assert epoch < 9
    settings = ["data.validation=null", "evaluation.checkpoint=last", *shared]
    experiment = load_experiment("small.yaml", settings)
    parts, trainer = experiment.load_data(), experiment.trainer()
    steps = epoch * -(-len(parts.train) // 16)
    trainer.should_stop = lambda: trainer.step >= steps
    trainer.run(parts.train)
    run.load_weights()
    for name, value in trainer.model.params.items():
        np.testing.assert_array_equal(value, run.experiment.model.params[name])


def test_a_run_that_is_stopped_anywhere_is_refitted_in_the_end(folder: Path, capsys: Any) -> None:
    whole = weights(refitted("whole"))
    steps = (BEST + 1) * 9  # of the first training
    for stop_at in (7, steps - 1, steps + 1, steps + 20):
        run = refitted(f"at-{stop_at}", stop_at=stop_at)
        assert not run.refitted
        assert main(["reproduce", str(run.path)]) == (3 if stop_at == 7 else 2)  # no log, or no refit
        assert main(["evaluate", str(run.path)]) == 3
        again = Run.open(run.path, unchanged=False)
        resume(again, again.experiment.load_data())
        assert weights(again) == whole, stop_at
    assert "its refit is not there; finish it with minidl resume" in capsys.readouterr().err
    assert main(["reproduce", "at-7"]) == 0


def test_a_training_that_goes_on_is_refitted_anew(folder: Path) -> None:
    run = refitted("run", "training.epochs=3", "training.callbacks=[]")
    before = weights(run)
    again = Run.open("run", unchanged=False, overrides=["training.epochs=5"])
    resume(again, again.experiment.load_data(), allow_changes=True)
    assert again.load_weights()["epoch"] == BEST
    assert weights(again) != before


def test_the_command_line_says_so_and_a_comparison_trains_the_same(folder: Path, capsys: Any) -> None:
    assert main(["train", "small.yaml", *(word for value in REFIT for word in ("--set", value))]) == 0
    said = capsys.readouterr()
    assert f"refit: training again on 174 training and validation windows, for {BEST} epochs" in said.err
    assert f"model: the weights of epoch {BEST} (refit)" in said.out
    found = json.loads(Path("runs/small-001/evaluation.json").read_text())
    assert (found["checkpoint"], found["epoch"]) == ("refit", BEST)
    experiment = load_experiment("small.yaml", REFIT)
    trained = train_in_memory(experiment, experiment.load_data())
    run = Run.open("runs/small-001")
    run.load_weights()
    assert trained.epoch == BEST
    for name, value in run.experiment.model.params.items():
        assert value.tobytes() == experiment.model.params[name].tobytes()


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            ["data.validation=null", "evaluation.checkpoint=last"],
            "training.refit: there is no validation part that could teach too; set data.validation.",
        ),
        (["training.schedule=ReduceOnPlateau"], "refit: the schedule watches validation_loss, which there is not in"),
    ],
)
def test_what_cannot_be_refitted_is_refused_at_load(folder: Path, overrides: list[str], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_experiment("small.yaml", ["training.refit=true", *overrides])
    assert line in str(caught.value)


def test_windows_of_both_parts_are_there_once_with_those_between_them() -> None:
    values = np.arange(40.0).reshape(20, 2)
    parts = [np.array(starts) for starts in ([0, 1, 2, 3], [8, 9], [7, 2, 3], [15])]
    tail, later, sample, far = (Windows(values, starts, 4, 0) for starts in parts)
    assert joined(tail, later).starts.tolist() == [*range(10)]  # type: ignore[attr-defined]
    assert joined(tail, sample).starts.tolist() == [*range(8)]  # type: ignore[attr-defined]
    assert joined(tail, far).starts.tolist() == [0, 1, 2, 3, 15]  # type: ignore[attr-defined]


@pytest.mark.parametrize("every_step", [False, True])
def test_sequences_of_both_parts_are_there_with_what_is_to_be_learned(every_step: bool) -> None:
    rng = np.random.default_rng(1)
    x = [rng.standard_normal((n, 2)) for n in (3, 5, 4, 6, 2, 3, 4, 5, 6, 2)]
    labels = np.arange(sum(map(len, x)) if every_step else len(x)) % 2
    data = Sequences(ArraySequences(x, np.zeros(len(x), int), labels=["a", "b"]), split=FractionSplit(0.2, 0.3))
    parts = data.load("float64", table=data.source.read(), labels=labels, every_step=every_step)
    assert parts.validation is not None
    both = joined(parts.train, parts.validation)
    assert len(both) == len(parts.train) + len(parts.validation) == 8
    for i in range(len(both)):
        part, k = (parts.train, i) if i < len(parts.train) else (parts.validation, i - len(parts.train))
        one, other = both.gather(np.array([i])), part.gather(np.array([k]))
        n = part.lengths[k]
        np.testing.assert_array_equal(one.x[:, :n], other.x[:, :n])
        np.testing.assert_array_equal(one.target, other.target)


def test_other_sources_cannot_be_joined() -> None:
    some = spread_examples(Arrays(np.zeros((3, 2)), np.zeros((3, 1))), 2)
    with pytest.raises(ConfigError, match=r"refit: Selection and Selection cannot be joined; expected Windows, Seq"):
        joined(some, some)


def test_arrays_of_both_parts_are_there_with_what_they_count_for() -> None:
    x, y = np.arange(24.0).reshape(4, 3, 2), np.arange(4.0)[:, None]
    parts = Arrays(x[:3], y[:3]), Arrays(x[3:], y[3:], [2], [[0.5, 1, 2]])
    both = joined(*parts)
    for found, expected in (
        (both.x, x),  # type: ignore[attr-defined]
        (both.y, y),  # type: ignore[attr-defined]
        (both.lengths, [3, 3, 3, 2]),  # type: ignore[attr-defined]
        (both.weight, [[1, 1, 1]] * 3 + [[0.5, 1, 2]]),  # type: ignore[attr-defined]
    ):
        np.testing.assert_array_equal(found, expected)
    assert joined(parts[0], parts[0]).weight is None  # type: ignore[attr-defined]
    mixed = joined(Arrays(x[:1], y[:1], weight=[3]), parts[1])
    np.testing.assert_array_equal(mixed.weight, [[3, 3, 3], [0.5, 1, 2]])  # type: ignore[attr-defined]
    message = r"refit: x of a training example has shape \(3, 2\), of a validation example \(2, 2\); expected the same,"
    with pytest.raises(ConfigError, match=message):
        joined(parts[0], Arrays(x[:, :2], y))
