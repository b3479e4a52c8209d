"""Run a layer in a new Python process, from its config and saved weights alone.

Used by the layer checks: what a layer needs must stand in its arguments and
parameters, not in the process that made it. A script is run again for the classes
that it defines: up to the check itself, where the new process has all that it needs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from minidl.config import construct
from minidl.core.layer import Array, Layer, Shape
from minidl.files.appending import write_new
from minidl.files.plugins import load_source
from minidl.files.reading import decode_json, read_inside
from minidl.files.tensors import decode_tensors, encode_tensors, tensors_limit


class NotFindableError(Exception):
    """A class that no other process can import: it stands inside a function or an interactive session."""


def output_in_fresh_process(layer: Layer, input_shape: Shape, x: Array) -> Array:
    """``layer(x)``, computed by a new process that is given config, weights and x.

    Raises
    ------
    AssertionError
        The process failed.
    NotFindableError
        The layer's class stands where no other process can find it.
    """
    cls = type(layer)
    modules = _modules(layer)
    if "<locals>" in cls.__qualname__ or not all(modules.values()):
        raise NotFindableError(f"{cls.__name__} is not defined at the top of a file, so no new process can find it")
    with tempfile.TemporaryDirectory() as folder:
        job = {
            "modules": modules,
            "module": cls.__module__,
            "qualname": cls.__qualname__,
            "config": layer.to_config(),
            "input_shape": input_shape,
            "argv": sys.argv,
        }
        arrays = {**layer.params, "x": x}
        write_new(Path(folder, "in.safetensors"), encode_tensors(arrays, "in.safetensors"))
        write_new(Path(folder, "job.json"), json.dumps(job).encode())
        command = [sys.executable, "-W", "ignore", "-c", _CHILD, folder, json.dumps(sys.path)]
        error = _error_of(command, {**os.environ, CHILD: folder})
        if error is None and Path(folder, _OUT).exists():
            return _read_arrays(folder, _OUT)["y"]
    script = Path(modules["__main__"]).name if "__main__" in modules else None
    again = f'{script} was run again to find the class (but not what is under if __name__ == "__main__":), and'
    raise AssertionError(f"{again if script else 'the new process'} {error or 'ended before it came to the class'}")


def answer_if_asked(layer: Layer) -> bool:
    """Whether this is a new process of a check; it ends here, with its answer, if it was started for this layer."""
    folder = os.environ.get(CHILD)
    if folder:
        job = _read_job(folder)
        config = json.loads(json.dumps(layer.to_config()))
        if (type(layer).__qualname__, config) == (job.qualname, job.config):
            _answer(folder, job, type(layer))
            raise SystemExit(0)
    return folder is not None


def _error_of(command: list[str], env: dict[str, str]) -> str | None:
    """How a process failed, in a line; None: it did not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, env=env)
    except subprocess.TimeoutExpired:
        return f"was not done after {_SECONDS} s"
    return "failed: " + (done.stderr.strip().splitlines() or ["?"])[-1] if done.returncode else None


# Names the folder of its job to the new process, which may run the user's script again to find the class.
CHILD = "MINIDL_FRESH_PROCESS"
_OUT = "out.safetensors"
_SECONDS = 120

_CHILD = """
import json, sys
sys.path[:] = json.loads(sys.argv[2])
from minidl.testing.fresh_process import _child
_child(sys.argv[1])
"""


def _modules(layer: Layer) -> dict[str, str]:
    """Name and source file of every module that a layer or one of its parts comes from."""
    found: dict[str, str] = {}

    def visit(part: object) -> None:
        if isinstance(part, (list, tuple)):
            for item in part:
                visit(item)
        elif isinstance(part, Layer):
            name = type(part).__module__
            found[name] = str(getattr(sys.modules.get(name), "__file__", None) or "")
            visit(list(vars(part).values()))

    visit(layer)
    return found


class _Job(msgspec.Struct):
    """What the new process is told."""

    modules: dict[str, str]
    qualname: str
    module: str
    config: dict[str, Any]
    input_shape: list[int]
    argv: list[str]  # for a script that reads them on its way to the class


def _read_arrays(folder: str, name: str) -> dict[str, Array]:
    return decode_tensors(read_inside(Path(folder), name, tensors_limit(None)), name)


def _read_job(folder: str) -> _Job:
    return decode_json(read_inside(Path(folder), "job.json", 1 << 28), _Job, "job.json")


def _child(folder: str) -> None:
    job = _read_job(folder)
    sys.argv[:] = job.argv
    modules = {name: load_source(name, file) for name, file in job.modules.items()}
    cls: Any = modules[job.module]
    for part in job.qualname.split("."):
        cls = getattr(cls, part)
    _answer(folder, job, cls)


def _answer(folder: str, job: _Job, cls: Any) -> None:
    """Build the layer anew, bind the saved parameters and write its output."""
    layer = construct(cls, job.config)
    arrays = _read_arrays(folder, "in.safetensors")
    x = arrays.pop("x")
    layer.build(tuple(job.input_shape), np.random.default_rng(99), x.dtype)
    layer.bind(arrays)
    write_new(Path(folder, _OUT), encode_tensors({"y": layer(x)}, _OUT))
