"""Layer checks without the one that starts a process."""

from __future__ import annotations

import pytest

from minidl.testing.fresh_process import CHILD


@pytest.fixture
def no_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the one check that starts a process, a third of a second each."""
    monkeypatch.setenv(CHILD, "")
