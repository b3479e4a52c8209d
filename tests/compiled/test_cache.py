"""Compiled code on disk: read by the next process, safe with many, and never trusted when damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

numba = pytest.importorskip("numba")

from minidl.compiled import cache  # noqa: E402
from minidl.compiled.source import Source  # noqa: E402

PREDICT = """
import numpy as np
from minidl import Dense, Sequential
from minidl.compiled import predictor
model = Sequential([Dense(2)])
model.build((3, 4), 0, "float64")
x = np.ones((5, 3, 4))
lines = []
predict = predictor(model, lines.append)
assert np.allclose(predict(x), model(x), rtol=1e-12)
print(len(lines), *lines)
"""


def start(folder: Path | str, **environment: str) -> subprocess.Popen[str]:
    env = {**os.environ, "MINIDL_CACHE": str(folder), "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", PREDICT], stdout=pipe, stderr=pipe, text=True, env=env)


def output(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    return folder, output(start(folder))


def test_the_first_process_compiles_and_says_so_and_the_next_one_reads(filled):
    folder, first = filled
    assert first.startswith("1 compiling the model, once")
    assert output(start(folder)) == "0\n"
    assert sorted(path.suffix for path in folder.iterdir()) == [".bin", ".py"]


def lines_of_a_new_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is told when a process that has compiled nothing yet wants a small function, which must work."""
    monkeypatch.setenv("MINIDL_CACHE", str(folder))
    monkeypatch.setattr(cache, "_loaded", {})
    lines: list[str] = []
    source = Source("def half(x):\n    return x / 2\n", {}, [], 0, [])
    assert cache.compiled(source, (numba.float64,), lines.append)(3.0) == 1.5
    return lines


@pytest.mark.parametrize("damage", ["flipped", "empty"])
def test_a_damaged_file_is_compiled_anew_and_replaced(tmp_path, monkeypatch, damage):
    assert len(lines_of_a_new_start(tmp_path, monkeypatch)) == 1
    assert lines_of_a_new_start(tmp_path, monkeypatch) == []
    (path,) = tmp_path.glob("*.bin")
    flipped = bytearray(path.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    path.write_bytes({"flipped": bytes(flipped), "empty": b""}[damage])
    (line,) = lines_of_a_new_start(tmp_path, monkeypatch)
    assert line.startswith("compiling")
    assert lines_of_a_new_start(tmp_path, monkeypatch) == []


@pytest.mark.slow
def test_many_processes_may_start_at_once(tmp_path):
    processes = [start(tmp_path) for _ in range(3)]
    assert all(output(process).startswith("1 compiling") for process in processes)
    assert output(start(tmp_path)) == "0\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_written_costs_a_line_and_no_more(tmp_path, monkeypatch):
    file = tmp_path / "a file"
    file.write_text("")
    _, line = lines_of_a_new_start(file / "cache", monkeypatch)
    assert "the compiled model is not kept for the next time" in line


def test_another_version_of_numba_or_minidl_or_another_kernel_has_another_name(monkeypatch):
    from minidl import Dense, Sequential
    from minidl.compiled.plan import steps_of
    from minidl.compiled.source import predict_source

    model = Sequential([Dense(2)])
    model.build((3, 4), 0, "float64")
    source = predict_source(model, steps_of(model, (3, 4), 8, "float64"))
    signature = (numba.float64,)
    keys = [cache._key(source, signature), cache._key(source, (numba.float32,))]
    with monkeypatch.context() as patch:
        patch.setattr(numba, "__version__", "0.0")
        keys.append(cache._key(source, signature))
    with monkeypatch.context() as patch:
        patch.setattr(cache, "__version__", "0.0")
        keys.append(cache._key(source, signature))
    for number in (1, 2):
        source.names["forward0"] = numba.njit(lambda a, n=number: a + n)
        keys.append(cache._key(source, signature))
    assert len(set(keys)) == len(keys)
    assert keys[0] != keys[-1]


def test_the_cache_is_where_the_platform_keeps_caches(monkeypatch):
    monkeypatch.delenv("MINIDL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache.folder() == Path("/caches/minidl")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert cache.folder() == Path("/local/minidl")
