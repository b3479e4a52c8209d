"""The verb search on a small config, and what it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small import CONFIG, write_experiment

from minidl.cli import main

Capture = pytest.CaptureFixture[str]

SPACE = """\
engine: numpy
search:
  optimizer.learning_rate: {low: 1e-4, high: 1, log: true}
  model.layers.0.hidden_size: {low: 2, high: 6, step: 2}
"""


def write_search(folder: Path, space: str = SPACE) -> Path:
    return write_experiment(folder, CONFIG + space)


def search(*arguments: str, jobs: int = 1) -> int:
    return main(["search", *arguments, "--jobs", str(jobs)])


def trials(capsys: Capture, name: str = "search-001") -> list[dict[str, Any]]:
    """The trials of a finished search, without their seconds."""
    capsys.readouterr()
    assert search("--resume", f"runs/{name}", "--json") == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["trials"]
    for trial in found:
        trial.pop("seconds")
    return found
