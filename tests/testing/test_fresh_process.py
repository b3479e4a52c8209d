"""check_layer in a script without a main guard: the script is run again up to the check, and no further."""

from __future__ import annotations

import subprocess
import sys

import pytest

from minidl.testing import fresh_process

LAYERS = """
import pathlib, sys
from minidl import INFERENCE, Layer, TanhActivation
from minidl.testing.checks import check_layer
class Double(Layer):
    def forward(self, x, ctx=INFERENCE):
        return 2 * x, None
    def backward(self, dy, cache):
        return 2 * dy, {}
class Same(Layer):
    def forward(self, x, ctx=INFERENCE):
        return x.copy(), None
    def backward(self, dy, cache):
        return dy.copy(), {}
"""


def run_script(folder, text, *arguments):
    """(exit code, what it printed, the last line of its errors)."""
    script = folder / "mine.py"
    script.write_text(LAYERS + text)
    done = subprocess.run(
        [sys.executable, script.name, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, ["", *done.stderr.splitlines()][-1]


def test_what_follows_the_check_runs_once_only(tmp_path):
    text = 'check_layer(Double(), (5, 3))\nopen("ran.txt", "a").write("x")\nprint("done")\n'
    assert run_script(tmp_path, text) == (0, "done\n", "")
    assert (tmp_path / "ran.txt").read_text() == "x"


def test_each_of_several_checks_gets_its_own_class(tmp_path):
    assert run_script(tmp_path, "check_layer(Double(), (5, 3))\ncheck_layer(Same(), (5, 3))\n") == (0, "", "")


def test_a_script_is_run_again_with_its_arguments(tmp_path):
    text = 'assert sys.argv[1:] == ["--size", "3"], sys.argv\ncheck_layer(Double(), (5, 3))\n'
    assert run_script(tmp_path, text, "--size", "3") == (0, "", "")


@pytest.mark.parametrize(
    ("before", "error"),
    [
        ('pathlib.Path("once").mkdir()', "failed: FileExistsError: "),
        ('if pathlib.Path("once").exists(): sys.exit(0)\npathlib.Path("once").mkdir()', "ended before it came to the"),
    ],
)
def test_a_script_that_cannot_run_twice_is_told_what_to_put_under_a_guard(tmp_path, before, error):
    code, _, line = run_script(tmp_path, f"{before}\ncheck_layer(Double(), (5, 3))\n")
    assert code == 1
    assert 'mine.py was run again to find the class (but not what is under if __name__ == "__main__":), and' in line
    assert error in line


def test_a_process_that_takes_too_long_is_said_in_a_few_words(monkeypatch):
    monkeypatch.setattr(fresh_process, "_SECONDS", 0.01)
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    assert fresh_process._error_of(command, {}) == "was not done after 0.01 s"
