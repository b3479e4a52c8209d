"""Row 17: a worker of a cluster dies in a sweep."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.reliability.harness import ROOT, Outcome, experiment_file, fresh_command, row, wait_for


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


@contextmanager
def cluster() -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler on the loopback, and its two workers."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    address = f"tcp://127.0.0.1:{free_port()}"

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]]
        return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    host, port = "127.0.0.1", address.rsplit(":", 1)[1]
    processes = [start("dask_scheduler", "--host", host, "--port", port, "--no-dashboard")]
    worker = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", host)
    processes += [start("dask_worker", address, *worker) for _ in range(2)]
    try:
        yield address, processes[1:]
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
    env = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
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
        with cluster() as (address, workers):
            swept = compare(folder, "--executor", "dask", "--scheduler", address)
            wait_for(lambda folder=folder, n=n: len(outcomes_there(folder)) > n)  # type: ignore[misc]
            rng.choice(workers).send_signal(signal.SIGKILL)
            code = swept.wait(300)
        there = outcomes(Path(folder, "runs"))
        differing = [name for name in here if here[name] != there.get(name)]
        text = Path(folder, "output.txt").read_text(encoding="utf-8")[-300:]
        outcome.check(code == 0 and len(here) == 16 and not differing, f"exit {code}, {differing} differ: {text}")


def outcomes_there(folder: str) -> list[Path]:
    """The trainings that are stored already."""
    return list(Path(folder).rglob("seed-*.json"))
