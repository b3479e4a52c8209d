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

import numpy as np
from safetensors.numpy import load_file, save_file

from minidl.config import construct
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
            "sys_path": sys.path,
            "modules": modules,
            "class": [cls.__module__, cls.__qualname__],
            "config": layer.to_config(),
            "input_shape": input_shape,
            "folder": folder,
        }
        arrays = {**layer.params, "x": x}
        save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, Path(folder, "in.safetensors"))
        Path(folder, "job.json").write_text(json.dumps(job), encoding="utf-8")
        command = [sys.executable, "-W", "ignore", "-c", _CHILD, folder]
        env = {**os.environ, CHILD: "1"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=env)
        assert done.returncode == 0, "the new process failed: " + (done.stderr.strip().splitlines() or ["?"])[-1]
        return load_file(Path(folder, "out.safetensors"))["y"]


# Set in the new process, which may run the user's whole script again to find the class.
CHILD = "MINIDL_FRESH_PROCESS"

_CHILD = """
import json, sys, pathlib
job = json.loads(pathlib.Path(sys.argv[1], "job.json").read_text(encoding="utf-8"))
sys.path[:] = job["sys_path"]
from minidl.fresh_process import _child
_child(job)
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


def _child(job: dict[str, Any]) -> None:
    modules = {name: load_source(name, file) for name, file in job["modules"].items()}
    name, qualname = job["class"]
    cls: Any = modules[name]
    for part in str(qualname).split("."):
        cls = getattr(cls, part)
    layer = construct(cls, job["config"])
    folder = str(job["folder"])
    arrays = load_file(Path(folder, "in.safetensors"))
    x = arrays.pop("x")
    layer.build(tuple(job["input_shape"]), np.random.default_rng(99), x.dtype)
    layer.bind(arrays)
    save_file({"y": np.ascontiguousarray(layer(x))}, Path(folder, "out.safetensors"))
