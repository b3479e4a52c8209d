"""Whole commands, imports, and the machine's limits."""

from __future__ import annotations

import itertools
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import BATCH, Case

LIBRARIES = ("minidl", "numpy", "numba", "llvmlite", "torch", "jax", "keras", "onnxruntime")


def machine() -> dict[str, Any]:
    """What was measured on, and with what."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), cpu)
    return {"cpu": cpu, "cpus": os.cpu_count(), "platform": platform.platform(), "versions": versions,
            "python": platform.python_version(), "load": os.getloadavg()}  # fmt: skip


def peak(dtype: str) -> dict[str, float]:
    """The largest speed of a matrix product in operations a second, and seconds of NumPy's tanh for one number."""
    rng = np.random.default_rng(0)
    best = 0.0
    for n in (256, 512):
        a, b = (rng.normal(size=(n, n)).astype(dtype) for _ in range(2))
        out = np.empty_like(a)
        best = max(best, 2 * n**3 / _best(lambda a=a, b=b, out=out: np.dot(a, b, out=out)))
    x = rng.normal(size=6144).astype(dtype)
    y = np.empty_like(x)
    return {"operations": best, "tanh": _best(lambda: np.tanh(x, y)) / x.size}


def _best(call: Any) -> float:
    times = []
    for _ in range(30):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)


# Seconds of one tanh of the rational approximations, measured in a compiled loop (see docs/engine.md).
TANH = {"float32": 0.25e-9, "float64": 1.0e-9}


def limit(case: Case, operations: float) -> float:
    """Seconds of a step at the peak of matrix products, and its tanh calls."""
    total, rows = 0.0, BATCH * case.time
    sizes = (case.features, *case.hidden)
    for i, (a, b) in enumerate(itertools.pairwise(sizes)):
        # forward a·b and b·b, gradients the same again, dh by b·b, dx by a·b except in the first layer
        total += 2 * rows * (2 * (a * b + b * b) + b * b + (a * b if i else 0))
    return total / operations + rows * sum(case.hidden) * TANH[case.dtype]


def command(*arguments: str, repeat: int = 3) -> dict[str, Any]:
    """Median seconds of a whole command in an empty folder; a first, unmeasured call fills the caches."""
    times = []
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    for i in range(repeat + 1):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                return {"error": (done.stderr.strip().splitlines() or ["failed"])[-1]}
            if i:
                times.append(time.perf_counter() - started)
    return {"seconds": statistics.median(times), "all": times}


def commands(compare: bool) -> dict[str, dict[str, Any]]:
    """The whole textbook training, help, and imports."""
    result = {
        "python -c pass": command("-c", "pass", repeat=7),
        "import numpy": command("-c", "import numpy", repeat=7),
        "import minidl": command("-c", "import minidl", repeat=7),
        "minidl --help": command("-m", "minidl", "--help", repeat=7),
        "minidl train pm25_single": command("-m", "minidl", "train", "pm25_single"),
        "minidl train pm25_deep": command("-m", "minidl", "train", "pm25_deep"),
    }
    if compare:
        words = ("-m", "minidl", "compare", "pm25_single", "pm25_deep", "--seeds", "30")
        result["minidl compare --seeds 30"] = command(*words, repeat=1)
    return result
