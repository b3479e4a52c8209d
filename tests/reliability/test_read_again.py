"""What is written of a run can be read again, or is refused before training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import write_experiment

from minidl.cli import main
from minidl.core.errors import ConfigError, StorageError
from minidl.experiment import load_experiment
from minidl.runs.checkpoints import read_checkpoint, save_checkpoint


def test_the_names_of_thousands_of_layers_are_saved_and_read_again(tmp_path: Path) -> None:
    params = {f"0.{layer}.{name}": np.full(2, layer / 7) for layer in range(5000) for name in ("W_xh", "W_hh", "b_h")}
    save_checkpoint(tmp_path / "last", params, {})
    header = int.from_bytes((tmp_path / "last/weights.safetensors").read_bytes()[:8], "little")
    assert header > 1 << 20
    for expected in (None, params):
        found = read_checkpoint(tmp_path / "last", expected).weights
        assert all(found[name].tobytes() == value.tobytes() for name, value in params.items())


@pytest.mark.slow
def test_a_stack_of_thousands_of_layers_is_trained_and_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    many = "{type: Repeat, layer: {type: RecurrentLayer, hidden_size: 1}, times: 5000}"
    layers = f"model.layers=[{many}, LastStep, {{type: Dense, output_size: 1}}]"
    few = ["training.epochs=1", "training.batch_size=134", "engine=numpy"]
    settings = [part for setting in (layers, *few) for part in ("--set", setting)]
    assert main(["train", "small.yaml", *settings, "--run-dir", "run"]) == 0
    assert main(["evaluate", "run"]) == 0


def test_a_config_that_could_not_be_read_again_is_refused_before_training(tmp_path: Path, monkeypatch: Any) -> None:
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    layers = "{type: Dense, output_size: 2}, " * 40
    setting = f"model.layers=[{layers}LastStep, {{type: Dense, output_size: 1}}]"
    load_experiment("small.yaml", [setting])
    monkeypatch.setattr("minidl.config.nodes.MAX_NODES", 400)  # enough for what is written, not for all defaults
    with pytest.raises(ConfigError, match=r"^small: could not be read again from a run: .*more than 400 values"):
        load_experiment("small.yaml", [setting])
    assert not Path("runs").exists()


def test_a_checkpoint_with_more_names_than_can_be_read_is_not_written(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr("minidl.files.tensors.MAX_HEADER", 300)
    save_checkpoint(tmp_path / "last", {"a": np.zeros(2)}, {})
    with pytest.raises(StorageError, match=r"the names of 9 arrays take [\d,]+ bytes; at most 300 can be read again"):
        save_checkpoint(tmp_path / "last", {f"{n}": np.zeros(2) for n in range(9)}, {})
    assert list(read_checkpoint(tmp_path / "last").weights) == ["a"]
