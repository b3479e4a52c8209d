"""The command line called in this process, in a folder with a small experiment."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cli, Outcome
from own_classes import OWN, PLUGIN
from small import write_experiment

import minidl.experiment  # noqa: F401  (files every kind in the registry)
from minidl import plotting
from minidl.cli import main
from minidl.core import registry
from minidl.files import plugins


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with air.csv and small.yaml, which is the current one."""
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where matplotlib is not installed; drawing is tested with the figures."""
    monkeypatch.setattr(plotting, "have_matplotlib", lambda: False)


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What plugins register is forgotten after the test."""
    before = {base: dict(entries) for base, (_, entries) in registry._KINDS.items()}
    modules = set(sys.modules)
    monkeypatch.setattr(registry, "_entry_points_loaded", True)
    monkeypatch.setattr(registry, "_entry_point_packages", set())
    monkeypatch.setattr(plugins, "_plugins", {})
    yield
    for base, (_, entries) in registry._KINDS.items():
        entries.clear()
        entries.update(before[base])
    for name in set(sys.modules) - modules:
        if name.startswith(("minidl_plugin_", "demo_plugin")):
            del sys.modules[name]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run one command line; no traceback is ever printed."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def trained(folder: Path, cli: Cli) -> Path:
    """A finished run of small.yaml."""
    assert cli("train", "small.yaml").code == 0
    return Path("runs/small-001")


@pytest.fixture
def own(folder: Path) -> Path:
    """own.yaml, and mine.py whose classes it names."""
    Path("mine.py").write_text(PLUGIN)
    Path("own.yaml").write_text(OWN)
    return folder
