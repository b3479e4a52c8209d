"""The compiler in a process of its own, and what happens where there cannot be one."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import time

import pytest

numba = pytest.importorskip("numba")

from minidl.compiled import cache, compiling, identity  # noqa: E402
from minidl.compiled.jit import jit, registered  # noqa: E402
from minidl.compiled.kernel import silent  # noqa: E402
from minidl.compiled.stack_lines import GeneratedFunction  # noqa: E402

TEXT = "def answer(a):\n    return plus_one(a) * 2\n"
SIGNATURE = (numba.types.int64,)


@jit
def plus_one(a):
    return a + 1


class Sleep:
    """Sleeps for ten minutes where it is unpickled."""

    def __reduce__(self):
        return time.sleep, (600,)


@pytest.fixture
def here(monkeypatch, tmp_path):
    """How often this process compiled; the cache is empty."""
    monkeypatch.setenv("MINIDL_CACHE", str(tmp_path / "cache"))
    compiled = []
    original = type(plus_one).compile

    def compile(self, signature):
        compiled.append(self.py_func.__name__)
        return original(self, signature)

    monkeypatch.setattr(type(plus_one), "compile", compile)
    monkeypatch.setattr(cache, "compiled_apart", compiling.compiled_apart)
    return compiled


def compiled_function(text=TEXT):
    source = GeneratedFunction(text, {"plus_one": plus_one}, [], 0, [])
    return cache.compiled(source, SIGNATURE, silent)


def test_compiles_apart(here):
    assert compiled_function("def apart(a):\n    return plus_one(a) * 2\n")(20) == 42
    assert here == []


@pytest.mark.parametrize("program", [None, "no such program", "false"], ids=["none", "missing", "fails"])
def test_compiles_here_where_no_other_process_can(here, monkeypatch, program):
    monkeypatch.setattr(sys, "executable", program)
    assert compiled_function(f"def here(a):\n    return plus_one(a) * 2  # {program}\n")(20) == 42
    assert "here" in here


def long_function(step):
    """Too long to become a part of what calls it; all of them have one name."""
    lines = [f"    total += (a % {k} + {step}) // {k}" for k in range(3, 80)]
    known = {"__name__": registered("minidl_long").__name__}
    exec("\n".join(["def long(a):", "    total = 0", *lines, "    return total"]), known)
    return known["long"]


def test_functions_of_one_name_from_two_processes_are_told_apart(here):
    # In machine code that was loaded before, a function of the same name was called in place of the own one.
    for step in (1, 2, 3):
        function = long_function(step)
        source = GeneratedFunction(
            f"def twin{step}(a):\n    return long(a) + long(a + 1)\n", {"long": jit(function)}, [], 0, []
        )
        assert cache.compiled(source, SIGNATURE, silent)(20) == function(20) + function(21)


def test_no_two_processes_that_compile_in_place_number_functions_alike(here, monkeypatch):
    # What one of them has compiled before shifts its numbers, so those of a key would be of other functions.
    first_numbers = []
    monkeypatch.setattr(cache, "compiled_apart", lambda *arguments: None)
    monkeypatch.setattr(cache, "number_functions", first_numbers.append)
    monkeypatch.setattr(cache, "read", lambda key: None)
    for _ in range(2):
        monkeypatch.setattr(cache, "_loaded", {})
        assert compiled_function("def in_place(a):\n    return plus_one(a) * 2\n")(20) == 42
    assert len(set(first_numbers)) == 2


def test_compiles_here_what_cannot_be_sent(here):
    names = {"plus_one": plus_one, "lock": threading.Lock()}
    assert compiling.compiled_apart(TEXT, names, SIGNATURE, "unsendable") is None


def test_compiles_here_for_settings_of_this_process(monkeypatch):
    names = {"plus_one": plus_one}
    assert compiling.compiled_apart(TEXT, names, SIGNATURE, "same")
    monkeypatch.setattr(compiling, "surroundings", lambda: [*identity.surroundings(), "changed"])
    assert compiling.compiled_apart(TEXT, names, SIGNATURE, "changed") is None


def test_runs_nothing_from_the_folder_it_is_started_in(monkeypatch, tmp_path):
    for name in ("numba", "pickle", "minidl"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('planted')\n")
    monkeypatch.chdir(tmp_path)
    assert compiling.compiled_apart(TEXT, {"plus_one": plus_one}, SIGNATURE, "folder")


def test_ends_with_its_parent():
    start = [sys.executable, "-c", compiling._START, *sys.path]
    with subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        task = pickle.dumps(Sleep())
        process.stdin.write(len(task).to_bytes(8, "big") + task)
        process.stdin.close()
        assert process.wait(timeout=120) == 1
        assert process.stdout.read() == b""
