"""The workers of one comparison, asked in turn."""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.competitors import JAX_INSIDE

MODULES = {
    "torch": "torch", "jax": "jax", JAX_INSIDE: "jax", "keras": "keras", "onnxruntime": "onnxruntime",
    "minidl compiled": "numba",
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
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": "the process ended"}

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def available(names: list[str]) -> tuple[list[str], list[str]]:
    """Competitors that are installed, and a line for each that is not."""
    missing = [n for n in names if n in MODULES and importlib.util.find_spec(MODULES[n]) is None]
    return [n for n in names if n not in missing], [f"{n}: skipped, {MODULES[n]} is not installed" for n in missing]


def compare(case: Any, names: list[str], cores: Cores, rounds: int, what: str) -> dict[str, dict[str, Any]]:
    """Median seconds of each competitor over `rounds` rounds, after its results were found equal to minidl's.

    Returns a dict by name: ``seconds`` (median), ``all``, ``memory``, or ``error``.
    """
    result: dict[str, dict[str, Any]] = {}
    workers = [Worker(name, cores) for name in names]
    expected: list[float] | None = None
    try:
        running = []
        for worker in workers:
            made = worker.ask(do="make", case=case.name, train=what == "train")
            error = made.get("error")
            values = made.get("parameters") or made.get("outputs")
            if error is None:
                expected = values if expected is None else expected
                difference = max(abs(a - b) for a, b in zip(values, expected, strict=True))
                # Ten steps from the same weights; sums are added in another order.
                if difference > (2e-4 if case.dtype == "float32" else 1e-9):
                    error = f"its results differ from minidl's by {difference:.1e}"
            result[worker.name] = {"error": error} if error else {"all": [], "memory": made.get("memory")}
            if not error:
                running.append(worker)
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
