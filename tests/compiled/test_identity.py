"""Two functions that could compute something else never have one name in the cache."""

from __future__ import annotations

import subprocess
import sys
import types

import numba
import numpy as np
import pytest

from minidl import Dense, Sequential
from minidl.compiled import identity as module
from minidl.compiled import machine
from minidl.compiled.generated import predict_function
from minidl.compiled.identity import identity, key_of
from minidl.compiled.jit import jit
from minidl.compiled.layout import layout_of


@pytest.fixture(scope="module")
def source():
    model = Sequential([Dense(2)])
    model.build((3, 4), 0, "float64")
    return predict_function(model, layout_of(model, (3, 4), 8, "float64"))


def key(source):
    return key_of(source, (numba.float64,))


def test_the_types_of_the_arguments_count(source):
    assert key_of(source, (numba.float32,)) != key(source)


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (numba, "__version__", "0.0"),
        (module, "__version__", "0.0"),
        (module, "processor", lambda: ("another", "+avx")),
        (module, "package_hash", lambda: "changed"),
        (sys, "version", "2.7"),
        (numba.config, "CPU_NAME", "generic"),
        (numba.config, "CPU_FEATURES", "+sse2"),
        (numba.config, "OPT", 0),
        (numba.config, "LOOP_VECTORIZE", 0),
        (numba.config, "SLP_VECTORIZE", 1),
        (numba.config, "ENABLE_AVX", False),
        (numba.config, "BOUNDSCHECK", 1),
        (numba.config, "USING_SVML", True),
        (numba.config, "A_SETTING_OF_TOMORROW", 1),
    ],
    ids=[
        "numba",
        "minidl",
        "processor",
        "package",
        "python",
        "CPU_NAME",
        "CPU_FEATURES",
        "OPT",
        "LOOP_VECTORIZE",
        "SLP_VECTORIZE",
        "ENABLE_AVX",
        "BOUNDSCHECK",
        "USING_SVML",
        "unknown",
    ],
)
def test_versions_the_processor_and_every_setting_that_changes_code_count(source, monkeypatch, owner, name, value):
    before = key(source)
    monkeypatch.setattr(owner, name, value, raising=False)
    assert key(source) != before


@pytest.mark.parametrize("name", ["CACHE_DIR", "NUMBA_NUM_THREADS", "DUMP_IR", "COLOR_SCHEME", "CUDA_DRIVER"])
def test_settings_that_change_nothing_do_not_count(source, monkeypatch, name):
    before = key(source)
    monkeypatch.setattr(numba.config, name, "another")
    assert key(source) == before


def closure(value):
    return jit(lambda a: a * value)


settings = types.ModuleType("settings")


def of_a_module(value):
    function = lambda a: a * settings.ALPHA  # noqa: E731
    settings.ALPHA = value
    return identity(function)


def nested(text):
    names = {}
    exec(f"def outer(a):\n    def inner(b):\n        return b {text}\n    return inner(a)\n", names)
    return identity(names["outer"])


CASES = {
    "an int": lambda n: identity(closure(n)),
    "a float32 number": lambda n: identity(closure(np.float32(n))),
    "a large array": lambda n: identity(closure(np.append(np.zeros(5000), n)[::-1].copy() if n else np.zeros(5001))),
    "an array in a tuple": lambda n: identity(closure((1, np.array([n])))),
    "the type of an array": lambda n: identity(closure(np.zeros(2, f"f{4 * n}"))),
    "a constant of a module": of_a_module,
    "a function within": lambda n: nested(f"+ {n}"),
    "an operation within": lambda n: nested("+ a" if n == 1 else "- a"),
    "another function": lambda n: identity(closure(jit(lambda a: a + n))),
    "how it is compiled": lambda n: identity(numba.njit(fastmath=n == 1)(abs_of)),
    "a default": lambda n: identity(lambda a, b=n: a + b),
}


def abs_of(a):
    return abs(a)


@pytest.mark.parametrize("what", CASES)
def test_what_a_kernel_reaches_counts(what):
    make = CASES[what]
    assert make(1) == make(1) != make(2)


def test_what_cannot_be_looked_into_is_never_the_same_in_another_process():
    text = identity(closure(object()))
    assert module._THIS_PROCESS in text
    code = "from minidl.compiled.identity import _THIS_PROCESS as p; print(p)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert other.strip() != module._THIS_PROCESS


def test_settings_are_recorded_without_numba_being_imported(tmp_path):
    (tmp_path / ".numba_config.yaml").write_text("opt: 0\n")
    code = (
        "import sys, os; os.environ.update(NUMBA_CPU_NAME='generic', NUMBA_CACHE_DIR='x');"
        "from minidl.compiled.machine import code_settings as s; "
        "print(sorted(s()), s()['NUMBA_CPU_NAME'], 'numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == (
        "['.numba_config.yaml', 'NUMBA_CPU_NAME', 'llvmlite', 'processor features', 'processor model'] generic False\n"
    )


def test_without_numba_there_is_nothing_to_record(monkeypatch):
    monkeypatch.setattr(machine, "numba_installed", lambda: False)
    assert machine.code_settings() is None


def test_the_library_s_own_kernels_have_the_same_names_in_every_process():
    from minidl import MSE, Adam, LastStep, RecurrentLayer, SigmoidActivation
    from minidl.compiled.generated import train_function
    from minidl.compiled.kernel import kernel_of

    model = Sequential([RecurrentLayer(3, activation=SigmoidActivation()), LastStep(), Dense(1, bias=False)])
    model.build((3, 4), 0, "float64")
    steps = layout_of(model, (3, 4), 8, "float64")
    names = train_function(model, steps, (1, 1), kernel_of(MSE()), kernel_of(Adam()), 3).names
    assert not [name for name, value in names.items() if module._THIS_PROCESS in identity(value)]
