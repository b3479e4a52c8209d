"""What bounds a training step on this machine: ``python -m benchmarks.limits CORE`` prints it as JSON.

A process of its own, pinned to one core before NumPy starts, like the competitors.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.cases import BATCH, Case

Peak = dict[str, float]
# Of a unit in one step: tanh and sigmoid calls.
CURVES = {"Elman": 1, "LSTM": 5, "GRU": 3}


def measure(core: int) -> dict[str, Peak]:
    """For each dtype ``operations``, of matrix products a second, and ``tanh``, seconds of one."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.limits", str(core)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, Peak] = json.loads(done.stdout)
    return found


def median(peaks: list[dict[str, Peak]]) -> dict[str, Peak]:
    """Of several measurements."""
    return {
        kind: {what: statistics.median(peak[kind][what] for peak in peaks) for what in of}
        for kind, of in peaks[0].items()
    }


def limit(case: Case, peak: Peak) -> float:
    """Seconds of a step at the peak of matrix products, and its tanh calls.

    A sigmoid counts as a tanh, for σ(a) = (1 + tanh(a / 2)) / 2.
    """
    total, rows, gates = 0.0, BATCH * case.time, len(case.gates)
    for i, (a, b) in enumerate(itertools.pairwise((case.features, *case.hidden))):
        # forward a·b and b·b, gradients the same again, dh by b·b, dx by a·b except in the first layer
        total += 2 * rows * gates * (2 * (a * b + b * b) + b * b + (a * b if i else 0))
    return total / peak["operations"] + rows * sum(case.hidden) * CURVES[case.kind] * peak["tanh"]


def _main() -> None:
    os.sched_setaffinity(0, {int(sys.argv[1])})
    print(json.dumps({dtype: {"operations": _operations(dtype), "tanh": _tanh(dtype)} for dtype in KINDS}))


KINDS = ("float32", "float64")


def _operations(dtype: str) -> float:
    import numpy as np

    rng = np.random.default_rng(0)
    found = 0.0
    for n in (256, 512):
        a, b = (rng.normal(size=(n, n)).astype(dtype) for _ in range(2))
        out = np.empty_like(a)
        found = max(found, 2 * n**3 / _median(lambda a=a, b=b, out=out: np.dot(a, b, out=out)))
    return found


def _tanh(dtype: str) -> float:
    """The faster of NumPy's and the compiled engine's, for numbers that lie in the first cache."""
    import numpy as np

    x = np.random.default_rng(0).normal(size=6144).astype(dtype)
    y = np.empty_like(x)
    calls: list[Callable[[], Any]] = [lambda: np.tanh(x, y)]
    with contextlib.suppress(ImportError):
        calls.append(_compiled_tanh(x, y))
    return min(_median(call) for call in calls) / x.size


def _compiled_tanh(x: Any, y: Any) -> Callable[[], Any]:
    import numba  # noqa: F401

    from minidl.compiled.emit.functions import tanh
    from minidl.compiled.jit import jit

    @jit
    def loop(x: Any, y: Any) -> None:
        for k in range(x.size):
            y[k] = tanh(x[k])

    loop(x, y)
    return lambda: loop(x, y)


def _median(call: Callable[[], Any]) -> float:
    times = []
    for _ in range(200):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


if __name__ == "__main__":
    _main()
