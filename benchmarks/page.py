"""``python -m benchmarks.page``: write docs/benchmarks.md from the committed result files, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import report

FOLDER = Path(__file__).parent
RUNS = [
    ("Tanh layers", "result.json"), ("Two threads", "threads.json"), ("LSTMs and GRUs", "cells.json"),
    ("Long tables", "tables.json"),
]  # fmt: skip
HEAD = """# Benchmarks

Each part is one run of `python -m benchmarks`; `benchmarks/README.md` says how it measures. Absolute times wander with the machine's load: trust ratios.

The models are stacks of recurrent layers with 6 features and 24 steps (4 to 64 units), 32 features and 100 steps (256, 256+256) or 64 features and 50 steps (1024), trained on batches of 64 windows. A GRU's reset follows the product, as in PyTorch and Keras. "Own cell" is a `Cell` of a user with the equations of an LSTM.

"Limit" is the time of the multiplications at the fastest matrix product measured on that core, and of the tanh and sigmoid calls. "Ratio at the limit" is what a program at the limit would reach: where it is below "must", no program on this machine can reach it. "must" and "aim" are minidl's own targets. "To one thread" is how many times faster minidl's compiled engine is than with one thread, measured in turn. In runs in which processes that were not asked were not stopped, threads of other libraries that spun on after their work held the second core, and two threads took as long as one, or longer. The products of half a batch go through tiles of two vectors, as those of a whole one: with tiles of one vector they took 0.59 (64 units) to 0.75 (LSTM 64) of the time of 64 windows, now 0.51 and 0.55 (least of eight in turn, on a busy machine). The machine itself gives two processes that multiply matrices of 256 rows apart 1.8 times the speed of one, and two trainings apart with 64 units, one on each core, took 1.01 to 1.02 times as long as one alone.

All of this is of a machine with vectors of 512 bits. "must" for one window of a tanh net and for the NumPy engine at 4 units were set on a slower machine with vectors of 256 bits, where both were met in one run (6.0 to onnxruntime, 12.4 to PyTorch, 1.6 to JAX); here the other libraries gained more than minidl did. There LSTM 4 was at 33 and 5.9, LSTM 16 at 6.5 and 2.9, LSTM 256 at 1.23 and 1.65, GRU 256 at 1.22 and 1.40.

The training on a long table is one epoch of a net of 8 units, the shortest that there is; with more epochs the share of reading is as much smaller.

`minidl compare` trains its runs in processes: in threads of one process, tried once, the 30 seeds gave the same weights to the bit in 37 s instead of 34.
"""  # noqa: E501
RUN = """## {title}

`benchmarks/{name}`, {rounds} rounds. Machine: {cpu}, {cpus} cores, Python {python}, {versions}; \
load before the run {load:.1f}{busy}.
"""
# More than this beside the run: others had a share of the cores.
QUIET = 2


def part(title: str, name: str, result: dict[str, Any]) -> str:
    """One run, written in the file of this name: on what it was measured, and its tables."""
    machine = result["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items() if number)
    load = machine["load"][0]
    busy = ": the machine was busy with other work while this was measured" if load > QUIET else ""
    given = {**machine, "rounds": result["rounds"], "versions": versions, "load": load, "busy": busy}
    head = RUN.format(**given, title=title, name=name)
    tables = [f"### {table}\n\n" + "\n".join(lines) + "\n" for table, lines in report.sections(result)]
    return "\n".join([head, *tables])


def page() -> str:
    """The page's text."""
    parts = [part(title, name, json.loads((FOLDER / name).read_text(encoding="utf-8"))) for title, name in RUNS]
    return "\n".join([HEAD, *parts])


def main() -> None:
    """Write the page."""
    Path("docs/benchmarks.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
