"""Row 21: wrong numbers in silence; here, what comes later and leaks into what comes before, from the file on."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from minidl.comparison.leaks import find_leaks
from minidl.comparison.trials import digest_of, train_in_memory
from minidl.data import CSVSeries, MinMaxScaler, Table
from minidl.experiment import Experiment, load_experiment
from tests.reliability.harness import Outcome, row

CONFIG = """\
dtype: float64
data:
  series: {type: CSVSeries, path: FILE, target: y, features: [y, z, w], time: t, gaps: interpolate,
           categories: {w: {calm: 0, north: 1}}}
  time_steps: 4
  test_size: TEST
  validation: VALIDATION
model:
  type: Sequential
  layers: [{type: RecurrentLayer, hidden_size: 2}, {type: LastStep}, {type: Dense, output_size: 1}]
optimizer: {type: Adam, learning_rate: 0.005}
training: {epochs: 1}
evaluation: {horizons: [3, 1], future_covariates: hold_last}
"""


@dataclass(frozen=True)
class Case:
    """A table as lines of cells, where its parts begin, and what validates."""

    rows: list[list[str]]
    border: int
    tail: int | None

    def experiment(self, name: str, rows: list[list[str]] | None = None) -> Experiment:
        """The experiment on these rows, or on others."""
        times = np.datetime64("2024-01-01T00:00") + np.arange(len(self.rows)) * np.timedelta64(30, "m")
        lines = [f"{time},{','.join(cells)}" for time, cells in zip(times, rows or self.rows, strict=True)]
        Path(f"{name}.csv").write_text("\n".join(["t,y,z,w", *lines, ""]), encoding="utf-8")
        validation = "null" if self.tail is None else f"{{type: TailValidation, size: {self.tail}}}"
        text = CONFIG.replace("FILE", f"{name}.csv").replace("TEST", str(len(self.rows) - self.border))
        Path(f"{name}.yaml").write_text(text.replace("VALIDATION", validation), encoding="utf-8")
        return load_experiment(f"{name}.yaml")


def a_case(rng: random.Random) -> Case:
    """Random rows; gaps of random length, one of them over the border of the test part."""
    n, border = rng.randint(60, 120), rng.randint(30, 45)
    rows = [cells(rng) for _ in range(n)]
    starts = [border - rng.randint(1, 5), *(rng.randrange(n) for _ in range(rng.randrange(4)))]
    for start in starts:
        column = rng.randrange(2)
        for cells_of_row in rows[start : start + rng.randint(6, 12)]:
            cells_of_row[column] = ""
    for known in (0, 5, border - 6):  # something is known, a label of each part that is learned from
        rows[known] = cells(rng)
    return Case(rows, border, rng.choice([None, rng.randint(11, 15)]))


def cells(rng: random.Random) -> list[str]:
    return [f"{rng.gauss(10, 3):.3f}", f"{rng.gauss(-5, 20):.2f}", rng.choice(["calm", "north"])]


def digests(experiment: Experiment) -> dict[str, str]:
    """Of all that must not know the test part."""
    splits = experiment.load_data()
    windows = splits.train.gather(slice(None))
    found = {
        "scale": digest_of({"offset": splits.scale.offset, "range": splits.scale.range}),
        "training windows": digest_of({"x": windows.x, "y": windows.target}),
    }
    train_in_memory(experiment, splits)
    return {**found, "weights": digest_of(experiment.model.params)}


def other_rows(case: Case, rng: random.Random) -> list[list[str]]:
    """The same rows before the test part, others from there on: numbers of another size, other gaps."""
    later = []
    for _ in case.rows[case.border :]:
        y, z, w = cells(rng)
        later.append(["" if rng.random() < 0.2 else f"{50 * float(y)}", "" if rng.random() < 0.2 else z, w])
    return [*case.rows[: case.border], *later]


class Standardised(CSVSeries):
    """Subtracts means over the whole file before anybody divides it."""

    def read(self, path: Path | None = None) -> Table:
        table = super().read(path)
        return replace(table, values=table.values - table.values.mean(axis=0))


class FilledAtOnce(CSVSeries):
    """Fills the whole file, and does not say where the gaps were."""

    def read(self, path: Path | None = None) -> Table:
        return replace(super().read(path), gaps=None)


def leaky_series(kind: type[CSVSeries]) -> Callable[[Experiment], None]:
    def plant(experiment: Experiment) -> None:
        arguments: dict[str, Any] = experiment.data.series.to_config()
        arguments.pop("type", None)
        experiment.data.series = kind(**arguments)

    return plant


def scaler_of_all(experiment: Experiment) -> None:
    experiment.data.scaler = MinMaxScaler(fit_on="all")


PLANTS: dict[str, Callable[[Experiment], None]] = {
    "a series that standardises the whole file": leaky_series(Standardised),
    "a series that fills the whole file": leaky_series(FilledAtOnce),
    "a scaler fitted on all rows": scaler_of_all,
}


@row(21, "what comes later leaks through gaps or scaling", full=200, sample=8)
def leaks(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Random tables with gaps over borders: nothing before depends on what follows; planted leaks are found."""
    for _ in range(trials):
        case = a_case(rng)
        one, two = digests(case.experiment("one")), digests(case.experiment("two", other_rows(case, rng)))
        differ = [name for name in one if one[name] != two[name]]
        outcome.check(not differ, f"the test part changes {', '.join(differ)} (border {case.border}, {case.tail})")
        found = find_leaks(case.experiment("one"))
        outcome.check(not found.leaks and found.from_file, f"no leak was planted, but: {found.leaks}")
        name, plant = rng.choice(list(PLANTS.items()))
        experiment = case.experiment("one")
        plant(experiment)
        outcome.check(bool(find_leaks(experiment).leaks), f"not found: {name} (border {case.border})")
