from __future__ import annotations

from pathlib import Path

import pytest
from config_samples import SAMPLE_KINDS, Written

from minidl.core import registry


@pytest.fixture(autouse=True)
def sample_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let configs name the classes of config_samples during the test."""
    for base, entries in SAMPLE_KINDS.items():
        monkeypatch.setitem(registry._KINDS, base, entries)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Written:
    """Write files into an empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, text: str) -> str:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    return write
