"""Runs of a small experiment, and what they leave."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from minidl.experiment import Experiment, load_experiment
from minidl.runs.run import Run
from minidl.training import Callback, EpochRecord, Trainer


def small(*overrides: str) -> Experiment:
    return load_experiment("small.yaml", overrides)


def trained(*overrides: str, callbacks: Any = ()) -> tuple[Run, list[EpochRecord]]:
    experiment = small(*overrides)
    run = Run.create(experiment)
    return run, run.train(experiment.load_data(), callbacks)


def log_lines(run: Run) -> list[dict[str, Any]]:
    """The log without its timings."""
    lines = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def weights(run: Run, checkpoint: str) -> dict[str, np.ndarray]:
    return load_file(run.path / "checkpoints" / checkpoint / "weights.safetensors")


class Keeping(Callback):
    """The weights after every epoch."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, np.ndarray]] = []

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        self.epochs.append({name: value.copy() for name, value in trainer.model.params.items()})
