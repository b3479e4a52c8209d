"""A folder with a small experiment."""

from __future__ import annotations

from pathlib import Path

import pytest
from small import write_experiment


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with air.csv and small.yaml, which is the current one."""
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
