"""What machine code depends on besides its source: the processor, and the settings of numba.

numba itself is not imported: a run records these whatever engine it gets.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from pathlib import Path
from typing import Any

from minidl.compiled.jit import numba_installed

# Settings that name folders, threads, tools or what is printed; all others may change the code.
_HARMLESS = re.compile(
    r"(NUMBA_)?(.*(CACHE|THREAD|COLOR|WARN|DUMP|TRACE|CUDA|GDB|HTML|HELP|PROFIL|TIMINGS|STATS|DIAGNOSTICS).*"
    r"|DEBUG_PRINT.*|ANNOTATE|DIFF_IR|CHROME.*|DEVELOPER_MODE|JIT_COVERAGE)"
)
_CONFIG_FILE = ".numba_config.yaml"  # numba reads it in the current folder
_MAX_CONFIG = 1 << 20


@functools.cache
def processor() -> tuple[str, str]:
    """Name and features of the processor, as LLVM sees them."""
    import llvmlite.binding

    return llvmlite.binding.get_host_cpu_name(), llvmlite.binding.get_host_cpu_features().flatten()


def code_settings() -> dict[str, str] | None:
    """What of this machine and process decides about compiled code, by name; None: numba is not installed.

    Settings of numba are those of the environment's ``NUMBA_...`` variables and of its
    file in the current folder.
    """
    if not numba_installed():
        return None
    from importlib.metadata import version

    name, features = processor()
    found = {"llvmlite": version("llvmlite"), "processor model": name, "processor features": _digest(features.encode())}
    found |= {key: value for key, value in sorted(os.environ.items()) if key.startswith("NUMBA_") and _matters(key)}
    config = Path(_CONFIG_FILE)
    if os.path.lexists(config):
        from minidl.files.reading import read_given

        found[_CONFIG_FILE] = _digest(read_given(config, _MAX_CONFIG))
    return found


def setting_values(config: Any) -> list[str]:
    """``NAME=value`` for every setting in numba's config module that may change the code."""
    plain = (bool, int, float, str, tuple, type(None))
    return [
        f"{name}={value!r}"
        for name, value in sorted(vars(config).items())
        if name.isupper() and not name.startswith("_") and isinstance(value, plain) and _matters(name)
    ]


def _matters(name: str) -> bool:
    return _HARMLESS.fullmatch(name) is None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
