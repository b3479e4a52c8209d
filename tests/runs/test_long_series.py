"""Runs with truncated backpropagation: resumed between two windows to the same bytes, and refused by place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from small import folder_content
from small_runs import log_lines

from minidl import ConfigError
from minidl.cli import main
from minidl.core.errors import CorruptFileError
from minidl.experiment import load_experiment
from minidl.runs.checkpoints import read_checkpoint
from minidl.runs.run import Run
from minidl.runs.state import restore_trainer

# 134 steps in 4 streams of 33 rows, windows of 5: 7 steps an epoch, the last one of 3 rows.
LONG = [
    "training.bptt_steps=5",
    "training.batch_size=4",
    "model.layers=[{type: LSTMLayer, hidden_size: 3, recurrent_dropout: 0.2}, {type: Repeat, times: 2, "
    "layer: {type: RecurrentLayer, hidden_size: 2}}, {type: Dense, output_size: 1}]",
]
STATES = {"0.0": (4, 3), "0.1": (4, 3), "1.0": (4, 2), "1.1": (4, 2)}


def stopped_at(step: int, *more: str) -> Run:
    experiment = load_experiment("small.yaml", [*LONG, *more])
    run = Run.create(experiment, Path("stopped"))
    calls = iter(range(1, 99))
    run.train(experiment.load_data(), should_stop=lambda: next(calls) == step)
    return run


def numbers(run: Run) -> dict[str, bytes]:
    content = folder_content(run.path / "checkpoints")
    return {name: value for name, value in content.items() if name.endswith(".safetensors")}


@pytest.mark.parametrize("step", [10, 13])
def test_a_run_that_was_stopped_between_two_windows_ends_with_the_bytes_of_one_that_was_not(
    folder: Path, step: int, capsys: Any
) -> None:
    experiment = load_experiment("small.yaml", LONG)
    whole = Run.create(experiment, Path("whole"))
    assert [record.step for record in whole.train(experiment.load_data())] == [7, 14, 21]
    stopped = stopped_at(step)
    saved = load_file(stopped.path / "checkpoints" / "last" / "carried.safetensors")
    assert {name: value.shape for name, value in saved.items()} == STATES
    assert main(["resume", "stopped"]) == 0
    last, wanted = (numbers(run) for run in (stopped, whole))
    for name, value in wanted.items():
        assert last[name] == value, name
    assert log_lines(stopped) == log_lines(whole)
    assert "last/carried.safetensors" not in last  # all streams have come to their end
    capsys.readouterr()
    assert main(["reproduce", "stopped"]) == 0
    assert "equal: 3 epochs" in capsys.readouterr().out


def test_a_run_whose_states_are_gone_or_others_does_not_go_on(folder: Path, capsys: Any) -> None:
    run = stopped_at(10)
    last = run.path / "checkpoints" / "last"
    carried = last / "carried.safetensors"
    content = carried.read_bytes()
    save_file({name: np.zeros(shape) for name, shape in STATES.items()}, carried)
    assert main(["resume", "stopped"]) == 3
    assert "carried.safetensors: damaged or changed" in capsys.readouterr().err
    carried.unlink()
    assert main(["resume", "stopped"]) == 3
    assert "carried.safetensors: missing" in capsys.readouterr().err
    carried.write_bytes(content)
    assert main(["resume", "stopped"]) == 0


def test_a_state_json_that_names_other_states_is_refused(folder: Path) -> None:
    run = stopped_at(10)
    saved = read_checkpoint(run.path / "checkpoints" / "last")
    assert saved.state["carried"] == [["0.0", "0.1"], ["1.0", "1.1"], None]
    saved.state["carried"] = [["0.0", "0.7"], ["1.0", "1.1"], None]
    with pytest.raises(CorruptFileError, match="not the state of a training: KeyError"):
        restore_trainer(run.experiment.trainer(), saved, [], Path("last"))


def test_other_settings_in_the_middle_of_an_epoch_are_refused_in_one_line(folder: Path, capsys: Any) -> None:
    stopped_at(10)
    assert main(["resume", "stopped", "--allow-changes", "--set", "training.batch_size=6"]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "begun" in line]
    assert "training: this epoch was begun with another batch_size or bptt_steps" in line


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            ["training.bptt_steps=5"],
            r"small.yaml:19:7: model.layers.1: LastStep 1 leaves no output at every step, where training.bptt_steps",
        ),
        (["training.bptt_steps=0"], r"training.bptt_steps: "),
    ],
)
def test_configs_that_do_not_go_with_it_are_refused_at_their_place(
    folder: Path, overrides: list[str], line: str
) -> None:
    with pytest.raises(ConfigError, match=line) as found:
        load_experiment("small.yaml", overrides)
    assert len(found.value.lines) == 1


def test_streams_shorter_than_a_window_are_refused_before_there_is_a_run(folder: Path, capsys: Any) -> None:
    arguments = [part for override in LONG for part in ("--set", override)]
    assert main(["train", "small.yaml", *arguments, "--set", "training.batch_size=64"]) == 2
    assert "training: 64 streams of a series of 139 rows have 2 rows each" in capsys.readouterr().err
    assert not Path("runs").exists()


def test_sequences_with_a_label_at_every_step_can_be_long_series_too(folder: Path, capsys: Any) -> None:
    arguments = ["training.bptt_steps=10", "training.epochs=2", "data.source.n_sequences=40"]
    arguments.append("model.layers.0={type: GRULayer, hidden_size: 4}")  # waves have different lengths
    assert main(["train", "waves_label", *(part for each in arguments for part in ("--set", each))]) == 0
    assert "left to NumPy" not in capsys.readouterr().err
    with open("runs/waves_label-001/log.jsonl", encoding="utf-8") as log:
        assert json.loads(log.readlines()[-1])["epoch"] == 2
