"""On what a run was computed: recorded with it, and compared before it goes on."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, TypedDict

from threadpoolctl import threadpool_info

from minidl._version import __version__
from minidl.files.reading import convert_json, decode_json
from minidl.plugins import PluginRecord, plugin_records

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
        "plugins": plugin_records(plugins),
        "command": [word.encode("utf-8", "backslashreplace").decode() for word in sys.argv],  # JSON is Unicode
    }


class Recorded(TypedDict, total=False):
    """What is read of an environment.json; the rest is compared as it stands, or for people."""

    plugins: list[PluginRecord | str]
    resumed: list[dict[str, Any]]


def decode_environment(content: bytes, where: object) -> dict[str, Any]:
    """The content of an environment.json.

    Raises
    ------
    CorruptFileError
        It is of another shape.
    """
    found = decode_json(content, dict[str, Any], where)
    for part in (found, *convert_json(found, Recorded, where).get("resumed", [])):
        convert_json(part, Recorded, where)
    return found


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
