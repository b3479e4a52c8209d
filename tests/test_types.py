"""What a type checker sees of the library from outside: pyright finds it, and knows the types of its public names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import minidl

PYRIGHT = pytest.importorskip("pyright", reason="the dev extra has it")
LEAST = 0.95

USE = """
import numpy as np

import minidl
from minidl import Adam, Dense, HalfMSE, LastStep, Layer, LSTMLayer, Sequential, fit

model = Sequential([LSTMLayer(4), LastStep(), Dense(1)])
reveal_type(model)
reveal_type(model[0])
reveal_type(model[:2])
reveal_type(model.save)
reveal_type(minidl.load)
reveal_type(minidl.load("model")[0])
history = fit(model, np.ones((9, 5, 2)), [0.0] * 9, loss=HalfMSE(), optimizer=Adam(0.01))
reveal_type(history[0].train_loss)
layer: Layer = Dense("wide")


class Mine(Layer):
    def forward(self, x, ctx=minidl.INFERENCE):
        return x / 2, x

    def backward(self, dy, x):
        return dy / 2, {}
"""
REVEALED = [
    "Sequential",
    "Layer",
    "Sequential",
    "(path: str | PurePath) -> None",
    "(path: str | PurePath) -> Container",
    "Layer",
    "float",
]


def pyright(folder: Path, *arguments: str) -> dict[str, Any]:
    """What pyright says, as JSON, run from a folder that is no part of the checkout."""
    paths = [os.path.dirname(sys.executable), os.environ.get("PATH", "")]
    here = str(Path(minidl.__file__).parents[1])
    env = {**os.environ, "PATH": os.pathsep.join(paths), "VIRTUAL_ENV": sys.prefix, "PYTHONPATH": here}
    command = [sys.executable, "-m", "pyright", "--outputjson", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr  # 1: something was found
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_pyright_finds_the_library_and_its_types(tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(USE, encoding="utf-8")
    found = [(note["severity"], note["message"]) for note in pyright(tmp_path, "use.py")["generalDiagnostics"]]
    revealed = [text.split(' is "', 1)[1][:-1] for severity, text in found if severity == "information"]
    errors = [text for severity, text in found if severity == "error"]
    assert revealed == REVEALED
    assert len(errors) == 1
    assert '"Literal[\'wide\']" is not assignable to "int"' in errors[0].replace("\xa0", " ")


@pytest.mark.slow
def test_the_types_of_public_names_are_known(tmp_path: Path) -> None:
    found = pyright(tmp_path, "--verifytypes", "minidl", "--ignoreexternal")["typeCompleteness"]
    assert found["pyTypedPath"].endswith("py.typed")
    unknown = [symbol["name"] for symbol in found["symbols"] if symbol["isExported"] and not symbol["isTypeKnown"]]
    assert found["completenessScore"] >= LEAST, f"{found['completenessScore']:.1%} known; not: {', '.join(unknown)}"
