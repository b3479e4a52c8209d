"""On what a run was computed: recorded with it, and compared before it goes on."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from threadpoolctl import threadpool_info

from minidl._version import __version__

RECORDED = ("numpy", "PyYAML", "msgspec", "safetensors", "threadpoolctl")
# What may change the last bits of a result; the rest is recorded for the reader.
DECISIVE = ("minidl", "python", "numpy", "numba", "processor", "blas")


def environment(plugins: Sequence[str], threads: int = 1) -> dict[str, Any]:
    """Versions, BLAS, machine and command line as JSON values; `threads` are those of BLAS while training."""
    from importlib.metadata import version  # slow to import, and --help must be quick

    blas = [
        {key: info.get(key) for key in ("internal_api", "version", "architecture", "num_threads")}
        for info in threadpool_info()
        if info.get("user_api") == "blas"
    ]
    return {
        "minidl": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in RECORDED},
        "numba": version("numba") if find_spec("numba") else None,
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cpus": os.cpu_count(),
        "blas": blas,
        "blas_threads_while_training": threads,
        "plugins": list(plugins),
        "command": sys.argv,
    }


def plugins_of(recorded: bytes) -> str:
    """The --plugin arguments that a run's environment.json recorded, or ``a --plugin`` if there were none."""
    found = json.loads(recorded).get("plugins") or []
    return " ".join(f"--plugin {path}" for path in found) or "a --plugin"


def environment_changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One line for each difference that can change a result."""
    lines = []
    for key in DECISIVE:
        before, after = _shown(then.get(key)), _shown(now.get(key))
        if before != after:
            lines.append(f"{key}: {before} when the run was saved, {after} now")
    return lines


def _shown(value: Any) -> str:
    if isinstance(value, list):  # of BLAS libraries; how many threads they could use does not matter, we use one
        parts = [item for item in value if isinstance(item, dict)]
        keys = ("internal_api", "version", "architecture")
        return "; ".join(sorted(" ".join(str(part.get(key)) for key in keys) for part in parts))
    return str(value)[:60]
