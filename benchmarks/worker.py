"""A competitor in a process of its own, pinned to its cores, that measures when it is told to.

All workers live at once and are asked in turn, so that each round sees the same
state of the machine; a worker that is not asked is stopped and computes nothing.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Serve requests, one JSON object a line: {"do": ..., "case": ...}."""
    name, cores = sys.argv[1], [int(core) for core in sys.argv[2].split(",")]
    # Pinned before any library starts a thread; jax takes other cores whatever its flags say.
    os.sched_setaffinity(0, cores)
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(len(cores))
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to standard error

    from benchmarks.cases import CASES
    from benchmarks.competitors import make

    cases = {case.name: case for case in CASES}
    made: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        case = cases[request["case"]]
        try:
            answer = _answer(request, made, name, case, make)
        except Exception as err:
            answer = {"error": f"{type(err).__name__}: {(str(err).splitlines() or [''])[0][:100]}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _answer(request: dict[str, Any], made: dict[str, Any], name: str, case: Any, make: Any) -> dict[str, Any]:
    what = request["do"]
    if what == "make":
        made.clear()
        if name == "torch":
            import torch  # noqa: F401
        elif name.startswith("jax"):
            import jax  # noqa: F401
        elif name == "keras":
            os.environ["KERAS_BACKEND"] = "jax"
            import keras  # noqa: F401
        elif name.endswith("compiled"):
            import minidl.compiled.engine
        else:
            import minidl.training  # noqa: F401
        before = _start_peak()
        made[case.name] = one = make(name, case)
        if request["train"]:
            one.train(10)
            return {
                "parameters": one.parameters().tolist() if case.steps > 50 else _sample(one),
                "memory": _peak() - before,
            }
        one.ask()
        return {"outputs": [float(one.one().reshape(-1)[0]), *one.many().reshape(-1).tolist()]}
    one = made[case.name]
    started = time.perf_counter()
    if what == "train":
        one.train(request["n"])
    else:
        call = one.one if what == "one" else one.many
        for _ in range(request["n"]):
            call()
    return {"seconds": (time.perf_counter() - started) / request["n"]}


def _sample(one: Any) -> list[float]:
    """Every hundred-and-first number of a large model."""
    return [float(value) for value in one.parameters()[::101]]


def _start_peak() -> int:
    """Memory of the process now, in bytes; the peak is counted from here on."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _peak() -> int:
    """Largest memory of the process since then, in bytes."""
    return _memory("VmHWM")


def _memory(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what + ":"))


if __name__ == "__main__":
    main()
