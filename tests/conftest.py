"""Settings that all tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from minidl.compiled.jit import numba_installed
from minidl.core import registry

# The same examples in every run: a red suite is red again when it is looked at.
# No deadline and no check for slowness: nothing here measures time. No database: a run leaves no files behind.
settings.register_profile(
    "minidl",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("minidl")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled code is shared within a test run, and never with the user's own cache.

    Hundreds of tests start processes of their own, which are to find the library's bytecode, whatever the shell says.

    The compiler runs in the tests' own processes, where functions that several stacks share are compiled once.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all workers
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIDL_CACHE", str(folder / "compiled"))
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        if numba_installed():
            patch.setattr("minidl.compiled.cache.compiled_apart", lambda *arguments: None)
        yield


@pytest.fixture(autouse=True)
def _forget_what_a_test_registers() -> Iterator[None]:
    """Whatever the order of the tests: classes and plugins that one registers are unknown to the next."""
    before = {base: set(entries) for base, (_, entries) in registry._KINDS.items()}
    modules = set(sys.modules)
    yield
    for base, (_, entries) in registry._KINDS.items():
        for name in set(entries) - before.get(base, set(entries)):
            if not entries[name].__module__.startswith("minidl."):
                del entries[name]
    for name in set(sys.modules) - modules:
        if name.startswith("minidl_plugin_"):
            del sys.modules[name]
