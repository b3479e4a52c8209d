"""A table of several series in long form, sorted by time, for tests."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from minidl.data import CSVSeries, TailValidation, WindowData

LENGTHS = {"north": 60, "south": 50, "east": 70}  # in the order of the file: south's first rows come last
LEVELS = {"north": 10.0, "south": 5000.0, "east": 300.0}
END = date(2020, 5, 10)


def values_of(name: str) -> np.ndarray[Any, Any]:
    """(n, 2): sales and visits of a series; no two series have the same."""
    i = np.arange(LENGTHS[name])
    rng = np.random.default_rng(len(name) * 7 + LENGTHS[name])
    sales = LEVELS[name] * (1 + 0.2 * np.sin(2 * np.pi * i / 7) + 0.05 * rng.standard_normal(len(i)))
    return np.round(np.stack([sales, LEVELS[name] * rng.random(len(i))], axis=1), 3)


def lines(gap: tuple[str, int] | None = None) -> list[str]:
    """The rows of the file, sorted by date; `gap` is the name of a series and the row in it whose sales are missing."""
    found = []
    for name, n in LENGTHS.items():
        for i, (sales, visits) in enumerate(values_of(name)):
            cell = "" if gap == (name, i) else repr(float(sales))
            found.append(f"{END - timedelta(days=n - 1 - i)},{name},{cell},{float(visits)!r}")
    return sorted(found, key=lambda line: line[:10])


def write(folder: Path, rows: list[str]) -> Path:
    path = folder / "shops.csv"
    path.write_text("\n".join(["date,shop,sales,visits", *rows]) + "\n", encoding="utf-8")
    return path


def series(path: Path, **more: Any) -> CSVSeries:
    asked = {"target": "sales", "features": ["sales", "visits"], "time": "date", "series_by": "shop", **more}
    return CSVSeries(str(path), **asked)


def data(path: Path, **more: Any) -> WindowData:
    """Windows of 5 rows, 15 test rows and 12 validation rows of each series."""
    return WindowData(series(path, **more), time_steps=5, test_size=15, validation=TailValidation(12))
