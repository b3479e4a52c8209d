"""minidl train --dry-run: what it goes through, what it says, and that nothing is left."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from command_line import Cli

from minidl.compiled.kernel import silent
from minidl.core.errors import ConfigError, CorruptFileError
from minidl.losses import HalfMSE
from minidl.runs import dry_run
from minidl.runs.run import Run
from minidl.training import Trainer
from minidl.training.records import EpochRecord

CALLBACK = """\
from dataclasses import dataclass
from minidl.core.registry import register
from minidl.training import Callback

@register
@dataclass(eq=False)
class Remembers(Callback):
    def start(self):
        return {"n": 0.0}

    def on_checkpoint(self, trainer):
        trainer.memory_of(self)["m"] = 1.0
"""


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary ones are made."""
    place = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def test_two_steps_go_through_every_part_and_leave_nothing(
    cli: Cli, folder: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    step = Trainer.train_step
    monkeypatch.setattr(Trainer, "train_step", lambda self, batch: taken.append(len(batch.x)) or step(self, batch))
    before = set(folder.iterdir())
    outcome = cli("train", "small.yaml", "--dry-run", "--set", "seed=4", "--set", "engine=numpy")
    assert outcome.code == 0
    assert taken == [16, 16]
    assert [line.split(":")[0] for line in outcome.out.splitlines()[:6]] == [
        "engine",
        "training",
        "validation",
        "checkpoints",
        "scores",
        "figures",
    ]
    assert outcome.out.splitlines()[-1].endswith(
        "next, for 3 epochs: minidl train small.yaml --set seed=4 --set engine=numpy"
    )
    assert set(folder.iterdir()) == before
    assert not any(temporary.iterdir())


def test_the_long_series_of_truncated_backpropagation_stays_one(cli: Cli, folder: Path) -> None:
    # Caught here: chosen windows as separate sequences, which are shorter than bptt_steps.
    layers = "[{type: RecurrentLayer, hidden_size: 3}, {type: Dense, output_size: 1}]"
    long = ("--set", "training.bptt_steps=9", "--set", "training.batch_size=4", "--set", f"model.layers={layers}")
    outcome = cli("train", "small.yaml", "--dry-run", *long)
    assert outcome.code == 0, outcome.err
    assert "\ntraining: 3 steps, " in "\n" + outcome.out  # the last one takes what is left


def test_a_refit_of_a_long_series_is_looked_at(cli: Cli, folder: Path) -> None:
    # Caught here: a refit of the few examples, which are no stretch of a series.
    layers = "[{type: RecurrentLayer, hidden_size: 3}, {type: Dense, output_size: 1}]"
    long = ("--set", "training.bptt_steps=9", "--set", "training.batch_size=4", "--set", f"model.layers={layers}")
    outcome = cli("train", "small.yaml", "--dry-run", *long, "--set", "training.refit=true")
    assert outcome.code == 0, outcome.err
    assert "\nrefit: 174 windows, which are trained on as the others\n" in "\n" + outcome.out


def test_what_cannot_be_restored_is_found(cli: Cli, folder: Path, temporary: Path) -> None:
    Path("mine.py").write_text(CALLBACK)
    outcome = cli("train", "small.yaml", "--dry-run", "--plugin", "mine.py", "--set", "training.callbacks=[Remembers]")
    assert outcome.code == 2
    message = "Remembers: what it remembers must have the names that start() gives; m is not among them."
    assert outcome.err.splitlines()[-1].endswith(message)
    assert not any(temporary.iterdir())


def test_what_cannot_be_restored_fails(
    cli: Cli, folder: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*given: object) -> None:
        raise CorruptFileError("not to be restored")

    monkeypatch.setattr(dry_run, "restore_trainer", refused)
    outcome = cli("train", "small.yaml", "--dry-run")
    assert (outcome.code, outcome.out.splitlines()[-1].split(":")[0]) == (3, "validation")
    assert "not to be restored" in outcome.err
    assert not any(temporary.iterdir())


def test_numbers_that_break_have_their_exit_code(
    cli: Cli, folder: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HalfMSE, "value_and_gradient", lambda self, y, *_: (float("nan"), y))
    outcome = cli("train", "small.yaml", "--dry-run")
    assert outcome.code == 5
    assert "epoch 1, step" in outcome.err
    assert not any(temporary.iterdir())


@pytest.mark.parametrize("extra", [("--json",), ("--run-dir", "out")])
def test_what_a_dry_run_does_not_leave_cannot_be_asked_for(cli: Cli, folder: Path, extra: tuple[str, ...]) -> None:
    outcome = cli("train", "small.yaml", "--dry-run", *extra)
    assert outcome.code == 2
    assert outcome.line == f"minidl train: --dry-run leaves no run and no scores; leave out {extra[0]}."


def test_the_engine_is_that_of_the_whole_training(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Caught here: two steps are too short a training to be compiled, so that the compiled engine was never tried.
    asked = []
    chosen = dry_run.engine_line

    def noted(trainer: Trainer, *arguments: object) -> str:
        asked.append(trainer.settings.epochs)
        return chosen(trainer, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(dry_run, "engine_line", noted)
    assert cli("train", "small.yaml", "--dry-run").code == 0
    assert asked == [3]


@pytest.mark.parametrize("line", ["compiled", "numpy: so it is"])
def test_the_two_steps_are_taken_by_the_engine_of_the_whole_training(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    # Caught here: an engine that is asked for, named and not used.
    taken = []

    def noted(made: Run, *_: object) -> None:
        taken.append((made.experiment.engine, made.notify is not silent))
        raise ConfigError("enough")

    monkeypatch.setattr(dry_run, "engine_line", lambda *_: line)
    monkeypatch.setattr(Run, "train", noted)
    outcome = cli("train", "small.yaml", "--dry-run")
    compiled = line == "compiled"  # whose own line says when the compiler takes time
    assert (outcome.code, taken) == (2, [(line.split(":")[0], compiled)])
    assert outcome.out == ("" if compiled else f"engine: {line}\n")


def test_what_is_said_of_validation() -> None:
    # Catches "none" for an experiment that has validation examples.
    record = EpochRecord(1, 2, 0.5, 0.25, {"mae": 0.125}, 0.1, 1.0)
    assert dry_run._validated(record) == "validation: loss 0.25, mae 0.125"
    assert dry_run._validated(EpochRecord(1, 2, 0.5, None, None, 0.1, 1.0)) == "validation: none"
