"""Compiled code of one test run is shared between its files, and never the user's own cache."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("numba")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    before = os.environ.get("MINIDL_CACHE")
    os.environ["MINIDL_CACHE"] = str(tmp_path_factory.mktemp("compiled"))
    yield
    if before is None:
        del os.environ["MINIDL_CACHE"]
    else:
        os.environ["MINIDL_CACHE"] = before
