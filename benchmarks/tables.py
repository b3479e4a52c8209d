"""A training on a long CSV file: how much of it is reading, beside pandas, with the memory of all."""

from __future__ import annotations

import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROWS = (250_000, 500_000, 1_000_000, 2_000_000)
FEATURES = ("level", "flow", "wind", "rain")
# One epoch of a small net over all windows.
CONFIG = """\
model:
  type: Sequential
  layers: [{type: RecurrentLayer, hidden_size: 8}, LastStep, {type: Dense, output_size: 1}]
data:
  series: {type: CSVSeries, path: table.csv, target: level, features: [level, flow, wind, rain], time: time}
  time_steps: 24
loss: HalfMSE
optimizer: {type: Adam, learning_rate: 0.001}
training: {epochs: 1, batch_size: 256}
engine: compiled
"""
READ = {
    "minidl": (
        "from minidl.data import CSVSeries as S\n"
        "read = lambda: S('table.csv', 'level', ['level', 'flow', 'wind', 'rain'], 'time').read()"
    ),
    "pandas": "import pandas\nread = lambda: pandas.read_csv('table.csv', parse_dates=['time'])",
}
TIMED = "\nimport time\nstart = time.perf_counter()\nread()\nprint(time.perf_counter() - start)"


def tables(rounds: int) -> dict[str, dict[str, Any]]:
    """By number of rows: seconds of reading and of the whole command, its largest memory; medians of rounds in turn."""
    return {f"{rows:,}": _of(rows, rounds) for rows in ROWS}


def _of(rows: int, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder, "table.csv"), rows)
        Path(folder, "table.yaml").write_text(CONFIG, encoding="utf-8")
        train = ["-m", "minidl", "train", "table.yaml"]
        _run(folder, train)  # compiles
        found: dict[str, list[float]] = {"minidl": [], "pandas": [], "command": [], "MB": []}
        for _ in range(rounds):
            for name, text in READ.items():
                if importlib.util.find_spec(name):
                    found[name].append(float(_run(folder, ["-c", text + TIMED])[0]))
            started = time.perf_counter()
            found["MB"].append(_run(folder, train)[1] / 1e6)
            found["command"].append(time.perf_counter() - started)
        size = Path(folder, "table.csv").stat().st_size / 1e6
    return {"size": size, **{name: statistics.median(values) for name, values in found.items() if values}, "all": found}


def _write(path: Path, rows: int) -> None:
    """A table of a row a minute, numbers of two to four digits and one decimal."""
    rng = np.random.default_rng(0)
    times = np.datetime_as_string(np.datetime64("2019-01-01T00:00") + np.arange(rows), unit="m")
    values = np.abs(np.cumsum(rng.normal(0, 2, (rows, len(FEATURES))), axis=0)) % 1000 + 10
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(("time", *FEATURES)) + "\n")
        file.writelines(
            f"{t},{a:.1f},{b:.1f},{c:.1f},{d:.1f}\n" for t, (a, b, c, d) in zip(times, values.tolist(), strict=True)
        )


def _run(folder: str, arguments: list[str]) -> tuple[str, int]:
    """The last line that a process prints, and its largest memory in bytes."""
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        lines = process.stdout.read().strip().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)[:60]}: exit code {process.returncode}")
    return (lines or [""])[-1], usage.ru_maxrss * 1024
