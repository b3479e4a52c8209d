"""minidl new cell: what it writes is a working cell, and its test passes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Cli

pytestmark = pytest.mark.usefixtures("room")


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_cell_passes_its_own_test_and_every_check(cli: Cli, room: Path) -> None:
    outcome = cli("new", "cell", "my_unit")
    assert (outcome.code, outcome.err) == (0, "")
    command = "minidl check-layer my_unit.py:MyUnit --args '{hidden_size: 4}'"
    assert outcome.out == f"my_unit.py and test_my_unit.py: written; next: {command}\n"
    outcome = cli("check-layer", "my_unit.py:MyUnit", "--args", "{hidden_size: 4}")
    assert (outcome.code, outcome.out.splitlines()[-1]) == (0, "all checks passed")
    assert "c_t = σ(f_t) ⊙ c_{t-1} + (1 - σ(f_t)) ⊙ tanh(g_t)" in cli("equations", "my_unit.py:MyUnit").out
    own = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    done = subprocess.run(own, cwd=room, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1][:9]) == (0, "2 passed "), done.stdout
    text = Path("my_unit.py").read_text()
    Path("my_unit.py").write_text(text.replace("(1 - keep)", "keep"))
    done = subprocess.run(own, cwd=room, capture_output=True, text=True, timeout=300, check=False)
    assert "1 failed, 1 passed" in done.stdout


def test_it_never_overwrites(cli: Cli, room: Path) -> None:
    Path("test_mine.py").write_text("mine")
    outcome = cli("new", "cell", "mine")
    assert (outcome.code, outcome.line) == (2, "minidl new: test_mine.py: exists already; choose another name.")
    assert [path.read_text() for path in room.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a-b"], "NAME: expected the name of a Python module, such as my_cell, got 'a-b'."),
        (["../up"], "NAME: expected the name of a Python module"),
        (["class"], "NAME: expected the name of a Python module"),
        (["gRULayer"], "NAME: there is a layer GRULayer already; choose another name."),
        (["numpy"], "NAME: there is a module numpy already; choose another name."),
        (["mine", "--task", "Label"], "--task: only an experiment has one."),
    ],
)
def test_names_that_cannot_be_are_refused(cli: Cli, room: Path, arguments: list[str], message: str) -> None:
    outcome = cli("new", "cell", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.line.startswith(f"minidl new: {message}")
    assert list(room.iterdir()) == []
