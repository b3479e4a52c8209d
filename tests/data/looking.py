"""A table that is looked at, for tests."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from minidl.data.tables.looking import Findings, look_at

DAYS = [datetime(2014, 1, 25) + timedelta(days=i) for i in range(8)]  # more than 12: no month


def look(folder: Path, content: str | bytes, target: str = "y", time_format: str | None = None) -> Findings:
    path = folder / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return look_at(path, target, time_format)


def keys(found: Findings) -> dict[str, Any]:
    return {key: value for key, value in found.keys.items() if key != "path"}


def rows(times: list[str], delimiter: str = ",", name: str = "when") -> str:
    lines = [f"{time}{delimiter}{i}{i % 3}" for i, time in enumerate(times, 1)]
    return "\n".join([f"{name}{delimiter}y", *lines]) + "\n"
