"""A search that is killed (SIGKILL), again and again, at moments of no choice of its own: the trials are the same."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from searching import Capture, search, trials

pytest.importorskip("optuna", reason="Optuna is not installed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
TRIALS = "13"


def killed_after(lines: int, *arguments: str) -> int:
    """Search in a process of its own, killed when it has told of so many trials; what it ends with."""
    command = [sys.executable, "-m", "minidl", "search", *arguments, "--jobs", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            lines -= f"/{TRIALS}  " in line
            if not lines:
                process.kill()
        return process.wait()


@pytest.mark.parametrize("again", [(), pytest.param((4, 3), marks=pytest.mark.slow)], ids=["once", "three times"])
def test_a_search_that_is_killed_has_the_trials_of_one_that_was_not(
    again: tuple[int, ...], folder: Path, capsys: Capture
) -> None:
    assert search("small.yaml", "--trials", TRIALS) == 0
    whole = trials(capsys)
    assert killed_after(2, "small.yaml", "--trials", TRIALS) == -signal.SIGKILL
    done = [len(list_of_trials())]
    for lines in again:
        assert killed_after(lines, "--resume", "runs/search-002") == -signal.SIGKILL
        done.append(len(list_of_trials()))
    assert done[0] >= 1
    assert done == sorted(set(done))
    assert done[-1] < len(whole)
    assert not Path("runs/search-002/best.yaml").exists()
    assert search("--resume", "runs/search-002") == 0
    assert trials(capsys, "search-002") == whole
    assert Path("runs/search-002/best.yaml").read_bytes() == Path("runs/search-001/best.yaml").read_bytes()


def list_of_trials() -> list[int]:
    """The numbers of the trials in the database of the search that is killed, by SQLite itself."""

    with closing(sqlite3.connect("file:runs/search-002/study.db?mode=ro", uri=True)) as database:
        return [number for (number,) in database.execute("SELECT number FROM trials WHERE state != 'RUNNING'")]
