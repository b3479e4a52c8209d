"""Experiments in a process that trains many: made from plain values, and their data read once."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minidl.config import construct
from minidl.data import Categories, Series, Table
from minidl.experiment import Experiment


def experiment_of(config: Mapping[str, Any], seed: int) -> Experiment:
    """The experiment of a resolved config, with this seed, its model built."""
    experiment: Experiment = construct(Experiment, {**config, "seed": seed})
    experiment.build_model()
    return experiment


class OnlyTable(Series):
    """A series that was read already, and stands in for it."""

    def __init__(self, table: Table) -> None:
        self.table = table

    @property
    def feature_names(self) -> tuple[str, ...]:
        return self.table.feature_names

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(self.table.feature_names[target.column] for target in self.table.targets)

    @property
    def known_categories(self) -> Categories:
        return self.table.categories

    def read(self, path: Path | None = None) -> Table:
        return self.table


def load_parts(experiment: Experiment) -> Any:
    """As `Experiment.load_data`, but a process reads a series only once."""
    series = getattr(experiment.data, "series", None)
    if isinstance(series, Series):
        described = json.dumps({"type": type(series).__name__, **series.to_config()})
        experiment.data.series = OnlyTable(_table(described, _stamp(series)))  # type: ignore[attr-defined]
    return experiment.load_data()


def _stamp(series: Series) -> tuple[str, int, int, int] | None:
    """What tells a series' file from another one of that name, or from what it held before; None without a file."""
    path = getattr(series, "path", None)
    try:
        found = Path(str(path)).stat()
    except (OSError, ValueError):
        return None
    return str(Path(str(path)).absolute()), found.st_ino, found.st_size, found.st_mtime_ns


@functools.lru_cache(maxsize=4)
def _table(described: str, stamp: tuple[str, int, int, int] | None) -> Table:
    """The table of a series; the last few stay in memory, for as long as their files are the same."""
    series: Series = construct(Series, json.loads(described))
    return series.read()
