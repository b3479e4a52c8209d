"""Compiled code on disk: read by the next process, safe with many, and never trusted when damaged."""

from __future__ import annotations

import hashlib
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest

numba = pytest.importorskip("numba")

from minidl.compiled import cache  # noqa: E402
from minidl.compiled.stack_lines import GeneratedFunction  # noqa: E402

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


def start(folder: Path | str, code: str = PREDICT, **environment: str) -> subprocess.Popen[str]:
    env = {**os.environ, "MINIDL_CACHE": str(folder), "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True, env=env)


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


def test_a_process_that_reads_does_not_load_the_compiler(filled):
    folder, _ = filled  # much of its start would be numba's tables for the compiler; catches a refresh of them
    asked = "import sys; print([name in sys.modules for name in ('numba.np.linalg', 'numba.np.arrayobj')])"
    assert output(start(folder, PREDICT + asked)) == "0\n[False, False]\n"


def lines_of_a_new_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is told when a process that has compiled nothing yet wants a small function, which must work."""
    monkeypatch.setenv("MINIDL_CACHE", str(folder))
    monkeypatch.setattr(cache, "_loaded", {})
    lines: list[str] = []
    source = GeneratedFunction("def half(x):\n    return x / 2\n", {}, [], 0, [])
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
    assert line.startswith("the compiled model is not kept for the next time, nor read from there: ")


class Touched:
    """Whatever is done with it by a pickle shows in a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def forge(folder, path):
    """Put a pickle that makes a file into the place of a compiled function, with a good checksum."""
    content = pickle.dumps(Touched(folder / "it ran"))
    path.write_bytes(hashlib.sha256(path.stem.encode() + content).digest() + content)


def made(tmp_path, monkeypatch):
    """A cache folder with one forged file, which would run if it were read."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    assert len(lines_of_a_new_start(folder, monkeypatch)) == 1
    (path,) = folder.glob("*.bin")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    forge(tmp_path, path)
    return folder, path


def linked_folder(folder, path):
    folder.rename(folder.parent / "elsewhere")
    folder.symlink_to(folder.parent / "elsewhere")


def linked_file(folder, path):
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def pipe(folder, path):
    path.unlink()
    os.mkfifo(path)


def folder_for_a_file(folder, path):
    path.unlink()
    path.mkdir()


WAYS = {
    "may be written by the group": (lambda f, p: f.chmod(0o770), "cache can be written to by others"),
    "may be written by all": (lambda f, p: f.chmod(0o707), "cache can be written to by others"),
    "sticky for all": (lambda f, p: f.chmod(0o1777), "cache can be written to by others"),
    "file for the group": (lambda f, p: p.chmod(0o620), ".bin: can be written to by others"),
    "file for all": (lambda f, p: p.chmod(0o602), ".bin: can be written to by others"),
    "parent for all": (
        lambda f, p: f.parent.chmod(0o777),
        "above it, can be written to by others, who could put another one in its place",
    ),
    "linked folder": (linked_folder, "cache is a symbolic link"),
    "linked file": (linked_file, ".bin: a symbolic link"),
    "pipe": (pipe, "not a regular file"),
    "folder for a file": (folder_for_a_file, "not a regular file"),
}


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
@pytest.mark.parametrize("way", WAYS)
def test_what_somebody_else_could_have_written_is_not_read_and_nothing_is_written_there(tmp_path, monkeypatch, way):
    folder, path = made(tmp_path, monkeypatch)
    change, problem = WAYS[way]
    change(folder, path)
    before = sorted((p.name, p.lstat().st_mode, p.lstat().st_mtime_ns) for p in folder.iterdir())
    compiling, line = lines_of_a_new_start(folder, monkeypatch)
    assert compiling.startswith("compiling")
    assert problem.rstrip(".") in line
    assert not (tmp_path / "it ran").exists()
    assert sorted((p.name, p.lstat().st_mode, p.lstat().st_mtime_ns) for p in folder.iterdir()) == before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("what", ["folder", "file", "parent"])
def test_what_belongs_to_somebody_else_is_not_read(tmp_path, monkeypatch, what):
    folder, path = made(tmp_path, monkeypatch)
    os.chown({"folder": folder, "file": path, "parent": tmp_path}[what], 12345, -1)
    _, line = lines_of_a_new_start(folder, monkeypatch)
    assert "belongs to user 12345" in line
    assert not (tmp_path / "it ran").exists()


def test_a_forged_file_would_run_if_it_were_read(tmp_path, monkeypatch):
    # The tests above would notice: nothing but who could have written it keeps it from being loaded.
    folder, _ = made(tmp_path, monkeypatch)
    lines_of_a_new_start(folder, monkeypatch)
    assert (tmp_path / "it ran").exists()


@pytest.mark.parametrize("name", ["MINIDL_CACHE", "XDG_CACHE_HOME"])
def test_a_path_that_is_not_absolute_is_not_used(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINIDL_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv(name, "some/cache")
    monkeypatch.setattr(cache, "_loaded", {})
    lines = []
    assert cache.compiled(
        GeneratedFunction("def half(x):\n    return x / 2\n", {}, [], 0, []), (numba.float64,), lines.append
    )
    assert f"{name} is some/cache, which is not an absolute path" in lines[1]
    assert not list(tmp_path.iterdir())


def test_a_tilde_in_the_variable_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("MINIDL_CACHE", "~/cache")
    assert cache.folder() == Path.home() / "cache"


def test_the_cache_is_where_the_platform_keeps_caches(monkeypatch):
    monkeypatch.delenv("MINIDL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache.folder() == Path("/caches/minidl")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert cache.folder() == Path("/local/minidl")
