"""The verb compare with one process, and what it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from minidl.cli import main

Capture = pytest.CaptureFixture[str]


def compare(*arguments: str) -> int:
    return main(["compare", *arguments, "--jobs", "1"])


def result(name: str = "compare-001") -> Any:
    return json.loads(Path("runs", name, "comparison.json").read_text(encoding="utf-8"))


def records(name: str) -> dict[str, Any]:
    """Every record without its seconds, by file."""
    root = Path("runs", name, "runs")
    found = {}
    for path in sorted(root.rglob("*.json")):
        record = json.loads(path.read_text())["record"]
        record.pop("seconds")
        found[str(path.relative_to(root))] = record
    return found
