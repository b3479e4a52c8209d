"""Rows 17 and 20: a worker of a cluster dies in a sweep; the process that compares dies, or the scheduler."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.reliability import harness
from tests.reliability.harness import ROOT, Outcome, alive, experiment_file, fresh_command, processes, row, wait_for


@contextmanager
def cluster() -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler on the loopback, and the processes: the scheduler's and two workers'."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]]
        return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    told, host = Path("scheduler.json"), "127.0.0.1"
    told.unlink(missing_ok=True)
    processes = [
        start("dask_scheduler", "--host", host, "--port", "0", "--no-dashboard", "--scheduler-file", str(told))
    ]
    try:
        assert wait_for(lambda: told.exists() and told.read_text().rstrip().endswith("}")), "no scheduler has started"
        address = json.loads(told.read_text())["address"]
        worker = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", host)
        processes += [start("dask_worker", address, *worker) for _ in range(2)]
        yield address, processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def outcomes(folder: Path) -> dict[str, Any]:
    """What a comparison has stored of its trainings, without times."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("seed-*")):
        name = str(path.relative_to(folder))
        content = path.read_bytes()
        found[name] = without_times(json.loads(content)["record"]) if path.suffix == ".json" else content
    return found


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        # The environment tells of the threads of the process that happened to compute it.
        return {key: without_times(part) for key, part in value.items() if key not in ("seconds", "environment")}
    return [without_times(part) for part in value] if isinstance(value, list) else value


def compare(folder: str, *more: str) -> subprocess.Popen[bytes]:
    """A comparison of two small configs over some seeds, in a folder of its own."""
    Path(folder).mkdir()
    for name in ("small.yaml", "air.csv"):
        shutil.copy(name, folder)
    text = Path("small.yaml").read_text(encoding="utf-8").replace("hidden_size: 3", "hidden_size: 4")
    Path(folder, "other.yaml").write_text(text, encoding="utf-8")
    arguments = ["compare", "small.yaml", "other.yaml", "--seeds", "4", "--no-protocol", "--set", "training.epochs=40"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
    with Path(folder, "output.txt").open("wb") as output:
        return subprocess.Popen(fresh_command(*arguments, *more), cwd=folder, env=env, stdout=output, stderr=output)


@row(17, "a worker of a cluster dies in a sweep", full=2, sample=1)
def dying_worker(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """A comparison on two workers, one of which is killed; its files equal those of a local one."""
    try:
        import distributed  # noqa: F401

        import minidl.cli.compare
    except ImportError as err:
        outcome.note = f"left out: {err}"
        return
    assert minidl.cli.compare
    experiment_file()
    outcome.check(compare("local", "--jobs", "1").wait(300) == 0, Path("local/output.txt").read_text(encoding="utf-8"))
    here = outcomes(Path("local/runs"))
    for n in range(trials):
        folder = f"cluster-{n}"
        with cluster() as (address, (_, *workers)):
            swept = compare(folder, "--executor", "dask", "--scheduler", address)
            wait_for(lambda folder=folder, n=n: len(outcomes_there(folder)) > n)  # type: ignore[misc]
            rng.choice(workers).send_signal(signal.SIGKILL)
            code = waited_for(swept, 300)
        there = outcomes(Path(folder, "runs"))
        differing = [name for name in here if here[name] != there.get(name)]
        text = Path(folder, "output.txt").read_text(encoding="utf-8")[-300:]
        outcome.check(code == 0 and len(here) == 16 and not differing, f"exit {code}, {differing} differ: {text}")


@row(20, "a comparison's parent or scheduler dies", full=40, sample=1)
def dying_parent(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Half of the trials kill the process that compares, half the scheduler; then the comparison goes on."""
    try:
        import distributed  # noqa: F401
        import scipy  # noqa: F401
    except ImportError as err:
        outcome.note = f"left out: {err}"
        return
    experiment_file()
    outcome.check(compare("local", "--jobs", "1").wait(300) == 0, Path("local/output.txt").read_text(encoding="utf-8"))
    here = outcomes(Path("local/runs"))
    for n in range(trials):
        folder = f"dying-{n}"
        stored = rng.randrange(len(here) // 2)
        problem = (kill_parent if n % 2 else kill_scheduler)(folder, stored, rng)
        arguments = ["compare", "--resume", "runs/compare-001", "--jobs", "1"]
        code, text = (0, "nothing") if problem else run_in(folder, *arguments)
        differing = [name for name, value in here.items() if outcomes(Path(folder, "runs")).get(name) != value]
        outcome.check(not problem and code == 0 and not differing, f"{n}: {problem or differing or text}")
        shutil.rmtree(folder)


def kill_parent(folder: str, stored: int, rng: random.Random) -> str:
    """Kill the process that compares when so many runs are stored; what is wrong with what is left, or nothing."""
    swept = compare(folder, "--jobs", "2")
    wait_for(lambda: len(outcomes_there(folder)) >= stored and len(processes(parent=swept.pid)) >= 2)
    time.sleep(rng.random() / 10)  # at any moment
    left = processes(parent=swept.pid)
    swept.kill()
    swept.wait()
    if not wait_for(lambda: not any(map(alive, left)), timeout=5 * harness.slack):
        for pid in filter(alive, left):
            os.kill(pid, signal.SIGKILL)
        return "workers live on after their parent"
    return "" if len(left) >= 2 else f"{len(left)} processes were there to be left alone"


def waited_for(process: subprocess.Popen[bytes], seconds: float) -> int:
    """A process's exit code; one that hangs is ended, and tells where each of its threads was."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        return process.wait()


def kill_scheduler(folder: str, stored: int, rng: random.Random) -> str:
    """Kill the scheduler when so many runs are stored; what is wrong with how the comparison ends, or nothing."""
    with cluster() as (address, (scheduler, *_)):
        swept = compare(folder, "--executor", "dask", "--scheduler", address)
        wait_for(lambda: len(outcomes_there(folder)) >= stored and Path(folder, "runs/compare-001").exists())
        time.sleep(rng.random() / 10)
        scheduler.kill()
        code = waited_for(swept, 60)
    text = Path(folder, "output.txt").read_text(encoding="utf-8")
    done = len(outcomes_there(folder)) == 8  # too late: there was nothing left for the scheduler to do
    told = [line for line in text.splitlines() if "minidl compare:" in line or "Traceback" in line]
    good = code == 4 and len(told) == 1 and "go on with: minidl compare --resume" in text.splitlines()[-1]
    return "" if good or (code == 0 and done) else f"exit {code}: {text[-4000:]}"


def run_in(folder: str, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a command line in a folder."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    command = fresh_command(*arguments)
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, (done.stdout + done.stderr)[-300:]


def outcomes_there(folder: str) -> list[Path]:
    """The trainings that are stored already."""
    return list(Path(folder).rglob("seed-*.json"))
