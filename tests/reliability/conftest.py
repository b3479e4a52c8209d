"""A finished run, once trained and copied for each test."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from small import write_experiment

from minidl.experiment import load_experiment
from minidl.runs.run import Run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an experiment and a run that has finished."""
    folder = tmp_path_factory.mktemp("trained")
    write_experiment(folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        experiment = load_experiment("small.yaml", ["engine=numpy", "optimizer={type: Adam}"])
        run = Run.create(experiment, Path("run"))
        splits = experiment.load_data()
        run.train(splits)
        run.evaluate(splits)
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in the current folder."""
    monkeypatch.setattr("minidl.plotting.have_matplotlib", lambda: False)
    shutil.copytree(trained, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return Path("run")
