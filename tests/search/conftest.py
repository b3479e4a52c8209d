"""A folder with a small config to search, and one with a finished search of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from searching import search, write_search


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    if not request.node.get_closest_marker("figures"):
        monkeypatch.setattr("minidl.plotting.have_matplotlib", lambda: False)
    monkeypatch.chdir(tmp_path)
    write_search(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def _kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("searched")


@pytest.fixture
def made(folder: Path, _kept: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The folder of a search of four trials, made once."""
    if not (_kept / "runs").exists():
        assert search("small.yaml", "--trials", "4") == 0
        shutil.move("runs", _kept / "runs")
        capsys.readouterr()
    shutil.copytree(_kept / "runs", "runs")
    return Path("runs/search-001")
