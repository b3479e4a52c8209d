"""Without numba there is nothing to test here; with pytest-xdist one process runs all of it.

A second process would compile the same kernels again before its first stack.
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("numba")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("compiled"))
