"""Going on and reproducing through the command line: what is refused, and how. Row 3 of the faults compares bytes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from small import hourly_rows, write_csv, write_experiment

from minidl.cli import main
from minidl.experiment import load_experiment
from minidl.runs.run import Run


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of three epochs that was stopped in the second one."""
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("minidl.plotting.have_matplotlib", lambda: False)
    experiment = load_experiment("small.yaml", ["training.checkpoint_every={steps: 4}", "engine=numpy"])
    run = Run.create(experiment, Path("run"))
    calls = iter(range(1, 99))
    run.train(experiment.load_data(), should_stop=lambda: next(calls) == 14)
    return run.path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_stopped_run_goes_on_to_its_end_and_is_reproduced(stopped: Path, capsys: Any) -> None:
    assert main(["resume", str(stopped)]) == 0
    assert len((stopped / "log.jsonl").read_text().splitlines()) == 3
    assert (stopped / "evaluation.json").exists()
    capsys.readouterr()
    assert main(["reproduce", str(stopped)]) == 0
    assert "equal: 3 epochs" in capsys.readouterr().out


def test_a_run_that_drops_units_goes_on_with_the_draws_of_one_that_was_not_stopped(folder: Path) -> None:
    layers = (
        "{type: LSTMLayer, hidden_size: 3, recurrent_dropout: 0.3}, {type: Dropout, drop_rate: 0.3}, "
        "{type: GRULayer, hidden_size: 3, recurrent_dropout: 0.3}, "
        "{type: Dropout, drop_rate: 0.3, shared_over_time: true}, LastStep, {type: Dense, output_size: 1}"
    )
    experiment = load_experiment("small.yaml", [f"model.layers=[{layers}]", "training.checkpoint_every={steps: 4}"])
    whole = Run.create(experiment, Path("whole"))
    whole.train(experiment.load_data())
    stopped = Run.create(load_experiment(whole.path / "config.yaml"), Path("stopped"))
    calls = iter(range(1, 99))
    stopped.train(experiment.load_data(), should_stop=lambda: next(calls) == 14)
    last = "checkpoints/last/weights.safetensors"
    assert (stopped.path / last).read_bytes() != (whole.path / last).read_bytes()
    assert main(["resume", "stopped"]) == 0
    assert (stopped.path / last).read_bytes() == (whole.path / last).read_bytes()


def test_a_run_that_was_stopped_before_it_had_a_checkpoint_starts_anew(stopped: Path) -> None:
    # A terminal was closed, or the process killed, between the first files of a run and its first step.
    shutil.rmtree(stopped / "checkpoints")
    (stopped / "log.jsonl").unlink()
    assert main(["resume", str(stopped)]) == 0
    assert len((stopped / "log.jsonl").read_text().splitlines()) == 3


def test_a_run_that_starts_anew_takes_changes_only_if_told_to_and_keeps_them(stopped: Path, capsys: Any) -> None:
    shutil.rmtree(stopped / "checkpoints")
    shutil.copytree(stopped, stopped.with_name("edited"))
    more = ["resume", str(stopped), "--allow-changes", "--set", "training.epochs=4"]
    assert main(more) == 0
    assert Run.open(stopped).experiment.training.epochs == 4
    capsys.readouterr()
    assert main(["resume", str(stopped)]) == 0
    assert "all of its 4 epochs are done" in capsys.readouterr().err
    edit(stopped.with_name("edited") / "config.yaml", "batch_size: 16", "batch_size: 8")
    rows = hourly_rows()
    rows[7, 1] += 1
    write_csv("air.csv", rows)
    assert main(["resume", "edited"]) == 3
    error = capsys.readouterr().err
    first, _, others = error.partition("edited: config.yaml: was edited after the run was made")
    assert "edited: data:" not in first
    assert "edited: data: the values of the series are others" in others
    assert main(["resume", "edited", "--allow-changes"]) == 0
    assert Run.open("edited").experiment.training.batch_size == 8


