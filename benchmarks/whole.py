"""Whole commands, imports, and what was measured on."""

from __future__ import annotations

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

LIBRARIES = ("minidl", "numpy", "numba", "llvmlite", "torch", "jax", "keras", "onnxruntime", "pandas", "pyarrow")


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
