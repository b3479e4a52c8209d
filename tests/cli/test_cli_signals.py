"""Ctrl-C, SIGTERM and SIGHUP in a real process: saved, the stated exit code, and usable afterwards."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from command_line import Cli
from safetensors.numpy import load_file

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as on POSIX")
SIGNALS = [] if os.name == "nt" else [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]

# The second step waits until a signal is noted, which sets the system's own handlers, says so, and then does not end.
WAITING = """
import signal, sys, threading
from dataclasses import dataclass
from minidl import INFERENCE, Layer, register

steps = []

@register
@dataclass(eq=False)
class OwnWaiting(Layer):
    def forward(self, x, ctx=INFERENCE):
        steps.append(1)
        if ctx.training and len(steps) == 2:
            print("inside", file=sys.stderr, flush=True)
            for _ in range(50_000_000):  # not for ever, should the signal be lost
                if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
                    print("noted", file=sys.stderr, flush=True)
                    threading.Event().wait()
        return x, None
    def backward(self, dy, cache):
        return dy, {}
"""

SLOW = """
from dataclasses import dataclass
from minidl import register
from minidl.data import Series

@register
@dataclass(eq=False)
class SlowSeries(Series):
    @property
    def feature_names(self):
        return ("pm", "temp")
    def read(self, path=None):
        return open("pipe.csv").read()
"""


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """minidl in a process, and group of processes, that is gone afterwards."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "minidl", *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def training(*arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return started("train", "small.yaml", *arguments)


def wait_for(process: subprocess.Popen[str], start: str) -> None:
    """Read standard error up to a line that begins so."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if line.startswith(start):
            return
    raise AssertionError(f"no line {start!r} in {seen}")


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_ends_training_cleanly_and_the_weights_so_far_can_be_used(
    cli: Cli, folder: Path, number: signal.Signals, code: int
) -> None:
    # Far more epochs than pass until the signal, and yet an end, should it be lost.
    long = ["training.epochs=20000", "training.checkpoint_every=20000", "engine=numpy"]
    with training(*(argument for setting in long for argument in ("--set", setting))) as process:
        wait_for(process, "epoch     2/20000")
        process.send_signal(number)
        out, err = process.communicate(timeout=100)
    assert process.returncode == code
    assert out == ""
    assert "Traceback" not in err
    assert re.match(r"interrupted after \d+ epochs?; .*saved in runs/small-001/checkpoints", err.splitlines()[-1])
    assert err.endswith("; go on with: minidl resume runs/small-001\n")
    run = Path("runs/small-001")
    last, first = (load_file(run / "checkpoints" / name / "weights.safetensors") for name in ("last", "init"))
    assert (last["0.W_xh"] != first["0.W_xh"]).any()
    assert all(np.isfinite(value).all() for value in last.values())
    assert len((run / "log.jsonl").read_text().splitlines()) >= 2
    assert not (run / "evaluation.json").exists()
    for checkpoint in ("last", "best"):
        assert cli("evaluate", run, "--checkpoint", checkpoint).code == 0
    assert cli("predict", run, "--checkpoint", "last").code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_leaves_at_once(folder: Path, number: signal.Signals) -> None:
    Path("mine.py").write_text(WAITING)
    layers = "[{type: RecurrentLayer, hidden_size: 2}, OwnWaiting, LastStep, {type: Dense, output_size: 1}]"
    with training("--plugin", "mine.py", "--set", f"model.layers={layers}") as process:
        wait_for(process, "inside")
        process.send_signal(number)
        wait_for(process, "noted")
        process.send_signal(number)
        _, err = process.communicate(timeout=100)
    assert process.returncode in (-number, 128 + number)
    assert "Traceback" not in err
    # What was saved before is whole.
    assert (Path("runs/small-001") / "checkpoints" / "init" / "weights.safetensors").is_file()


def test_a_signal_while_data_are_read_leaves_nothing_behind(folder: Path) -> None:
    # The series is a user's own, and reads a pipe that nobody writes to: training has not begun.
    os.mkfifo("pipe.csv")
    Path("slow.py").write_text(SLOW)
    # Opening it to write returns when the other side has opened it to read.
    series = "data.series={type: SlowSeries}"
    with training("--plugin", "slow.py", "--set", series) as process, open("pipe.csv", "w"):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
    assert (process.returncode, out, err) == (130, "", "minidl train: interrupted\n")
    assert not Path("runs").exists()


def test_a_closed_terminal_ends_a_comparison_and_keeps_what_is_done(folder: Path) -> None:
    # The system tells the whole group: the workers, and the helper that Python starts beside them.
    pytest.importorskip("scipy")
    Path("twin.yaml").write_text("extends: small.yaml\noptimizer: {learning_rate: 0.01}\n")
    long = ["--seeds", "200", "--jobs", "2", "--no-protocol"]
    with started("compare", "small.yaml", "twin.yaml", *long) as process:
        wait_for(process, "  3/400")
        os.killpg(process.pid, signal.SIGHUP)
        out, err = process.communicate(timeout=100)
    assert (process.returncode, out) == (129, "")
    lines = [line for line in err.splitlines() if "seed" not in line]
    assert lines == [
        "finished runs are kept; go on with: minidl compare --resume runs/compare-001 --jobs 2",
        "minidl compare: interrupted",
    ]
    assert len(list(Path("runs/compare-001/runs").rglob("*.json"))) >= 3
