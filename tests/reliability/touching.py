"""Which tests touch which functions: a pytest plugin that notes it, and one that runs the tests of one function."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

PATIENCE = 3.0  # seconds of processors, as noted, that a test of another folder may take


class Noting:
    """Notes for every test which functions below a folder it calls, in this process, and how long it computes.

    Its seconds are those of processors, with the processes that it has waited for: on a busy machine they are no more.

    Parameters
    ----------
    root : of the sources; files are named relative to it.
    report : the JSON file that is written: {test: [seconds, {file: [names]}]}.
    """

    def __init__(self, root: Path, report: Path) -> None:
        self.root, self.report = f"{root}/", report
        self.calls: set[tuple[str, str]] = set()
        self.found: dict[str, Any] = {}
        self.failed: set[str] = set()

    def _trace(self, frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if code.co_filename.startswith(self.root):
            self.calls.add((code.co_filename, code.co_name))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Trace a test with its fixtures."""
        self.calls, before = set(), sum(os.times()[:4])
        sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.settrace(None)
        files: dict[str, list[str]] = {}
        for file, name in sorted(self.calls):
            files.setdefault(file.removeprefix(self.root), []).append(name)
        self.found[item.nodeid] = [round(sum(os.times()[:4]) - before, 2), files]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember which tests fail."""
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write the file; tests that fail without any mutant notice none."""
        found = {name: entry for name, entry in self.found.items() if name not in self.failed}
        self.report.write_text(json.dumps(found), encoding="utf-8")


class Beating:
    """Touches a file whenever a test begins, for whoever watches whether tests go on."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def pytest_runtest_logstart(self) -> None:
        """Another test."""
        self.file.touch()


class Chosen:
    """Runs these tests only, in this order."""

    def __init__(self, names: list[str]) -> None:
        self.order = {name: i for i, name in enumerate(names)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Drop and sort."""
        items[:] = sorted((item for item in items if item.nodeid in self.order), key=lambda i: self.order[i.nodeid])


def touching(noted: dict[str, Any], file: str, function: str) -> list[list[str]]:
    """The tests that call a function, the quickest first; of a module's own lines those that call anything in it.

    They come in groups, of which a mutant mostly needs the first only: the module's own
    tests, whatever they were seen to call, those of its folder, and all others but the slow
    ones: a mutant that only these would notice survives. What no test was seen to call, as
    it runs in other processes, has the tests of its folder and those that call anything in
    its module.
    """
    place = Path(file)
    groups: list[list[tuple[float, str]]] = [[], [], []]
    unseen = not any(function in files.get(file, ()) for _, files in noted.values())
    for name, (seconds, files) in noted.items():
        tests = Path(name.partition("::")[0])
        own = tests.stem.removeprefix("test_") in (place.stem, place.stem.rstrip("s"))
        near = tests.parent.name == place.parent.name
        if own or function in files.get(file, ()) or (unseen and (near or file in files)):
            group = 0 if own else 1 if near else 2
            if group < 2 or seconds <= PATIENCE:
                groups[group].append((seconds, name))
    return [[name for _, name in sorted(group)] for group in groups if group]
