"""Run a layer in a new Python process, from its config and saved weights alone.

Used by the layer checks: what a layer needs must stand in its arguments and
parameters, not in the process that made it.
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
from minidl.files.appending import write_new
from minidl.files.reading import decode_json, read_inside
from minidl.files.tensors import decode_tensors, encode_tensors, tensors_limit
from minidl.layer import Array, Layer, Shape
from minidl.registry import load_source


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
        }
        arrays = {**layer.params, "x": x}
        write_new(Path(folder, "in.safetensors"), encode_tensors(arrays, "in.safetensors"))
        write_new(Path(folder, "job.json"), json.dumps(job).encode())
        command = [sys.executable, "-W", "ignore", "-c", _CHILD, folder, json.dumps(sys.path)]
        env = {**os.environ, CHILD: "1"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=env)
        assert done.returncode == 0, "the new process failed: " + (done.stderr.strip().splitlines() or ["?"])[-1]
        return _read_arrays(folder, "out.safetensors")["y"]


# Set in the new process, which may run the user's whole script again to find the class.
CHILD = "MINIDL_FRESH_PROCESS"

_CHILD = """
import json, sys
sys.path[:] = json.loads(sys.argv[2])
from minidl.fresh_process import _child
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


def _read_arrays(folder: str, name: str) -> dict[str, Array]:
    return decode_tensors(read_inside(Path(folder), name, tensors_limit(None)), name)


def _child(folder: str) -> None:
    job = decode_json(read_inside(Path(folder), "job.json", 1 << 28), _Job, "job.json")
    modules = {name: load_source(name, file) for name, file in job.modules.items()}
    cls: Any = modules[job.module]
    for part in job.qualname.split("."):
        cls = getattr(cls, part)
    layer = construct(cls, job.config)
    arrays = _read_arrays(folder, "in.safetensors")
    x = arrays.pop("x")
    layer.build(tuple(job.input_shape), np.random.default_rng(99), x.dtype)
    layer.bind(arrays)
    write_new(Path(folder, "out.safetensors"), encode_tensors({"y": layer(x)}, "out.safetensors"))