def test_another_config_is_refused_by_key_unless_told_to_go_on(stopped: Path, capsys: Any) -> None:
    edit(stopped / "config.yaml", "batch_size: 16", "batch_size: 8")
    assert main(["resume", str(stopped)]) == 3
    error = capsys.readouterr().err
    assert "run: config.yaml: training.batch_size: 16 when the run was saved, 8 now" in error
    assert "--allow-changes" in error
    assert main(["resume", str(stopped), "--allow-changes"]) == 0
    assert Run.open(stopped).experiment.training.batch_size == 8


def test_set_needs_leave_to_change(stopped: Path, capsys: Any) -> None:
    assert main(["resume", str(stopped), "--set", "training.epochs=4"]) == 2
    assert main(["resume", str(stopped), "--set", "training.epochs=4", "--allow-changes"]) == 0
    assert len(Run.open(stopped).log()) == 4


def test_other_data_are_refused(stopped: Path, capsys: Any) -> None:
    rows = hourly_rows()
    rows[7, 1] += 1
    write_csv("air.csv", rows)
    assert main(["resume", str(stopped)]) == 3
    assert "data: the values of the series are others: 240 rows" in capsys.readouterr().err


def test_other_versions_are_refused_and_named(stopped: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidl.runs.environment.__version__", "99.0")
    assert main(["resume", str(stopped)]) == 3
    assert "run: minidl: 0." in capsys.readouterr().err


def test_the_checkpoint_before_is_taken_only_when_asked(stopped: Path, capsys: Any) -> None:
    weights = stopped / "checkpoints" / "last" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert main(["resume", str(stopped)]) == 3
    assert "last/weights.safetensors: damaged" in capsys.readouterr().err
    assert main(["resume", str(stopped), "--allow-fallback"]) == 0
    capsys.readouterr()
    assert main(["reproduce", str(stopped)]) == 0


def test_another_model_is_named_and_no_checkpoint_blamed(stopped: Path, capsys: Any) -> None:
    edit(stopped / "config.yaml", "hidden_size: 3", "hidden_size: 5")
    for more in ([], ["--allow-changes"], ["--allow-fallback"]):
        assert main(["resume", str(stopped), *more]) == 3
        *_, changed, last = capsys.readouterr().err.splitlines()
        assert changed.endswith("config.yaml: model.layers.0.hidden_size: 3 when the run was saved, 5 now")
        assert last.endswith("checkpoints/last has the weights of then; set this back.")


def test_a_changed_log_is_refused(stopped: Path, capsys: Any) -> None:
    edit(stopped / "log.jsonl", '"epoch": 1', '"epoch": 2')
    assert main(["resume", str(stopped)]) == 3
    assert "log.jsonl: damaged or changed since the checkpoint was saved" in capsys.readouterr().err


def test_a_run_that_has_not_finished_is_not_reproduced(stopped: Path, capsys: Any) -> None:
    assert main(["reproduce", str(stopped)]) == 2
    assert "1 of 3 epochs are there; finish it with minidl resume" in capsys.readouterr().err


def test_the_first_difference_is_told(stopped: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["resume", str(stopped)]) == 0
    rows = hourly_rows()
    rows[7, 0] += 1
    write_csv("air.csv", rows)
    capsys.readouterr()
    assert main(["reproduce", str(stopped), "--json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["first_difference"].startswith("log.jsonl:1: train_loss was ")
    assert "data: the values of the series are others" in printed.err


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("0", "expected `int` >= 1, got 0"),
        ("{steps: 0}", "steps: expected `int` >= 1, got 0"),
        ("{}", "expected"),
        ("{stps: 3}", "stps"),
        ("often", "expected `int | mapping`, got"),
    ],
)
def test_a_wrong_checkpoint_every_is_refused(stopped: Path, capsys: Any, value: str, message: str) -> None:
    assert main(["check", "small.yaml", "--set", f"training.checkpoint_every={value}"]) == 2
    captured = capsys.readouterr()
    assert message in captured.err + captured.out
