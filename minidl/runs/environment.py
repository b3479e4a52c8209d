"""On what a run was computed: recorded with it, and compared before it goes on."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import PurePath
from typing import Any, TypedDict

from threadpoolctl import threadpool_info

from minidl._version import __version__
from minidl.compiled.machine import code_settings
from minidl.files.plugins import PluginRecord, plugin_records
from minidl.files.reading import convert_json, decode_json

RECORDED = ("numpy", "PyYAML", "msgspec", "safetensors", "threadpoolctl")
# What may change the last bits of a result; the rest is recorded for the reader.
DECISIVE = ("minidl", "python", "numpy", "numba", "processor", "blas", "compiled_code")
BLAS_KEYS = ("internal_api", "version", "architecture")


def environment(plugins: Sequence[str], threads: int = 1) -> dict[str, Any]:
    """Versions, BLAS, machine and command line as JSON values; `threads` are those of BLAS while training."""
    from importlib.metadata import version  # slow to import, and --help must be quick

    return {
        "minidl": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in RECORDED},
        "numba": version("numba") if find_spec("numba") else None,
        "compiled_code": code_settings(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cpus": os.cpu_count(),
        "blas": [
            {key: info.get(key) for key in (*BLAS_KEYS, "num_threads")}
            for info in threadpool_info()
            if info.get("user_api") == "blas" and not _of_scipy(str(info.get("filepath")))
        ],
        "blas_threads_while_training": threads,
        "plugins": plugin_records(plugins),
        "command": [word.encode("utf-8", "backslashreplace").decode() for word in sys.argv],  # JSON is Unicode
    }


def _of_scipy(library: str) -> bool:
    """Whether it is scipy's, which numba loads too: by its folder, as NumPy's may be called libscipy_openblas."""
    return any(folder.partition(".")[0] == "scipy" for folder in PurePath(library).parent.parts[-2:])


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


def environment_changes(
    then: Mapping[str, Any], now: Mapping[str, Any], engines: Sequence[str] = ("compiled",)
) -> list[str]:
    """One line for each difference that can change a result.

    Parameters
    ----------
    engines : those that computed it; what decides about compiled code counts for ``compiled`` alone.
    """
    differing = [(key, then.get(key), now.get(key)) for key in DECISIVE if key != "compiled_code"]
    if "compiled" in engines and "compiled_code" in then:
        before, after = (_settings(found.get("compiled_code")) for found in (then, now))
        names = [*before, *(name for name in after if name not in before)]
        differing += [(name, before.get(name, "not set"), after.get(name, "not set")) for name in names]
    shown = [(name, _shown(old), _shown(new)) for name, old, new in differing]
    return [f"{name}: {old} when the run was saved, {new} now" for name, old, new in shown if old != new]


def _settings(recorded: Any) -> Mapping[str, Any]:
    return recorded if isinstance(recorded, dict) else {}


def blas_words(library: Mapping[str, Any]) -> str:
    """What of a BLAS library may change the last bits."""
    return " ".join(str(library.get(key)) for key in BLAS_KEYS)


def _shown(value: Any) -> str:
    if isinstance(value, list):  # of BLAS libraries; how many threads they could use does not matter, we use one
        parts = [item for item in value if isinstance(item, dict)]
        return "; ".join(sorted(blas_words(part) for part in parts)) or "not known"
    return str(value)[:60]
