"""The workers of one comparison, asked in turn.

A worker that is not asked is stopped: threads of some libraries spin for a while after their work is done, on the core
that the next worker needs.
"""

from __future__ import annotations

import importlib.util
import json
import signal
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.competitors import JAX_INSIDE, ONE_THREAD, OWN_CELL

MODULES = {
    "torch": "torch", "jax": "jax", JAX_INSIDE: "jax", "keras": "keras", "onnxruntime": "onnxruntime",
    "minidl compiled": "numba", ONE_THREAD: "numba", OWN_CELL[1]: "numba",
}  # fmt: skip
Cores = Sequence[int]


class Worker:
    """A competitor's process, on these cores, with as many threads."""

    def __init__(self, name: str, cores: Cores) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.worker", name, ",".join(map(str, cores))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        self.process.send_signal(signal.SIGSTOP)
        return json.loads(line) if line else {"error": "the process ended"}

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        self.process.wait()


def available(names: list[str]) -> tuple[list[str], list[str]]:
    """Competitors that are installed, and a line for each that is not."""
    missing = [n for n in names if n in MODULES and importlib.util.find_spec(MODULES[n]) is None]
    return [n for n in names if n not in missing], [f"{n}: skipped, {MODULES[n]} is not installed" for n in missing]


def checked(made: dict[str, dict[str, Any]], dtype: str) -> dict[str, dict[str, Any]]:
    """What each worker made, without its numbers; ``error`` where they differ from those of the first that has some."""
    result: dict[str, dict[str, Any]] = {}
    expected: list[float] | None = None
    for name, answer in made.items():
        error = answer.get("error")
        if error is None:
            values = answer.get("parameters") or answer["outputs"]
            expected = values if expected is None else expected
            difference = float(np.abs(np.subtract(values, expected)).max())
            # Ten steps from the same weights; sums are added in another order. NaN is no result either.
            if not difference <= (2e-4 if dtype == "float32" else 1e-9):
                error = f"its results differ from minidl's by {difference:.1e}"
        result[name] = {"error": error} if error else {"all": [], "memory": answer.get("memory")}
    return result


def compare(case: Any, names: list[str], cores: Cores, rounds: int, what: str) -> dict[str, dict[str, Any]]:
    """Median seconds of each competitor over `rounds` rounds, after its results were found equal to minidl's.

    Returns a dict by name: ``seconds`` (median), ``all``, ``memory``, or ``error``.
    """
    workers = [Worker(name, cores) for name in names]
    try:
        made = {worker.name: worker.ask(do="make", case=case.name, train=what == "train") for worker in workers}
        result = checked(made, case.dtype)
        running = [worker for worker in workers if "error" not in result[worker.name]]
        for round_ in range(rounds + 1):
            for worker in running:
                n = {"train": case.steps, "one": 1000, "many": 20}[what]
                if worker.name in ("torch", "keras") and n > 10:
                    n //= 10
                seconds = worker.ask(do=what, case=case.name, n=n)["seconds"]
                if round_:  # the first round warms up
                    result[worker.name]["all"].append(seconds)
        for worker in running:
            result[worker.name]["seconds"] = statistics.median(result[worker.name]["all"])
    finally:
        for worker in workers:
            worker.close()
    return result
