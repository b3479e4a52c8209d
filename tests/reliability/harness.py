"""What the rows share: their list, outcomes, child processes that can be killed, and small experiments."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minidl.files.manifests import MANIFEST
from tests.small import write_experiment

ROOT = Path(__file__).parents[2]


@dataclass
class Outcome:
    """How often a fault was tried, and where it did harm."""

    trials: int = 0
    failures: list[str] = field(default_factory=list)
    note: str = ""

    def check(self, good: bool, what: str) -> None:
        """Count one trial."""
        self.trials += 1
        if not good:
            self.failures.append(what)


# Limits of time are those of the table in the full run; a normal test run, which may share
# its processor with others, only asks that nothing takes far longer.
slack = 1.0


def wait_for_beginning(run: Path) -> None:
    """Until a run can be gone on with: before config.yaml and environment.json are listed there is nothing."""
    wait_for(lambda: (run / "environment.json").exists() and b"environment" in (run / MANIFEST).read_bytes())


def within(seconds: float, limit: float) -> bool:
    """Whether something took less than `limit` seconds, times the slack of a normal test run."""
    return seconds < limit * slack


Proof = Callable[[int, random.Random, Outcome], None]


@dataclass(frozen=True)
class Row:
    """One row of the table of faults.

    full, sample : number of trials in ``make faults`` and in a normal test run.
    """

    number: int
    title: str
    full: int
    sample: int
    proof: Proof

    def run(self, trials: int, seed: int) -> Outcome:
        outcome = Outcome()
        with scratch():
            self.proof(trials, random.Random(seed * 100 + self.number), outcome)
        return outcome


ROWS: dict[int, list[Row]] = {}  # a fault may be proved in several parts


def row(number: int, title: str, *, full: int, sample: int) -> Callable[[Proof], Proof]:
    """Decorator: a proof of one row, called as proof(trials, rng, outcome) in an empty folder."""

    def decorate(proof: Proof) -> Proof:
        ROWS.setdefault(number, []).append(Row(number, title, full, sample, proof))
        return proof

    return decorate


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder in memory where there is one, as the current one; removed at the end.

    Its parent is its own too: what a fault writes to ``..`` shows there.
    """
    before = Path.cwd()
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="minidl-faults-", dir=base) as parent:
        folder = Path(parent, "scratch")
        folder.mkdir()
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)


def fork(function: Callable[[], Any], output: str | Path = os.devnull) -> int:
    """The id of a new process that calls `function`, its standard output and error in a file.

    The process ends with the int that the function returns, or with 99 and a
    traceback in the file after an exception.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", closefd=False)
        result = function()
        code = result if isinstance(result, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def wait(pid: int, timeout: float = 60) -> int:
    """The exit code of a child, -N after signal N; a child that hangs is killed and counts as -9."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    return kill(pid)


def kill(pid: int, number: int = signal.SIGKILL) -> int:
    """Send a signal to a child that may have ended; wait for its end."""
    os.kill(pid, number)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def wait_for(condition: Callable[[], bool], timeout: float = 60) -> bool:
    """Whether a condition came true in time."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.0005)
    return True


def processes(*, parent: int | None = None, group: int | None = None) -> list[int]:
    """Those that run and that this process has started, or that are of this group, as Linux tells."""
    found = {int(path.name): _stat(path) for path in Path("/proc").glob("[0-9]*")}
    return [pid for pid, its in found.items() if its[0] != "Z" and (its[1] == parent or its[2] == group)]


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended may wait for somebody to ask how."""
    return _stat(Path("/proc", str(pid)))[0] != "Z"


def _stat(path: Path) -> tuple[str, int, int]:
    """State, parent and group of a process."""
    try:
        state, parent, group = (path / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:3]
    except OSError:  # it has just ended
        return "Z", 0, 0
    return state, int(parent), int(group)


def command(*arguments: str) -> Callable[[], int]:
    """A minidl command line, for `fork`."""
    from minidl.cli import main

    return lambda: main(list(arguments))


SABOTAGE = "MINIDL_FAULTS_SABOTAGE"  # the protection that fresh processes go without
_MAIN = (
    "import os, sys; from tests.reliability.sabotages import SABOTAGES; from minidl.cli import main;"
    f"SABOTAGES[os.environ['{SABOTAGE}']](); sys.exit(main())"
)


def fresh_command(*arguments: str) -> list[str]:
    """A minidl command line for a fresh Python process, which needs ROOT in PYTHONPATH."""
    start = ["-c", _MAIN] if SABOTAGE in os.environ else ["-m", "minidl"]
    return [sys.executable, *start, *arguments]


def run_command(*arguments: str, timeout: float = 60) -> tuple[int, str]:
    """Exit code and output of a minidl command line in a process of its own."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as output:
        code = wait(fork(command(*arguments), output.name), timeout)
        return code, output.read()


def experiment_file(*overrides: str) -> list[str]:
    """Write air.csv and small.yaml into the current folder; the command-line arguments of the experiment."""
    if not Path("small.yaml").exists():
        write_experiment(Path())
    return ["small.yaml", *(part for override in overrides for part in ("--set", override))]


def lines_of(text: str) -> Sequence[str]:
    return [line for line in text.splitlines() if line.strip()]
