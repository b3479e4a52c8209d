"""Every row of the table of faults with a few trials, and proofs that fail once their protection is gone.

In full: ``python -m tests.reliability.faults``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = re.findall(  # number, title, trials in full
    r'^@row\((\d+), "(.*)", full=(\w+)',
    "".join(path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("rows_*.py"))),
    re.MULTILINE,
)

# protection: the row that must notice its absence, with this many trials
SABOTAGES = {
    "atomic-folders": (1, 10),
    "manifest-last": (1, 15),
    "one-step-exchange": (1, 15),
    "sweeping": (1, 10),
    "fsync-of-files": (2, 1),
    "fsync-of-folders": (2, 1),
    "fsync-order": (2, 1),
    "generator-state": (3, 20),
    "optimizer-state": (3, 10),
    "schedule-state": (3, 15),
    "own-weights": (3, 25),
    "position": (3, 10),
    "carried-state": (3, 25),
    "log-rewinding": (3, 5),
    "checksums": (4, 200),
    "identity": (4, 5),
    "registry": (5, 1),
    "limits": (6, 1),
    "composer-limits": (7, 1),
    "suggestions": (8, 200),
    "places": (8, 100),
    "trial-write": (9, 1),
    "storage-errors": (9, 8),
    "signals": (10, 3),
    "signals-afterwards": (10, 12),
    "lock": (11, 4),
    "finite-check": (12, 24),
    "forward": (14, 20),
    "hash-order": (15, 2),
    "cells": (16, 1),
    "times": (16, 1),
    "parts": (21, 4),
    "poison": (21, 4),
    "pairing": (17, 1),
    "running-again": (17, 1),
    "cache-digest": (18, 60),
    "private-cache": (18, 60),
    "logistic": (21, 100),
    "saturation": (21, 300),
    "links": (18, 60),
    "plugins-of-the-start": (18, 100),
    "labels": (18, 150),
    "seals": (18, 150),
    "links-of-a-comparison": (18, 150),
    "ending-with-the-parent": (20, 2),
    "given-up-tasks": (20, 1),
    "hangup": (19, 23),
    "streams": (19, 12),
}


def faults(*arguments: str, timeout: float = 1800) -> tuple[int, str]:
    """Exit code and output of the runner."""
    command = [sys.executable, "-m", "tests.reliability.faults", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False, env=os.environ
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "number",
    # A worker that dies is killed in tests/comparison/test_dask.py, too.
    [
        pytest.param(number, marks=pytest.mark.slow if number == 17 else ())
        for number in sorted({int(number) for number, _, _ in ROWS})
    ],
)
def test_a_fault_does_no_harm(number: int) -> None:
    code, output = faults("--sample", "--row", str(number))
    print(output)
    assert code == 0, output


@pytest.mark.parametrize(("number", "title", "trials"), ROWS)
def test_the_table_in_the_docs_has_every_fault(number: str, title: str, trials: str) -> None:
    count = "all" if trials in ("1", "len") else f"{int(trials):,}"  # len: of a list of all
    assert f"| {number} | {title} | {count} |" in (ROOT / "docs/reliability.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_both_engines_agree_with_the_equations_on_two_thousand_random_stacks() -> None:
    code, output = faults("--row", "21", timeout=4 * 3600)
    print(output)
    assert code == 0, output
    assert re.search(r"engines that disagree.* 2400 trials", output), output  # every fifth once more


@pytest.mark.slow
@pytest.mark.parametrize("name", SABOTAGES)
def test_without_its_protection_a_fault_does_harm_and_is_reported(name: str) -> None:
    number, trials = SABOTAGES[name]
    if number == 14:
        pytest.importorskip("onnxruntime", reason="row 14 compares with onnxruntime, which is not installed")
    code, output = faults("--row", str(number), "--trials", str(trials), "--sabotage", name)
    assert code == 1, output
    assert re.search(rf"^ *{number} .* [1-9]\d* failures", output, re.MULTILINE), output
